"""Chat templates, rendered in a process of their own: a template is a program that came with the model, and may compute
without end or fill the memory. One process serves the whole run, and is ended for what takes too much."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from sapo_engine.tasks.base import Message
from sapo_studio.errors import EngineError, InputError
from sapo_studio.model_files.reading import MIB, shown
from sapo_studio.processes import PARENT_VARIABLE, KillOnCloseJob, own_group_flags

SECONDS = 5.0
"""Of computing, that the chats of a request may take together (and EACH more for each). Real templates take a
millisecond for one."""
EACH = 0.02
WAIT = 4.0
"""So many times as long a request may take by the clock: other programs compute as well."""
MEMORY = 512 * MIB
"""Bytes that rendering may take."""
LONGEST = 4 * MIB
"""Characters of a rendered chat."""
TOGETHER = 256
"""Chats a request."""
_START_SECONDS = 120.0
_KILL, _XCPU = 9, 24
"""Numbers of signals."""
_CHILD = Path(__file__).with_name("template_child.py")
_KEPT = ("TZ", "LANG", "LC_ALL", "LC_TIME", "SYSTEMROOT", PARENT_VARIABLE)
"""What the process gets of this one's environment: the language of dates, and whose it is."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text of each chat, None where the template refuses it (`raise_exception`).

    `refused`: its words for the first of these.
    """

    texts: list[str | None]
    refused: str = ""


@dataclass(slots=True)
class TemplateProcess:
    """Renders chats, one request at a time. The process is started when it is first needed, and again after it had to
    be ended. It ends with this one."""

    _process: subprocess.Popen[bytes] | None = None
    _job: KillOnCloseJob = field(default_factory=KillOnCloseJob)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def render(
        self, template: str, chats: Sequence[Sequence[Message]], facts: Mapping[str, Any], *, prompt: bool
    ) -> Rendered:
        """`chats` by `template`; with `prompt` up to where the model is to answer.

        `facts` are what the template may use beside the messages. Raises InputError where it fails, does not end or
        takes too much memory.
        """
        texts: list[str | None] = []
        refused = ""
        for begin in range(0, len(chats), TOGETHER):
            part = chats[begin : begin + TOGETHER]
            seconds = SECONDS + EACH * len(part)
            request = {
                "template": template,
                "chats": [[dict(message) for message in chat] for chat in part],
                "facts": dict(facts),
                "prompt": prompt,
                "seconds": seconds,
                "longest": LONGEST,
            }
            with self._lock:
                answer = self._ask(json.dumps(request).encode("ascii"), seconds)
            found = answer.get("texts")
            if not isinstance(found, list) or len(cast("list[object]", found)) != len(part):
                raise _refusal(answer.get("error"))
            texts += [text if text is None else str(text) for text in cast("list[object]", found)]
            refused = refused or str(answer.get("refused"))
        return Rendered(texts, refused)

    def close(self) -> None:
        """End the process. It may be called twice."""
        with self._lock:
            self._end()

    def _end(self) -> int | None:
        """Its exit code, where it had ended by itself."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        with suppress(OSError):
            cast("Any", process.stdin).close()
        cast("Any", process.stdout).close()
        return process.wait()

    def _ask(self, body: bytes, seconds: float) -> dict[str, Any]:
        late = threading.Event()
        code: int | None = None
        for _ in range(2):
            answer = self._exchange(self._started(), body, WAIT * seconds, late)
            if answer is not None:
                return answer
            code = self._end()
            if late.is_set() or code == -_XCPU:
                raise _endless(seconds)
            if code != -_KILL:
                break
            # Killed by somebody else; so the system does when the thread ends that started it. Once more.
        raise InputError(
            "The model's chat template ended the process that it ran in",
            why=f"The process ended with {code}.",
            fix=NOT_THIS,
        )

    def _started(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None:
            return process
        self._end()
        folders = sorted({_folder_of("jinja2"), _folder_of("markupsafe")})
        try:
            process = self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_CHILD), str(os.getpid()), str(MEMORY), *folders],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
                creationflags=own_group_flags(),
            )
        except OSError as error:
            raise EngineError("The process for chat templates could not be started", why=str(error)) from error
        self._job.add(process)
        if self._exchange(process, b"", _START_SECONDS, threading.Event()) is None:
            raise EngineError("The process for chat templates did not start", why=f"It ended with {self._end()}.")
        return process

    @staticmethod
    def _exchange(
        process: subprocess.Popen[bytes], body: bytes, seconds: float, late: threading.Event
    ) -> dict[str, Any] | None:
        """Send `body` (if any) and take the answer. None where there is none in time; then `late` is set."""

        def strike() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, strike)
        timer.daemon = True
        timer.start()
        stdin, stdout = cast("Any", process.stdin), cast("Any", process.stdout)
        try:
            if body:
                stdin.write(len(body).to_bytes(8, "little") + body)
                stdin.flush()
            length = int.from_bytes(stdout.read(8), "little")
            answer = stdout.read(length) if 0 < length <= MEMORY else b""
            found: object = json.loads(answer) if answer and len(answer) == length else None
            return cast("dict[str, Any]", found) if isinstance(found, dict) else None
        except (OSError, ValueError, RecursionError):  # it has ended, or answers nonsense
            return None
        finally:
            timer.cancel()


NOT_THIS = "Do not use this model, or correct its chat_template.jinja."
TEMPLATES = TemplateProcess()
"""This program's one."""
atexit.register(TEMPLATES.close)


def _folder_of(package: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise EngineError(f"Chat templates need the package {package}", fix="pip install 'sapo-studio[engine]'")
    return str(Path(spec.origin).parents[1])


def _endless(seconds: float) -> InputError:
    return InputError(
        "The model's chat template does not end",
        why=f"It was stopped after {seconds:.0f} s of computing.",
        fix=NOT_THIS,
    )


def _refusal(error: object) -> InputError:
    told = cast("list[object]", error) if isinstance(error, list) else []
    kind, said = told if len(told) == 2 else ("", "")
    if kind == "memory":
        return InputError(
            "The model's chat template takes too much memory",
            why=f"It was stopped at {MEMORY // MIB} MiB.",
            fix=NOT_THIS,
        )
    if kind == "long":
        return InputError(
            "The model's chat template writes too much", why=f"A single chat came to {shown(said)}.", fix=NOT_THIS
        )
    return InputError("The model's chat template failed", why=shown(said, 300), fix=NOT_THIS)
