"""Which Python runs the engine, and whether it can: torch may live in an environment of its own.

A run names one (`runtime.engine_python`), else the profile does (SAPO_ENGINE_PYTHON, or the file that `choose` writes),
else it is the Python of this process. Another Python is asked what it has before it is trusted with a run.

The packaged program (packaging/) is no Python that torch could be put into: there, one has to be named, or set up
(`sapo_studio.app.engine_setup`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from sapo_studio import paths, stoppable
from sapo_studio.errors import InputError, NoEngine, StoreError
from sapo_studio.files import read_text, write_atomic

PYTHON_VARIABLE = "SAPO_ENGINE_PYTHON"
PLACE = "engine-python"
"""The file in the data folder with the path that `choose` was given."""

NEEDED = ("torch", "transformers", "tokenizers", "safetensors")
SEEN = (*NEEDED, "peft", "accelerate", "vllm", "bitsandbytes", "trl", "ray", "datasets")
"""Packages that a Python is asked for."""
SECONDS = 60.0

PROBE = f"""
import importlib.metadata as m, json, sys
found = {{}}
for name in {SEEN!r}:
    try:
        found[name] = m.version(name)
    except m.PackageNotFoundError:
        pass
told = {{"python": sys.version.split()[0], "packages": found, "protocol": None, "release": ""}}
try:
    import sapo_engine
    from sapo_studio import __version__
    from sapo_studio.events import PROTOCOL
    told["protocol"], told["release"] = PROTOCOL, __version__
except ImportError as error:
    told["why"] = str(error)
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Engine:
    """What a Python has: its version, packages by name, the engine's protocol (None: it has no engine, and `why`)."""

    path: Path
    python: str
    packages: dict[str, str] = field(default_factory=dict[str, str])
    protocol: int | None = None
    release: str = ""
    why: str = ""

    @property
    def summary(self) -> str:
        """In a line: `Python 3.11.4, torch 2.6.0, transformers 5.0.0`."""
        named = [f"{name} {self.packages[name]}" for name in ("torch", "transformers") if name in self.packages]
        return ", ".join([f"Python {self.python}", *named])


_FOR_NOW: ContextVar[str] = ContextVar("engine_python", default="")


@contextmanager
def lives_in(python: str) -> Generator[None]:
    """Inside, an engine that is asked something lives in `python` (empty: where it does anyway)."""
    before = _FOR_NOW.set(python)
    try:
        yield
    finally:
        _FOR_NOW.reset(before)


def is_bundle() -> bool:
    """Whether this is the packaged program, which brings its own Python for window and command line alone."""
    return bool(getattr(sys, "frozen", False))


def python_of(chosen: str = "") -> Path:
    """The Python that a run with this `runtime.engine_python` works in. Raises NoEngine where there is none."""
    named = chosen or _FOR_NOW.get() or os.environ.get(PYTHON_VARIABLE, "") or chosen_for_all()
    if named:
        return paths.user_path(named)
    if is_bundle():
        raise _no_engine("This program brings none, as torch is large.")
    return Path(sys.executable)


def is_chosen(python: str) -> bool:
    """Whether `python` is the one that runs here work in anyway: chosen by the person, or this program's own."""
    return python in (os.environ.get(PYTHON_VARIABLE, ""), chosen_for_all(), "" if is_bundle() else sys.executable)


def check_own() -> None:
    """Raise NoEngine where this program's own Python has no torch, and so none of its own can run."""
    lacking = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if lacking:
        raise _no_engine(f"Not installed: {', '.join(lacking)}.")


def check_there(chosen: str = "") -> None:
    """Raise NoEngine where a run with this `runtime.engine_python` could have no engine at all. Cheap: nothing is
    started, and another Python is not asked what it has."""
    if is_own(python_of(chosen)):
        check_own()


def _no_engine(why: str) -> NoEngine:
    fix = "Set one up: `sapo engine install`, or Engine in the window's Store menu."
    return NoEngine("There is no engine yet", why=why, fix=fix)


