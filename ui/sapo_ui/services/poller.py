"""One background loop that watches the store and says what changed.

A poll is a look at the file, `PRAGMA data_version` (no query) and, only when that moved, the list of runs. So an idle
window costs next to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from sapo_studio.errors import SapoError, StoreError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault
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
    """What a poll found. `runs`: all runs as they are now, newest first; `changed` and `removed`: run ids. `closed`:
    why nothing can be written to the store, empty where it can."""

    runs: tuple[RunSummary, ...]
    changed: frozenset[str]
    removed: frozenset[str] = frozenset()
    closed: str = ""

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
        self.path = path
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
        watch = _Watch(self)
        since_reconcile = RECONCILE_SECONDS
        troubled = ""
        while not self._stopping:
            pause = IDLE_SECONDS
            try:
                due = since_reconcile >= RECONCILE_SECONDS
                if due:
                    since_reconcile = 0.0
                if watch.look(self._reconcile if due else None):
                    pause = BUSY_SECONDS
                if troubled:
                    troubled = ""
                    self.trouble.emit(None)
            except SapoError as error:
                told = watch.drop(error)
                if error.what != troubled:
                    self.trouble.emit(told)
                # That another file has taken the store's place shall stay on the screen, though it can be read.
                replaced = isinstance(error, StoreFault) and error.kind == "replaced"
                troubled = "" if replaced else error.what
            if self._hidden:
                pause = max(pause, HIDDEN_SECONDS)
            self._wake.wait(pause)
            self._wake.clear()
            since_reconcile += pause
        watch.close()


class _Watch:
    """The poller's own connection, and what it knows. Only for the poller's thread."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._store: Store | None = None
        self._known: dict[str, RunSummary] | None = None
        self._version = -1
        self._changed_at = 0
        self._opened = False

    def look(self, reconcile: Callable[[Store], object] | None) -> bool:
        """Look once, and tell the poller's listeners what changed. Returns whether a run is alive. Raises SapoError."""
        if self._store is None:
            # A window may begin a data folder, but it does not put an empty store where there was one.
            self._store = Store.open(self._poller.path, create=not self._opened)
            self._opened, self._version, self._changed_at = True, -1, self._store.changed_at
        store = self._store
        if reconcile is not None and reconcile(store):
            self._version = -1  # data_version does not tell of this connection's own writes
        now = store.data_version()
        if now == self._version and store.changed_at != self._changed_at:
            # A checkpoint of what is known, or a program that wrote over the file: only a new connection can tell.
            self.close()
            return self.look(None)
        self._changed_at = store.changed_at
        self._poller.polls += 1
        if self._known is None or now != self._version:
            runs = queries.list_runs(store)
            summaries = {run.id: run for run in runs}
            seen = store.only_reading is not None and summaries == self._known
            change = None if seen else compare(self._known, runs)
            self._known, self._version = summaries, now
            if change is not None:
                why = "" if store.only_reading is None else store.only_reading.what
                self._poller.changed.emit(replace(change, closed=why))
        alive = any(run.status.alive for run in self._known.values())
        if store.only_reading is not None:  # it sees no changes, and the next one may be allowed to write
            self.close()
        return alive

    def drop(self, error: SapoError) -> SapoError:
        """Give up the connection that met `error`, and save what it still holds of a store that has gone. Returns what
        to tell.
        """
        rescued: Path | None = None
        if self._store is not None and isinstance(error, StoreFault) and error.lost:
            rescued = self._store.rescue(alone=True)
        self.close()
        if rescued is None:
            return error
        saved = f"What this window still held of it is in {rescued}; `sapo restore {rescued.name}` puts it back."
        return StoreError(error.what, why=error.why, fix=f"{saved} {error.fix}".rstrip())

    def close(self) -> None:
        """Close the connection; the next look opens one."""
        if self._store is not None:
            self._store.close()
            self._store = None


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
