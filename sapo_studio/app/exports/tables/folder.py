"""Writing tables of runs into a folder: a file a table, with what describes them. All of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sapo_studio import __version__
from sapo_studio.app.exports.tables.arrow import ParquetFile, pyarrow
from sapo_studio.app.exports.tables.batches import Batch
from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.app.exports.tables.csv_file import CsvFile
from sapo_studio.app.exports.tables.description import Format, WrittenTable, data_package, read_me, run_facts
from sapo_studio.app.exports.tables.reading import read
from sapo_studio.app.exports.tables.schema import BY_NAME, GROUPS, TABLES
from sapo_studio.errors import InputError, Stopped
from sapo_studio.files import cannot_write, new_folder
from sapo_studio.paths import user_path
from sapo_studio.store import queries
from sapo_studio.store.db import Store

FORMATS: tuple[Format, ...] = ("parquet", "csv")

_LONG = 10
"""How much longer a table of solutions takes than another one, as progress reckons."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: the table that is written, its rows so far, and how much of everything is done, 0 to 1."""

    table: str
    rows: int
    share: float


class _File(Protocol):
    def add(self, batch: Batch) -> None: ...
    def close(self) -> None: ...


def tables_named(names: Sequence[str]) -> tuple[TableSpec, ...]:
    """The tables of these names, in the order of `schema`; all of them where none is named. Raises InputError."""
    if unknown := [name for name in names if name not in BY_NAME]:
        raise InputError(f"There is no table {unknown[0]!r}", fix=f"There are: {', '.join(BY_NAME)}.")
    return tuple(table for table in TABLES if not names or table.name in names)


def write_tables(
    store: Store,
    run_ids: Sequence[str],
    folder: Path,
    *,
    how: Format = "parquet",
    tables: Sequence[TableSpec] = TABLES,
    report: Callable[[Progress], bool] = lambda _: True,
) -> list[WrittenTable]:
    """Write tables of these runs to the new folder `folder`. What is held in memory does not grow with the runs.

    `report` is told now and then how far it is; it ends where that says no (Stopped, and nothing is kept). Raises
    InputError, also where the format needs a library that is not there, RunGone and StoreError.
    """
    if not run_ids or not tables:
        raise InputError("There is nothing to write", fix="Name a run, and a table.")
    if how == "parquet":
        pyarrow()
    folder = user_path(str(folder))
    facts = run_facts([queries.get_run(store, run_id) for run_id in dict.fromkeys(run_ids)], __version__)
    runs = [str(run["run"]) for run in facts["runs"]]
    clock = _Clock(tables, len(runs), report)
    try:
        with new_folder(folder) as place:
            # The last first: what refers to others is read before them, so that of a run under way nothing refers to
            # what is not there.
            written = [_write(store, table, runs, place, how, facts, clock) for table in reversed(tables)][::-1]
            (place / "datapackage.json").write_text(data_package(written, how, facts), encoding="utf-8")
            (place / "README.md").write_text(read_me(written, how, facts), encoding="utf-8")
    except OSError as error:
        raise cannot_write(folder, error) from error
    return written


class _Clock:
    """Reckons how much is done, and ends it."""

    def __init__(self, tables: Sequence[TableSpec], runs: int, report: Callable[[Progress], bool]) -> None:
        self._total = sum(_weight(table) for table in tables) * runs
        self._done = 0
        self._report = report

    def tell(self, table: TableSpec, rows: int, share: float) -> None:
        done = (self._done + _weight(table) * share) / self._total
        if not self._report(Progress(table.name, rows, done)):
            raise Stopped("The export was stopped", why="Nothing of it was kept.")

    def next_run(self, table: TableSpec) -> None:
        self._done += _weight(table)


def _weight(table: TableSpec) -> int:
    return _LONG if table in GROUPS["Solutions"] else 1


def _write(
    store: Store,
    table: TableSpec,
    runs: Sequence[str],
    place: Path,
    how: Format,
    facts: dict[str, object],
    clock: _Clock,
) -> WrittenTable:
    path = place / f"{table.name}.{how}"
    file: _File = ParquetFile(path, table, facts) if how == "parquet" else CsvFile(path, table)
    rows = 0
    try:
        for run_id in runs:
            clock.tell(table, rows, 0.0)
            for batch in read(store, table, run_id):
                file.add(batch)
                rows += len(batch)
                clock.tell(table, rows, batch.share)
            clock.next_run(table)
    finally:
        file.close()
    return WrittenTable(table, path.name, rows, path.stat().st_size)