def is_own(python: Path) -> bool:
    """Whether it is the Python of this process. Links are not followed: those of two environments may lead to one
    file."""
    return os.path.abspath(python) == os.path.abspath(sys.executable)  # noqa: PTH100  # resolve() would follow links


def choose(python: str) -> None:
    """Keep `python` as the one for all runs that name none; empty: this program's own again. Raises StoreError."""
    place = paths.data_dir() / PLACE
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, f"{python}\n".encode())
    except OSError as error:
        raise StoreError(f"Cannot write {place}", why=str(error), fix="Make the data folder writable.") from error


def chosen_for_all() -> str:
    """The Python that `choose` was given; empty where there is none."""
    place = paths.data_dir() / PLACE
    return read_text(place).strip() if place.is_file() else ""


def look(python: Path) -> Engine:
    """Ask `python` what it has; takes a second. Raises InputError where it is none, or does not answer."""
    if not python.is_file():
        raise InputError(f"There is no Python {python}", fix="Give the whole path, such as ~/torch-env/bin/python.")
    try:
        done = stoppable.runner(subprocess.run)(
            [str(python), "-P", "-c", PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{python} cannot be started", why=str(error)) from error
    try:
        told = json.loads(done.stdout.strip().rpartition("\n")[2] or "null")
        return Engine(python, told["python"], told["packages"], told["protocol"], told["release"], told.get("why", ""))
    except (ValueError, KeyError, TypeError) as error:
        last = done.stderr.strip().rpartition("\n")[2] or "It said nothing that can be read."
        raise InputError(
            f"{python} is no Python that can run the engine", why=last, fix="It has to be 3.11 or newer."
        ) from error


def check(engine: Engine, protocol: int) -> None:
    """Raise InputError unless `engine` can work on runs of a program that speaks `protocol`."""
    install = install_command(engine.path, "engine", upgrade=True)
    if engine.protocol is None:
        raise InputError(f"{engine.path} has no SAPO Studio engine", why=engine.why, fix=f"Install it there: {install}")
    if engine.protocol != protocol:
        raise InputError(
            f"The engine in {engine.path} is of another version",
            why=f"It is release {engine.release} and speaks protocol {engine.protocol}, this program {protocol}.",
            fix=f"Install both from one release: {install}",
        )
    least = least_versions()
    wrong = [_what(name, engine.packages.get(name), least.get(name, "")) for name in NEEDED]
    if any(wrong):
        why = "; ".join(text for text in wrong if text)
        raise InputError(f"{engine.path} cannot run the engine", why=f"{why}.", fix=f"Install it there: {install}")


def install_command(python: Path, extra: str, *, upgrade: bool = False) -> str:
    """The command that brings an extra of this program into the environment of `python`."""
    if python.is_relative_to(paths.engine_dir()):
        return "sapo engine install" if extra == "engine" else f"sapo engine install --extra {extra}"
    pip = "pip" if str(python) == sys.executable else f"{python} -m pip"
    return f"{pip} install {'--upgrade ' if upgrade else ''}'sapo-studio[{extra}]'"


def other_release(engine: Engine, release: str) -> str:
    """What is said of an engine of another release than this program's, `release`, that it may work with all the same;
    empty where they are of one."""
    if engine.release == release:
        return ""
    install = install_command(engine.path, "engine", upgrade=True)
    return f"The engine is of release {engine.release}, this program of {release}: {install} brings them together."


def _what(name: str, found: str | None, least: str) -> str:
    if found is None:
        return f"{name} is not installed"
    return f"{name} is {found}, {least} or newer is needed" if least and _numbers(found) < _numbers(least) else ""


def least_versions() -> dict[str, str]:
    """The oldest releases that the engine works with, by package, as this program's own metadata has them."""
    try:
        wanted = requires("sapo-studio") or []
    except PackageNotFoundError:  # a source tree that was never installed
        return {}
    found = (re.match(r"([A-Za-z0-9_.-]+)[^;]*?>=\s*([0-9.]+)", text) for text in wanted)
    return {match[1].lower(): match[2] for match in found if match}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])
