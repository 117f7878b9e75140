"""Writing tables of runs from the window: in the background, with how far it is, and stopped at any moment."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.app.exports.tables.description import Format, WrittenTable
from sapo_studio.app.exports.tables.folder import Progress, write_tables
from sapo_studio.store.db import Store
from sapo_ui.services import tasks


def parquet_there() -> bool:
    """Whether this window's Python can write Parquet. Loads nothing."""
    return importlib.util.find_spec("pyarrow") is not None


def free_name(folder: Path, name: str) -> Path:
    """A folder of this name that does not exist yet, with a number where one does. Looks at the disk: call it in a
    task."""
    place, number = folder / name, 2
    while place.exists():
        place, number = folder / f"{name}-{number}", number + 1
    return place


class TableExport:
    """One export of `run_ids` to the new folder `folder`."""

    def __init__(self, run_ids: Sequence[str], folder: Path, how: Format, tables: Sequence[TableSpec]) -> None:
        self.progress: Progress | None = None
        """How far it is; None before the first row. May be read at any time."""
        self._run_ids = list(run_ids)
        self._folder = folder
        self._how: Format = how
        self._tables = list(tables)
        self._stopped = threading.Event()
        self._task: tasks.Task | None = None

    def start(
        self, parent: QObject, done: Callable[[list[WrittenTable]], None], failed: Callable[[Exception], None]
    ) -> None:
        """Begin. `done` and `failed` (also where it was stopped) are called on the GUI thread while `parent` lives."""
        self._task = tasks.run(parent, self._write, done, failed=failed, key="export tables")

    def stop(self) -> None:
        """End it soon; nothing of it is kept."""
        self._stopped.set()

    def _write(self, store: Store) -> list[WrittenTable]:
        return write_tables(
            store, self._run_ids, self._folder, how=self._how, tables=self._tables, report=self._reported
        )

    def _reported(self, progress: Progress) -> bool:
        self.progress = progress
        # A task is cancelled where the program ends.
        return not self._stopped.is_set() and not (self._task is not None and self._task.cancelled)
