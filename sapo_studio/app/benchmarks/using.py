"""A process benchmark that a command names: a file, or one of the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sapo_studio.errors import InputError
from sapo_studio.paths import BENCHMARK, user_path
from sapo_studio.store import benchmarks, queries
from sapo_studio.store.db import Store


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured on: a file whose last `tuning` rows are for thresholds alone, and what it is called."""

    file: Path
    tuning: int
    name: str


def measured_on(text: str) -> Measured:
    """What `text` names: `benchmark:NAME[@VERSION]` or NAME@VERSION a frozen benchmark of the store, anything else a
    file. Raises InputError where there is no such benchmark."""
    path = user_path(text)
    if not text.startswith(BENCHMARK) and (path.exists() or "@" not in text):
        return Measured(path.absolute(), 0, text)
    with Store.open(create=False) as store:
        found = benchmarks.find_benchmark(store, text.removeprefix(BENCHMARK), frozen=True)
        if found.rows == found.tuning:
            raise InputError(f"All rows of {found.title} are for thresholds", fix="Make it with a smaller --split.")
        _, whole = benchmarks.write_files(store, found)
    return Measured(whole, found.tuning, found.title)


def run_to_measure(store: Store, text: str) -> Path:
    """The folder of the run that `text` names, for an engine that opens the run again (`folder_to_measure`). Raises
    InputError."""
    return benchmarks.folder_to_measure(store, queries.find_own_run(store, text))
