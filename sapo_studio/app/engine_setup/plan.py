"""What is run to make the engine's environment: the build of torch for a machine, the commands, who is asked. Pure."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from sapo_studio.errors import InputError

Build = Literal["cpu", "cuda"]
Maker = Literal["uv", "venv"]

EXTRAS = ("qlora", "vllm", "baselines")
"""Extras of the program that an engine can have besides `engine`."""

PYTORCH = "https://download.pytorch.org/whl/"
"""Builds of torch that PyPI has not: for CPUs on Linux, and for older drivers."""
LEAST_CUDA = (12, 0)
"""An NVIDIA driver below this takes no build of torch that the engine works with."""
PYTHONS = ">=3.11,<3.15"
"""What uv is asked for where no Python is named."""

_GB = 10**9
_SIZES: dict[Build, tuple[float, float]] = {"cpu": (0.4 * _GB, 1.5 * _GB), "cuda": (3.2 * _GB, 7.5 * _GB)}
"""Bytes (to be fetched, on disk) on Linux: for CPUs as measured, with CUDA estimated."""


@dataclass(frozen=True)
class Machine:
    """What decides about the build. `cuda`: the newest CUDA that the NVIDIA driver takes, None without a card."""

    system: str
    """As `sys.platform`."""
    processor: str
    """As `platform.machine()`."""
    cuda: tuple[int, int] | None = None

    @property
    def build(self) -> Build:
        """The build of torch that suits it."""
        takes = self.cuda is not None and self.cuda >= LEAST_CUDA and self.system != "darwin"
        return "cuda" if takes else "cpu"


@dataclass(frozen=True)
class Sources:
    """Where packages come from: a folder of wheels and nothing else; or an index, and perhaps another one for torch. By
    default PyPI, and PyTorch's for a build of torch that PyPI has not."""

    wheels: Path | None = None
    index: str = ""
    torch_index: str = ""


@dataclass(frozen=True)
class Plan:
    """An environment to be made in `folder`."""

    folder: Path
    machine: Machine
    build: Build
    maker: Maker
    program: Path | None
    """uv, where that is the maker."""
    python: str
    """The Python that it is made with; empty: uv finds one, or fetches it."""
    wheel: Path
    """This program, as a wheel."""
    mark: str
    """What tells that wheel from others of the same release."""
    extras: tuple[str, ...] = ()
    sources: Sources = Sources()
    constraints: Path | None = None
    torch: str = "torch"
    """How torch is asked for: with the version that was tested."""

    @property
    def environment_python(self) -> Path:
        """The Python of the environment."""
        return self.folder / ("Scripts/python.exe" if self.machine.system == "win32" else "bin/python")

    @property
    def torch_index(self) -> str:
        """The index that torch is taken from; empty: the same as for everything else."""
        if self.sources.wheels is not None:
            return ""
        own = torch_index(self.machine, self.build)  # raises where there is no such build
        return self.sources.torch_index or ("" if self.sources.index else own)

    @property
    def asks(self) -> tuple[str, ...]:
        """Whom it asks over the network, by host."""
        if self.sources.wheels is not None:
            return ()
        urls = [self.sources.index or "https://pypi.org/simple", self.torch_index]
        hosts = [match[1] for url in urls if (match := re.match(r"\w+://(?:[^@/]*@)?([^/:]+)", url))]
        if self.maker == "uv" and not self.python:
            hosts.append("github.com (for a Python, where none is found)")
        return tuple(dict.fromkeys(hosts))

    @property
    def fetched(self) -> float:
        """Bytes that are fetched, about."""
        return 0.0 if self.sources.wheels is not None else _SIZES[self.build][0]

    @property
    def on_disk(self) -> float:
        """Bytes that the environment takes, about."""
        return _SIZES[self.build][1]

    @property
    def words(self) -> str:
        """What it would do, in sentences."""
        what = "torch for NVIDIA cards" if self.build == "cuda" else "torch for CPUs"
        where = f"An environment with {what} is made in {self.folder.parent}."
        if not self.asks:
            return f"{where} All packages are taken from {self.sources.wheels or self.sources.index}."
        sizes = f"About {self.fetched / 1e9:.1f} GB are fetched, and take about {self.on_disk / 1e9:.1f} GB there"
        return f"{where} {sizes}; asked are {', '.join(self.asks)}."

    @property
    def identity(self) -> str:
        """The same for two plans that come to the same environment: an unfinished one can be gone on with."""
        told = asdict(self)
        for name in ("folder", "program", "wheel"):
            told.pop(name)
        return json.dumps(told, sort_keys=True, default=str)

    def placed(self, folder: Path) -> Plan:
        """The same in `folder`."""
        return replace(self, folder=folder)


