"""Writing a run's report as an HTML page in the background, with word of how far it is, and an end at any moment."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal

from sapo_studio.app.html_report import page
from sapo_studio.store.db import Store
from sapo_ui.services import tasks

TRACES, MOST_TRACES = page.TRACES, page.MOST_TRACES


@dataclass(frozen=True)
class Progress:
    """The section that is being read, how many are done, and of how many."""

    section: str
    done: int
    of: int


class _Cancelled(Exception):  # noqa: N818  # nothing went wrong
    pass


class ReportWriter(QObject):
    """Writes one report at a time. What is cancelled leaves no file, and a file that was there as it was."""

    progressed = Signal(object)
    """(Progress)"""

    written = Signal(object)
    """(Path) The file is there, whole."""

    failed = Signal(object)
    """(Exception)"""

    _told = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stop: threading.Event | None = None
        self._told.connect(self._progressed, Qt.ConnectionType.QueuedConnection)  # from the thread that works

    @property
    def running(self) -> bool:
        """Whether one is being written."""
        return self._stop is not None

    def write(self, run_id: str, file: Path, traces: int) -> None:
        """Write the report of `run_id` with so many sample solutions."""
        stop = self._stop = threading.Event()

        def tick(section: str, done: int, of: int) -> None:
            if stop.is_set():
                raise _Cancelled
            self._told.emit(Progress(section, done, of))

        def work(store: Store) -> bool:
            try:
                page.write(store, run_id, file, traces, tick)
            except _Cancelled:
                return False
            return True

        tasks.run(self, work, lambda whole: self._ended(stop, file, whole), failed=lambda e: self._failed(stop, e))

    def cancel(self) -> None:
        """End what is being written, at the next section."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def _progressed(self, progress: Progress) -> None:
        if self.running:
            self.progressed.emit(progress)

    def _ended(self, stop: threading.Event, file: Path, whole: bool) -> None:
        if self._stop is stop:
            self._stop = None
        if whole:
            self.written.emit(file)

    def _failed(self, stop: threading.Event, error: Exception) -> None:
        if self._stop is stop:
            self._stop = None
            self.failed.emit(error)
