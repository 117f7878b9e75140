"""Making the engine's environment. One that was cut off is gone on with or begun anew, and never used half done: which
Python engines live in is written down last, in one move."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path

from sapo_studio import __version__, engines, paths, processes
from sapo_studio.app.engine_setup import output, own_wheel
from sapo_studio.app.engine_setup.plan import (
    Build,
    Maker,
    Plan,
    Sources,
    Step,
    check_extras,
    steps,
    torch_index,
    torch_requirement,
)
from sapo_studio.app.engine_setup.pythons import choose_maker, plain, this_machine, unconfigured
from sapo_studio.app.engine_setup.standing import (
    BEGUN,
    ENVIRONMENT,
    OWNER,
    Made,
    alone,
    clear,
    end_what_is_left,
    folder_of,
    folders,
    keep,
    made_for_all,
    made_in,
    working,
)
from sapo_studio.errors import EngineError, InputError, Stopped, StoreError
from sapo_studio.events import PROTOCOL
from sapo_studio.files import read_text, write_atomic, writing_advice

LOG = "setup.log"
TRIED_SECONDS = 300.0
"""For torch to be loaded once: the first time its files are compiled."""
_KEPT_LINES = 60
_TRY = (
    "import json, torch, transformers; print(json.dumps([torch.__version__, torch.cuda.is_available(), "
    "torch.ones(2).sum().item()]))"
)


@dataclass(frozen=True)
class Wanted:
    """What the user asks for; everything is chosen by what is there where it is left open."""

    build: Build | None = None
    python: str = ""
    maker: Maker | None = None
    extras: tuple[str, ...] = ()
    sources: Sources = field(default_factory=Sources)


@dataclass(frozen=True)
class Progress:
    """How far it is: the number of the step under way, from 1, of how many; what is done, and what of it right now."""

    step: int
    steps: int
    title: str
    detail: str = ""


Hear = Callable[[Progress], object]


def plan_for(wanted: Wanted) -> Plan:
    """What would be done here. Writes no more than this program as a wheel, and asks nobody.

    Raises InputError where there is no Python to make it with, or what is wanted is not to be had; StoreError where the
    data folder cannot be written.
    """
    machine = this_machine()
    build = wanted.build or machine.build
    torch_index(machine, build)  # refuses one that is not to be had
    extras = check_extras((*wanted.extras, *_extras_now()))
    if wanted.sources.wheels is not None and not wanted.sources.wheels.is_dir():
        raise InputError(f"There is no folder {wanted.sources.wheels}", fix="Name a folder of wheels.")
    maker, program, python = choose_maker(wanted.python, wanted.maker)
    try:
        wheel = own_wheel.own_wheel(paths.engine_dir() / "wheels")
    except OSError as error:
        place = paths.engine_dir()
        raise StoreError(f"Cannot write {place}", why=str(error), fix=writing_advice(error)) from error
    constraints = own_wheel.constraints()
    plan = Plan(
        folder=Path(),
        machine=machine,
        build=build,
        maker=maker,
        program=program,
        python=python,
        wheel=wheel,
        mark=own_wheel.fingerprint(wheel),
        extras=extras,
        sources=wanted.sources,
        constraints=constraints,
        torch="torch" if constraints is None else torch_requirement(read_text(constraints)),
    )
    return plan.placed(_place(plan) / ENVIRONMENT)


def _extras_now() -> tuple[str, ...]:
    """Extras of the environment that engines live in: whoever asked for them goes on having them."""
    made = made_for_all()
    return () if made is None else made.extras


def _place(plan: Plan) -> Path:
    """The folder for it: one in which the same was begun or made, else a free one."""
    for folder in folders():
        if _begun(folder) == plan.identity:
            return folder
    number = 1
    while (place := paths.engine_dir() / f"{__version__}-{plan.build}-{number}").exists():
        number += 1
    return place


def _begun(folder: Path) -> str:
    try:
        return (folder / BEGUN).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def make(plan: Plan, hear: Hear, *, anew: bool = False) -> Made:
    """Make the environment of `plan` and have engines live in it from now on. `anew`: from the beginning, whatever is
    there. Ctrl+C ends what runs and raises Stopped.

    Raises InputError where somebody else is at it or there is no room; EngineError where a step fails.
    """
    place = plan.folder.parent
    with alone():
        made = None if anew else made_in(place)
        if made is not None and made.identity != plan.identity:
            raise InputError("Another engine was set up meanwhile", fix="Begin again to have this one in its place.")
        if made is None:
            _clear_unfinished(place)
            if anew:
                clear(place)
            _check_room(plan)
            made = _carry_out(plan, place, hear)
            keep(place, made)
        engines.choose(str(plan.environment_python))
        _clear_others(place)
    return made


def _check_room(plan: Plan) -> None:
    free = shutil.disk_usage(paths.engine_dir()).free
    if plan.sources.wheels is None and free < plan.on_disk and free < plan.on_disk - _size(plan.folder):
        there = f"{free / 1e9:.1f} GB are free in {paths.engine_dir()}"
        raise InputError(
            "There is no room for the engine",
            why=f"It takes about {plan.on_disk / 1e9:.1f} GB, and {there}.",
            fix=f"Free some space, or set {paths.HOME_VARIABLE} to a folder on a larger disk.",
        )


def _size(folder: Path) -> int:
    """Bytes in `folder`: of what was begun, that much is there already."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def _carry_out(plan: Plan, place: Path, hear: Hear) -> Made:
    end_what_is_left(place)
    if _begun(place) != plan.identity:
        clear(place)
    log = paths.engine_dir() / LOG
    try:
        place.mkdir(parents=True, exist_ok=True)
        write_atomic(place / BEGUN, plan.identity.encode())
        write_atomic(place / OWNER, str(os.getpid()).encode())
        log.write_bytes(b"")
    except OSError as error:
        raise StoreError(f"Cannot write {place}", why=str(error), fix=writing_advice(error)) from error
    todo = steps(plan)
    count = len(todo) + 1
    for number, step in enumerate(todo, start=1):
        hear(Progress(number, count, step.title))
        _run(
            step,
            log,
            lambda detail, number=number, title=step.title: hear(Progress(number, count, title, detail)),
            alone=plan.sources.wheels is not None,
        )
    hear(Progress(count, count, "Trying it out", "loading torch for the first time"))
    return _tried(plan)


