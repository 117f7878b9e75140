"""Looking the installation over for `sapo doctor`. Imports none of the big libraries."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from sapo_studio import __version__, engines, paths
from sapo_studio.display import has_display, window_fault
from sapo_studio.errors import SapoError
from sapo_studio.events import PROTOCOL
from sapo_studio.hardware import read_cards
from sapo_studio.readable import counted
from sapo_studio.requests.client import ask
from sapo_studio.requests.kinds import SandboxProbeRequest
from sapo_studio.store import faults, file_systems

State = Literal["good", "note", "bad"]

NEEDED = (("torch", "engine"), ("transformers", "engine"), ("tokenizers", "engine"), ("safetensors", "engine"))
OPTIONAL = (("peft", "engine"), ("accelerate", "engine"), ("vllm", "vllm"), ("PySide6", "ui"), ("pyqtgraph", "ui"))
"""Distributions and the extra that brings each."""

ENOUGH_SPACE = 2 * 2**30


@dataclass(frozen=True)
class Check:
    """One thing looked at. `bad` stands in the way of a run, `note` does not."""

    name: str
    state: State
    finding: str
    advice: str = ""


def diagnose() -> list[Check]:
    """All checks, in the order to read them."""
    return [
        *_python(),
        sqlite_check(sqlite3.sqlite_version_info),
        *_libraries(),
        *_engine_python(),
        *window_checks(),
        *card_checks(),
        _sandbox(),
        folder_check(paths.data_dir()),
        *store_checks(),
        _resources(),
    ]


def _python() -> Iterator[Check]:
    state: State = "good" if sys.version_info >= (3, 11) else "bad"
    yield Check("python", state, sys.version.split()[0], "" if state == "good" else "3.11 or newer is needed.")


def sqlite_check(found: tuple[int, ...]) -> Check:
    """What to say about this version of SQLite."""
    text = ".".join(map(str, found))
    if (3, 7, 0) <= found <= (3, 51, 2):
        return Check(
            "sqlite",
            "note",
            text,
            "3.7.0 to 3.51.2 can, rarely, damage a file that two programs checkpoint at the same moment. Only the"
            " engine's parent does so here; close other programs that write to the store.",
        )
    return Check("sqlite", "good", text)


def _libraries() -> Iterator[Check]:
    elsewhere = engines.is_bundle() or bool(engines.chosen_for_all())  # then the engine's Python is what counts
    for needed, group in ((not elsewhere, () if elsewhere else NEEDED), (False, OPTIONAL)):
        for name, extra in group:
            try:
                yield Check(name, "good", version(name))
            except PackageNotFoundError:
                if not (elsewhere and extra != "ui"):
                    advice = f'pip install "sapo-studio[{extra}]"'
                    yield Check(name, "bad" if needed else "note", "not installed", advice)


def _engine_python() -> Iterator[Check]:
    """Where the engine lives in another Python: whether that one will do."""
    try:
        python = engines.python_of()
        if engines.is_own(python):
            return
        found = engines.look(python)
        engines.check(found, PROTOCOL)
    except SapoError as error:
        yield Check("engine python", "bad", error.what, f"{error.why} {error.fix}".strip())
    else:
        note = engines.other_release(found, __version__)
        yield Check("engine python", "note" if note else "good", f"{python}: {found.summary}", note)


def window_checks() -> Iterator[Check]:
    """Whether Qt's platform plug-in loads. Nothing is said where Qt is not installed: the libraries' checks do."""
    if find_spec("PySide6") is None:
        return
    fault = window_fault()
    if fault is not None and fault.libraries:
        yield Check("window", "note", "cannot be shown", fault.sentence)
    elif fault is not None or not has_display():
        yield Check("window", "note", "no display", "`sapo run` needs none. Over SSH, `ssh -X` brings one.")
    else:
        yield Check("window", "good", "Qt's platform plug-in loads")


def card_checks() -> Iterator[Check]:
    """The cards, or why there are none."""
    found = read_cards()
    for card in found.cards:
        free = f"{card.free / 2**30:.1f} of {card.total / 2**30:.1f} GiB free"
        yield Check(f"gpu {card.number}", "good", f"{card.name}, {free}")
    if not found.installed:
        yield Check("gpu", "note", found.why, 'pip install "sapo-studio[engine]" brings nvidia-ml-py.')
    elif not found.cards:
        yield Check("gpu", "note", found.why, "Runs go on the CPU.")


def _sandbox() -> Check:
    """What written programs would be run in. It is really tried, by the engine and in its own process."""
    advice = "Tasks with programs (mbpp, humaneval) cannot be graded here. docs/sandbox.md says what would help."
    try:
        told = ask(SandboxProbeRequest(), seconds=60)
    except SapoError as error:
        reason = ": ".join(part for part in (error.what, error.why) if part)
        return Check("sandbox", "note", f"cannot be tried ({reason})", advice)
    how, why = told["sandbox"], told["why"]
    if how == "none":
        return Check("sandbox", "note", f"none: {why}", advice)
    return Check("sandbox", "good", f"{how} ({why})" if why else how)


def folder_check(folder: Path) -> Check:
    """Whether the data folder can be written, has room and lies on a disk of this machine."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        free = shutil.disk_usage(folder).free
    except OSError as error:
        advice = f"Make it writable or set {paths.HOME_VARIABLE} to another folder."
        return Check("data folder", "bad", f"{folder}: {error.strerror or error}", advice)
    space = f"{folder}, {free / 2**30:.1f} GiB free"
    lies = file_systems.mounted(folder)
    if lies.network and not file_systems.allowed():
        refusal = file_systems.network_refusal(folder / "studio.db")
        advice = f"{refusal.why} {refusal.fix}" if refusal is not None else ""
        return Check("data folder", "bad", f"{space}, on a network file system: {lies.network}", advice)
    if lies.network:
        advice = f"{file_systems.ALLOW_VARIABLE} is set: only one machine may ever use this folder (docs/store.md)."
        return Check("data folder", "note", f"{space}, on a network file system: {lies.network}", advice)
    if faults.is_full(folder):
        return Check("data folder", "bad", f"{space}: the disk is full", "A run could keep nothing. Free some space.")
    if free < ENOUGH_SPACE:
        return Check("data folder", "note", space, "Large runs need more; free some space.")
    return Check("data folder", "good", space)


