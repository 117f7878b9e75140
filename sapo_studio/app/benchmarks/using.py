"""A process benchmark that a command names: a file, or one of the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sapo_studio.domain.process_benchmark import parse_reference
from sapo_studio.errors import InputError
from sapo_studio.paths import BENCHMARK, store_path, user_path
from sapo_studio.store import benchmarks, presence, queries
from sapo_studio.store.db import Store


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured on: a file whose last `tuning` rows are for thresholds alone, and what it is called. `note` says
    which version was taken, where none was named; `process_data`: the same as a configuration names it."""

    file: Path
    tuning: int
    name: str
    process_data: str
    note: str = ""


def measured_on(text: str, store: Store | None = None) -> Measured:
    """What `text` names: a file where there is one of this name; else a frozen benchmark of the store (None: the usual
    one), as NAME@VERSION or NAME, its newest frozen version, `benchmark:` before it or not.

    Raises InputError that names what there is where it is neither.
    """
    named = text.removeprefix(BENCHMARK)
    path = user_path(text)
    if not text.startswith(BENCHMARK) and (path.exists() or parse_reference(text) is None):
        return Measured(path.absolute(), 0, text, str(path.absolute()))
    if store is not None:
        return _frozen(store, named)
    if presence.is_new(store_path()):
        raise InputError(_neither(named), fix="Check the name.")
    with Store.open(create=False) as opened:
        return _frozen(opened, named)


def _neither(named: str) -> str:
    return f"There is neither a file nor a process benchmark {named!r}"


def _frozen(store: Store, named: str) -> Measured:
    try:
        found = benchmarks.find_benchmark(store, named, frozen=True)
    except benchmarks.NoSuchBenchmarkError as error:
        raise InputError(_neither(named), fix=error.fix) from error
    if found.rows == found.tuning:
        raise InputError(f"All rows of {found.title} are for thresholds", fix="Make it with a smaller --split.")
    _, whole = benchmarks.write_files(store, found)
    note = "" if named == found.title else f"{named}: measured on {found.title}, its newest frozen version"
    return Measured(whole, found.tuning, found.title, found.reference, note)


def run_to_measure(store: Store, text: str) -> Path:
    """The folder of the run that `text` names, for an engine that opens the run again (`folder_to_measure`). Raises
    InputError."""
    return benchmarks.folder_to_measure(store, queries.find_own_run(store, text))
