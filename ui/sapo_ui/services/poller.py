"""One background loop that watches the store and says what changed.

A poll is `PRAGMA data_version` (no query) and, only when that moved, the list of runs. So an idle window costs next
to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from sapo_studio.errors import SapoError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary

BUSY_SECONDS = 0.5
"""Between polls while a run is alive."""

IDLE_SECONDS = 2.0
"""Between polls while none is."""

HIDDEN_SECONDS = 5.0
"""Between polls while the window is hidden or minimised."""

RECONCILE_SECONDS = 10.0
"""Between looks for runs whose engine has died without a word."""


@dataclass(frozen=True)
class StoreChange:
    """What a poll found. `runs`: all runs as they are now, newest first; `changed` and `removed`: run ids."""

    runs: tuple[RunSummary, ...]
    changed: frozenset[str]
    removed: frozenset[str] = frozenset()

    def run(self, run_id: str | None) -> RunSummary | None:
        """The run with this id, if there is one."""
        return next((run for run in self.runs if run.id == run_id), None)


class Poller(QObject):
    """Polls the store at `path` in a thread of its own, between `start` and `stop`.

    `reconcile` is called there now and then; it marks runs as interrupted whose engine is gone, and returns something
    true if it did.
    """

    changed = Signal(object)
    """(StoreChange)"""

    trouble = Signal(object)
    """(SapoError | None) The store cannot be read; None when it can be again."""

    def __init__(
        self,
        path: Path | None = None,
        reconcile: Callable[[Store], object] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._path = path
        self._reconcile = reconcile
        self._wake = threading.Event()
        self._stopping = False
        self._hidden = False
        self._thread: threading.Thread | None = None
        self.polls = 0

    def start(self) -> None:
        """Begin to poll. The first poll reports every run as changed."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._watch, name="sapo-poller", daemon=True)
            self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """End polling. True when the thread is gone."""
        thread, self._thread = self._thread, None
        if thread is None:
            return True
        self._stopping = True
        self._wake.set()
        thread.join(timeout)
        return not thread.is_alive()

    def nudge(self) -> None:
        """Poll now: something was just written."""
        self._wake.set()

    def set_hidden(self, hidden: bool) -> None:
        """Poll slower while nobody looks; at once when somebody does again."""
        self._hidden = hidden
        if not hidden:
            self._wake.set()

    def _watch(self) -> None:
        store: Store | None = None
        known: dict[str, RunSummary] | None = None
        version = -1
        since_reconcile = RECONCILE_SECONDS
        troubled = False
        while not self._stopping:
            pause = IDLE_SECONDS
            try:
                if store is None:
                    store = Store.open(self._path)
                if self._reconcile is not None and since_reconcile >= RECONCILE_SECONDS:
                    since_reconcile = 0.0
                    if self._reconcile(store):
                        version = -1  # data_version does not tell of this connection's own writes
                now = store.data_version()
                self.polls += 1
                if known is None or now != version:
                    runs = queries.list_runs(store)
                    change = compare(known, runs)
                    known, version = {run.id: run for run in runs}, now
                    if change is not None:
                        self.changed.emit(change)
                if troubled:
                    troubled = False
                    self.trouble.emit(None)
                if any(run.status.alive for run in known.values()):
                    pause = BUSY_SECONDS
            except SapoError as error:
                if not troubled:
                    troubled = True
                    self.trouble.emit(error)
                if store is not None:
                    store.close()
                    store, known, version = None, None, -1
            if self._hidden:
                pause = max(pause, HIDDEN_SECONDS)
            self._wake.wait(pause)
            self._wake.clear()
            since_reconcile += pause
        if store is not None:
            store.close()


def compare(known: dict[str, RunSummary] | None, runs: list[RunSummary]) -> StoreChange | None:
    """What is different, given that something has been written since. None where it is nothing (a first look at an
    empty store is something).

    A run that is alive counts as changed: its rows come faster than its summary changes. Where no summary differs and
    nothing is alive, somebody wrote rows of an ended run (a judgement, a report): all count as changed.
    """
    now = {run.id: run for run in runs}
    if known is None:
        return StoreChange(tuple(runs), frozenset(now))
    removed = frozenset(known.keys() - now.keys())
    changed = {run_id for run_id, run in now.items() if known.get(run_id) != run or run.status.alive}
    if not changed and not removed:
        changed = set(now)
    return StoreChange(tuple(runs), frozenset(changed), removed) if changed or removed else None