@dataclass(frozen=True)
class Step:
    """A command, and what it is for."""

    title: str
    command: tuple[str, ...]


def torch_index(machine: Machine, build: Build) -> str:
    """The index with torch for `machine`; empty where PyPI's is that build. Raises InputError where there is none."""
    if build == "cuda":
        if machine.system == "darwin":
            raise InputError("There is no build of torch with CUDA for macOS", fix="Leave --build out.")
        new = machine.cuda is None or machine.cuda >= (13, 0)
        if new and machine.system == "linux" and machine.processor == "x86_64":
            return ""
        return f"{PYTORCH}{'cu130' if new else 'cu126'}"
    return f"{PYTORCH}cpu" if machine.system == "linux" else ""


def torch_requirement(constraints: str) -> str:
    """How torch is asked for, by the text of a file of constraints."""
    found = re.search(r"^torch==\S+", constraints, re.MULTILINE)
    return found[0] if found else "torch"


def steps(plan: Plan) -> tuple[Step, ...]:
    """What is run, in this order. Each may be run again after it was cut off."""
    found = [Step("Making an environment", _make(plan))]
    if plan.torch_index:
        # Without what it depends on, of which that index may lack the tested versions. The next step brings it.
        options = ("--no-deps", "--index-url", plan.torch_index)
        found.append(Step(f"Installing torch for {_WORDS[plan.build]}", (*_install(plan), *options, plan.torch)))
    extras = ",".join(("engine", *plan.extras))
    program = f"sapo-studio[{extras}] @ {plan.wheel.as_uri()}"
    found.append(Step("Installing the engine", (*_install(plan), *_from(plan.sources), program)))
    return tuple(found)


_WORDS: dict[Build, str] = {"cpu": "CPUs", "cuda": "NVIDIA cards"}


def _make(plan: Plan) -> tuple[str, ...]:
    if plan.maker == "venv":
        return (plan.python, "-m", "venv", str(plan.folder))
    quiet = ("--offline", "--no-python-downloads") if plan.sources.wheels is not None else ()
    return (str(plan.program), "venv", "--allow-existing", *quiet, "--python", plan.python or PYTHONS, str(plan.folder))


def _install(plan: Plan) -> tuple[str, ...]:
    python = str(plan.environment_python)
    if plan.maker == "uv":
        command: tuple[str, ...] = (str(plan.program), "pip", "install", "--python", python)
    else:
        quiet = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")
        command = (python, "-m", "pip", "install", *quiet)
    return (*command, "--constraint", str(plan.constraints)) if plan.constraints is not None else command


def _from(sources: Sources) -> tuple[str, ...]:
    if sources.wheels is not None:
        return ("--no-index", "--find-links", str(sources.wheels))
    return ("--index-url", sources.index) if sources.index else ()


def check_extras(extras: Sequence[str]) -> tuple[str, ...]:
    """`extras` in the order of `EXTRAS`. Raises InputError where one is none."""
    for name in extras:
        if name not in EXTRAS:
            raise InputError(f"There is no extra {name!r} for the engine", fix=f"One of {', '.join(EXTRAS)}.")
    return tuple(name for name in EXTRAS if name in extras)


def this_system() -> str:
    """`sys.platform`, as a value: what a type checker takes it for differs by machine."""
    return str(sys.platform)
