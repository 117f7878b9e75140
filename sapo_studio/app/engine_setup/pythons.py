"""Which Python the engine's environment is made with, and by what: uv where it is there, else that Python's venv."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sapo_studio import engines, hardware, paths
from sapo_studio.app.engine_setup.plan import Machine, Maker, this_system
from sapo_studio.errors import InputError
from sapo_studio.paths import resources_dir

NAMES = ("python3.13", "python3.12", "python3.11", "python3", "python3.14", "python")
"""Tried in this order: those that were tested first, then what its owner keeps in order."""
LEAST = (3, 11)
_SECONDS = 20.0
_ASK = (
    "import importlib.util as u, json, sys; "
    "print(json.dumps([sys.version_info[:2], all(u.find_spec(n) for n in ('venv', 'ensurepip'))]))"
)


def this_machine() -> Machine:
    """What the build of torch hangs on. Asks NVIDIA's library, or its tool where that is not installed."""
    return Machine(this_system(), platform.machine(), hardware.driver_cuda() or _cuda_by_tool())


def _cuda_by_tool() -> tuple[int, int] | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        told = subprocess.run([tool], capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"CUDA(?: UMD)? Version: *(\d+)\.(\d+)", told.stdout)
    return (int(found[1]), int(found[2])) if found and told.returncode == 0 else None


def find_uv() -> Path | None:
    """uv: the one that came with the program, else the one in its environment or on the search path."""
    name = "uv.exe" if sys.platform == "win32" else "uv"
    installed = shutil.which("uv")
    places = [resources_dir() / "tools" / name, Path(sys.executable).with_name(name)]
    return next((place for place in places if place.is_file()), Path(installed) if installed else None)


def choose_maker(python: str, wanted: Maker | None) -> tuple[Maker, Path | None, str]:
    """(what makes the environment, uv where it is that, the Python; empty: uv's to find).

    `python` is one that the user names, `wanted` a maker. Raises InputError where there is none that can.
    """
    uv = find_uv()
    if wanted == "uv" and uv is None:
        raise InputError("uv is not installed", fix="Install it, or leave --with out.")
    maker: Maker = wanted or ("uv" if uv is not None else "venv")
    if python:
        path = _named(python)
        _refuse(path, venv=maker == "venv")
        return maker, uv if maker == "uv" else None, str(path)
    found = _first(venv=maker == "venv")
    if found is None and maker == "venv":
        raise InputError(
            "There is no Python to make the engine's environment with",
            why=f"Neither uv nor a Python from {LEAST[0]}.{LEAST[1]} on with venv was found.",
            fix="Install one (Debian and Ubuntu: apt install python3 python3-venv; elsewhere: python.org), or name it: "
            "sapo engine install --python PATH.",
        )
    return maker, uv if maker == "uv" else None, str(found or "")


def _named(python: str) -> Path:
    """The Python that the user means: a path, from where he is, or the name of a program. Links are not followed: those
    of an environment lead to one that lacks its packages."""
    found = shutil.which(python) if Path(python).name == python else None
    return Path(found) if found is not None else paths.user_path(python).absolute()


def _first(*, venv: bool) -> Path | None:
    """The first that will do: the program's own, then those on the search path."""
    own = [] if engines.is_bundle() else [Path(sys.executable)]
    named = [Path(place) for name in NAMES if (place := shutil.which(name)) is not None]
    for candidate in (*own, *named):
        told = _ask(candidate)
        if told is not None and told[0] >= LEAST and (told[1] or not venv):
            return candidate
    return None


def _refuse(path: Path, *, venv: bool) -> None:
    told = _ask(path)
    if told is None:
        raise InputError(f"{path} is no Python that can be started", fix="Give the whole path, as /usr/bin/python3.")
    version, can = told
    if version < LEAST:
        raise InputError(
            f"{path} is Python {version[0]}.{version[1]}", fix=f"{LEAST[0]}.{LEAST[1]} or newer is needed."
        )
    if venv and not can:
        fix = "Debian and Ubuntu: apt install python3-venv. Or have uv make it: --with uv."
        raise InputError(f"{path} cannot make environments", why="Its modules venv or ensurepip are missing.", fix=fix)


def _ask(python: Path) -> tuple[tuple[int, int], bool] | None:
    """(version, whether it can make environments) of a Python; None where it is none."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=_SECONDS, env=plain()
        )
        version, can = json.loads(done.stdout)
        return (int(version[0]), int(version[1])), bool(can)
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError, IndexError):
        return None


_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "UV_SYSTEM_PYTHON", "UV_PYTHON")
"""Settings of pip and uv that have packages put elsewhere than into the environment."""


def plain() -> dict[str, str]:
    """The environment without what leads a Python elsewhere than to its own libraries."""
    led = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", *_ELSEWHERE)
    kept = {name: value for name, value in os.environ.items() if name not in led}
    return {**kept, "PIP_USER": "0"}  # who is used to installing for himself means no environment


def unconfigured() -> dict[str, str]:
    """The same without any setting of pip and uv, such as further folders and indexes."""
    kept = {name: value for name, value in plain().items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
