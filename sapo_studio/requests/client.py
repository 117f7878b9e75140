"""Asking an engine: it is started for one request and ends with its answer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any, cast

from sapo_studio import engines, stoppable
from sapo_studio.errors import EngineError
from sapo_studio.requests.endings import unanswered
from sapo_studio.requests.home import python_for
from sapo_studio.requests.kinds import Request
from sapo_studio.requests.wire import read_error, read_progress

_DESCRIPTOR = re.compile(r'"/(?:dev|proc/self)/fd/(\d{1,6})"')
ENGINE_ARGUMENTS = ("-P", "-m")
COMMAND = (sys.executable, *ENGINE_ARGUMENTS, "sapo_engine.service")


def command_for(request: Request) -> tuple[str, ...]:
    """The program that answers `request`, with its arguments: an engine in the Python of `python_for`. Raises
    InputError where the path of that cannot be one."""
    lives = python_for(request)
    return COMMAND if engines.is_own(lives) else (str(lives), *COMMAND[1:])


def ask(
    request: Request, *, seconds: float | None = None, hear: Callable[[float], object] | None = None
) -> dict[str, Any]:
    """The engine's answer to `request`: what it holds is said at the request. `hear` is told how far it is, a fraction
    of 1, where the request says that progress is told.

    A request that streams has its results written straight to standard output meanwhile. The engine is that of
    `command_for`. Raises the error that the engine told; EngineError where it could not be started, ended without an
    answer, or took longer than `seconds`; InputError where the path of its Python cannot be one.
    """
    text = request.to_json()
    command = command_for(request)
    if hear is not None:
        return _heard(command, text, hear)
    try:
        done = stoppable.runner(subprocess.run)(
            [*command, text] if request.reads_input else command,
            input=None if request.reads_input else text,
            stdout=None if request.streams else subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=seconds,
            # /dev/fd/63, as a shell writes <(...): what it passed to this process is the engine's to read.
            pass_fds=_passed(text),
        )
    except OSError as error:
        raise EngineError("The engine could not be started", why=str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"The engine has not answered within {seconds:g} seconds") from error
    return answer_of(done.returncode, done.stderr if request.streams else done.stdout or "", done.stderr)


def _heard(command: Sequence[str], text: str, hear: Callable[[float], object]) -> dict[str, Any]:
    """`ask` for a request that is read from standard input, with its progress."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", pass_fds=_passed(text)
        )
    except OSError as error:
        raise EngineError("The engine could not be started", why=str(error)) from error
    with process, ThreadPoolExecutor(2) as threads:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        threads.submit(_write, process.stdin, text)
        out = threads.submit(process.stdout.read)
        errors: list[str] = []
        try:
            for line in process.stderr:
                done = read_progress(line)
                if done is None:
                    errors.append(line)
                else:
                    hear(done)
        except BaseException:
            process.kill()
            raise
        status = process.wait()
        return answer_of(status, out.result(), "".join(errors))


def _write(pipe: IO[str], text: str) -> None:
    with suppress(OSError), pipe:  # it may have ended already; then its last words say why
        pipe.write(text)


def answer_of(status: int, out: str, errors: str) -> dict[str, Any]:
    """What an engine that ended with `status` (negative: by a signal) has answered: the last line of `out`. Raises as
    `ask` does."""
    last = _last_line(errors)
    if status == 0:
        found = _read(_last_line(out))
        if found is not None:
            return found
    else:
        told = read_error(last)
        if told is not None:
            raise told
    raise unanswered(status, last)


def _passed(request: str) -> tuple[int, ...]:
    """The open files that texts in a request name (`/dev/fd/63`)."""
    named = {int(number) for number in _DESCRIPTOR.findall(request)}
    return tuple(number for number in named if number > 2 and _is_open(number))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def _read(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None