def store_checks() -> Iterator[Check]:
    """Whether the store is there and sound, and what backups of it there are."""
    from sapo_studio.store import backups, presence, queries
    from sapo_studio.store.db import Store

    path = paths.store_path()
    runs = 0
    try:
        if presence.is_new(path):
            yield Check("store", "good", "none yet; the first run makes it")
            return
        with Store.open(create=False) as store:
            known = {run.id: run for run in queries.list_runs(store)}
            fault = store.value("PRAGMA quick_check(1)")
        runs = len(known)
        if fault != "ok":
            yield Check("store", "bad", str(fault), backups.way_back(path))
        else:
            size = f"{counted(runs, 'run')}, {path.stat().st_size / 2**20:.1f} MiB"
            others = [name for name in presence.run_folders(path) if name not in known]
            advice = f"Folders of runs that it does not know: {', '.join(others[:5])}" if others else ""
            yield Check("store", "note" if others else "good", size, advice)
        for run in known.values():
            if run.error is not None and run.status.alive:  # what it waits for, and how much of it is missing
                told = f"{run.error.why} {run.error.fix}".strip()
                yield Check("run", "bad", f"{run.id}: {run.error.what}", told)
    except SapoError as error:
        yield Check("store", "bad", error.what, f"{error.why} {error.fix}".strip())
    yield _backups(path, runs)


def _backups(path: Path, runs: int) -> Check:
    from sapo_studio.store import backups

    found = backups.list_backups(path)
    best = backups.best(path)
    if best is None:
        advice = "An engine makes one every ten minutes and at the end of each run." if runs else ""
        return Check("backups", "note" if runs else "good", "none that can be used" if found else "none yet", advice)
    text = f"{len(found)}, the best: {best.summary}"
    if best.runs > runs:
        return Check("backups", "note", text, f"The store holds {runs}: `sapo restore` goes back to it.")
    return Check("backups", "good", text)


def _resources() -> Check:
    from sapo_studio.config.presets import list_presets

    try:
        known = [preset.name for preset in list_presets() if preset.shipped]
    except SapoError as error:
        return Check("presets", "bad", error.what, f"{error.why} {error.fix}".strip())
    if not known:
        return Check("presets", "bad", f"none in {paths.resources_dir()}", "The installation is incomplete; repeat it.")
    return Check("presets", "good", ", ".join(known))
