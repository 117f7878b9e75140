"""Process benchmarks for the window: read, made, frozen, exported, deleted. All of it is called in the background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sapo_studio.app.benchmarks.making import Choice, Made, make_benchmark
from sapo_studio.files import write_output
from sapo_studio.formats.registry import format_named
from sapo_studio.store import benchmarks, queries
from sapo_studio.store.benchmarks import BenchmarkInfo
from sapo_studio.store.db import Store
from sapo_ui.services.annotations import annotator_name


@dataclass(frozen=True)
class Benchmarks:
    """What there is: all versions, and what one can be made from, as (text, name), queues first."""

    all: list[BenchmarkInfo]
    sources: list[tuple[str, str]]


def read_benchmarks(store: Store) -> Benchmarks:
    """All benchmarks, by name, the newest version first."""
    queues = [str(name) for (name,) in store.rows("SELECT name FROM queues ORDER BY name")]
    runs = queries.list_runs(store)
    named = [(f"Queue {name}", name) for name in queues]
    return Benchmarks(benchmarks.list_benchmarks(store), named + [(f"{run.name} ({run.id})", run.id) for run in runs])


def read_frozen(store: Store) -> list[BenchmarkInfo]:
    """The versions that a run can be measured on, by name, the newest version first."""
    return [one for one in benchmarks.list_benchmarks(store) if one.frozen_at is not None]


def make(store: Store, name: str, source: str, choice: Choice) -> Made:
    """Make a draft under this user's name."""
    return make_benchmark(store, name, [source], choice, created_by=annotator_name())


def freeze(store: Store, title: str) -> BenchmarkInfo:
    """Freeze a version and write its files."""
    return benchmarks.freeze_benchmark(store, benchmarks.find_benchmark(store, title))


def delete(store: Store, title: str) -> None:
    """Delete a version."""
    benchmarks.delete_benchmark(store, benchmarks.find_benchmark(store, title))


def export(store: Store, title: str, file: Path, format_name: str) -> int:
    """Write a version's solutions to `file`. Returns how many."""
    found = benchmarks.find_benchmark(store, title)
    text = benchmarks.as_text(format_named(format_name), found, benchmarks.read_rows(store, found))
    write_output(file, text)
    return found.rows