def _run(step: Step, log: Path, say: Callable[[str], object], *, alone: bool) -> None:
    """`alone`: whatever pip and uv are configured to do here, what is not in the folder comes from nowhere."""
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    own = unconfigured() if alone else plain()
    environment = {**own, processes.PARENT_VARIABLE: str(os.getpid()), "PYTHONUTF8": "1", "NO_COLOR": "1"}
    try:
        process = subprocess.Popen(
            step.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd=log.parent,
            start_new_session=True,  # Ctrl+C is for us: we end it with all that it started
            creationflags=processes.own_group_flags(),
        )
    except OSError as error:
        raise EngineError(f"{step.command[0]} cannot be started", why=str(error), fix=output.ELSE) from error
    assert process.stdout is not None
    identity = processes.identify(process.pid)
    try:
        with log.open("ab", buffering=0) as written, process.stdout:
            _note(written, f"$ {' '.join(step.command)}\n")
            for line in process.stdout:
                _note(written, line)
                kept.append(line)
                detail = output.how_far(line)
                if detail:
                    say(detail)
        code = process.wait()
    except KeyboardInterrupt:
        processes.kill_tree(identity)
        process.wait()
        raise Stopped("The engine's set-up was stopped", fix="Begin it again to go on where it was.") from None
    except BaseException:
        processes.kill_tree(identity)
        process.wait()
        raise
    if code != 0:
        why, fix = output.cause(kept)
        raise EngineError(f"{step.title} failed", why=why, fix=f"{fix} All that was said is in {log}.")


def _note(log: RawIOBase, text: str) -> None:
    """Write it down. Where the disk is full, that is for pip or uv to say, which need more room than this."""
    with suppress(OSError):
        log.write(text.encode())


def _tried(plan: Plan) -> Made:
    """The environment is asked what it has, and torch is loaded and computes in it once."""
    python = plan.environment_python
    found = engines.look(python)
    engines.check(found, PROTOCOL)
    unusable = "torch cannot be used in the engine's environment"
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", _TRY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=plain(),
            check=False,
            timeout=TRIED_SECONDS,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise EngineError(unusable, why=str(error), fix=output.ELSE) from error
    try:
        version, cuda, total = json.loads(done.stdout.strip().rpartition("\n")[2] or "null")
    except (ValueError, TypeError) as error:
        raise EngineError(unusable, why=done.stderr.strip().rpartition("\n")[2], fix=output.ELSE) from error
    if total != 2:
        raise EngineError("torch computes wrongly here", why=f"1 + 1 came to {total}.", fix="Choose another build.")
    return Made(
        release=found.release,
        build=plan.build,
        python=found.python,
        torch=str(version),
        cuda=bool(cuda),
        extras=plan.extras,
        identity=plan.identity,
    )


def _clear_unfinished(place: Path) -> None:
    """What was begun by another plan and never finished: nobody goes on with it, and it may be gigabytes."""
    for folder in folders():
        if folder != place and made_in(folder) is None:
            clear(folder)


def _clear_others(place: Path) -> None:
    """Environments that nothing uses any more. While an engine works, which may live in one, they stay until the next
    time."""
    if working():
        return
    for folder in folders():
        if folder != place and folder != folder_of(engines.python_of()):
            clear(folder)
