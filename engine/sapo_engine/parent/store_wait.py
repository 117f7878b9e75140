"""Waiting while the store or the disk takes nothing: another program locks it, it is full, or it is read-only.

Meanwhile the worker pauses at its next step, and what it has reported waits in memory.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import SapoError, StoreError
from sapo_studio.readable import sentences
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_studio.store.faults import NO_ROOM, FaultKind, StoreFault, free_bytes, refused_by_disk
from sapo_studio.store.maintenance import StoreMaintenance
from sapo_studio.store.records import ErrorText

LOCKED_SECONDS = 120.0
"""How long a locked store is waited for."""

LOOK_SECONDS = 0.25
LONGEST_PAUSE = 4.0
"""Between tries where the system does not say how much room there is (a quota, a read-only disk)."""

LEAST_ROOM = 2 * 2**20
"""Bytes that must be free, beside what is known to come, before a full disk is tried again. Half of it is set aside
anew."""

SAYS_NO_ROOM = re.compile(
    r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]|os error (?:28|122)\b|file write failed"
    r"|not enough space on the disk",
    re.IGNORECASE,
)
"""How libraries report that a file did not fit."""

Result = TypeVar("Result")


class StopWhileWaiting(SapoError):  # noqa: N818  # nothing is wrong: somebody asked for it
    """The run was to stop while it waited."""


class Waiter(Protocol):
    """The parent, as far as waiting concerns it."""

    def stop_wanted(self) -> bool:
        """Whether somebody asks the run to stop."""
        ...

    def hold(self, wait: bool) -> None:
        """The run begins to wait, or goes on."""
        ...

    def still_there(self) -> None:
        """Say that the engine is alive, if the store can take it. Time spent is not work."""
        ...

    @property
    def paused(self) -> bool:
        """Whether the run is paused for another reason as well."""
        ...


class StoreWait:
    """Does what the store may refuse, until it does not. `maintenance` may be set later."""

    def __init__(self, store: Store, run_id: str, waiter: Waiter) -> None:
        self._store = store
        self._run_id = run_id
        self._folder = store.run_dir(run_id)
        self._waiter = waiter
        self._waiting = False
        self._told = False
        self._pause = LOOK_SECONDS
        self.maintenance: StoreMaintenance | None = None
        self.times = 0
        """How often it has waited for room."""

    def do(self, write: Callable[[], Result], size: Callable[[], int] = lambda: 0) -> Result:
        """Do `write` until it works; doing it twice must do no harm. `size`: bytes that it adds, about; asked for where
        there is no room.

        Raises StoreError where waiting cannot help, StopWhileWaiting where the run is to stop.
        """
        locked_until = time.monotonic() + LOCKED_SECONDS
        self._pause = LOOK_SECONDS
        while True:
            try:
                result = write()
            except StoreFault as fault:
                if fault.kind == "locked" and time.monotonic() < locked_until:
                    continue
                if fault.kind not in ("full", "read-only"):
                    raise
                self._wait(fault.kind, LEAST_ROOM + 4 * size())
                locked_until = time.monotonic() + LOCKED_SECONDS
                continue
            self._go_on()
            return result

    def for_worker(self, said: str, *, times: int, silent: bool) -> bool:
        """A worker has ended badly and said `said`. If there was no room for what it wrote, wait until there is.

        `times`: how often this object had waited when the worker began. `silent`: it ended without a word, as it may
        where its log has no room either. Returns whether its disk was full. What it had half written is removed.
        """
        if not silent and not SAYS_NO_ROOM.search(said):
            return False
        need = LEAST_ROOM + _largest(self._folder / "artefacts")
        lacking = refused_by_disk(self._folder) in NO_ROOM or (not silent and self._lacking(need))
        if not lacking:
            return self.times > times  # there was none, and has been room since
        _remove_halves(self._folder)
        while self._lacking(need):
            self._wait("full", need)
        self._go_on()
        return True

    def _lacking(self, need: int) -> bool:
        free = free_bytes(self._folder)
        return (free is not None and free < need) or refused_by_disk(self._folder) in NO_ROOM

    def _wait(self, kind: FaultKind, need: int) -> None:
        """Wait until another try is worth it."""
        if not self._waiting:
            self._waiting, self._told = True, False
            self.times += 1
            self._waiter.hold(True)
        since = time.monotonic()
        while True:
            if not self._told:
                self._tell(kind, need)
            if self._waiter.stop_wanted():
                raise StopWhileWaiting("The run was stopped while it waited")
            time.sleep(LOOK_SECONDS)
            self._waiter.still_there()
            free = free_bytes(self._folder)
            if kind == "full" and free is not None and free < need:
                continue
            if time.monotonic() - since >= self._pause:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
                return

    def _tell(self, kind: FaultKind, need: int) -> None:
        """Say in the store that the run waits, and why. Room was set aside for that."""
        if self.maintenance is not None:
            self.maintenance.release_reserve()
        notice = self._notice(kind, need)
        for attempt in range(2):
            try:
                with self._store.atomic():
                    runs.set_status(self._store, self._run_id, RunStatus.PAUSED, notice)
                    runs.add_log(self._store, self._run_id, "warning", sentences(notice.what, notice.why, notice.fix))
                self._told = True
                return
            except StoreError:
                if attempt == 0 and self.maintenance is not None:
                    self.maintenance.trim(0.5)

    def _notice(self, kind: FaultKind, need: int) -> ErrorText:
        if kind == "read-only":
            return ErrorText(
                "The store is read-only: the run waits",
                f"Nothing can be written to {self._store.path}.",
                "Make it writable, and the run goes on by itself.",
            )
        free = free_bytes(self._folder)
        if free is None or free >= need:
            why = f"The disk with {self._store.path} takes no more, though it does not say that it is full (a quota?)."
            missing = need
        else:
            why = f"The disk with {self._store.path} has {_megabytes(free)} left and the run needs {_megabytes(need)}."
            missing = need - free
        return ErrorText(
            "The disk is full: the run waits",
            why,
            f"Free at least {_megabytes(missing)}, and it goes on by itself. Nothing is lost.",
        )

    def _go_on(self) -> None:
        while self._waiting:
            try:
                with self._store.atomic():
                    runs.set_notice(self._store, self._run_id, None)
                    if not self._waiter.paused:
                        runs.set_status(self._store, self._run_id, RunStatus.RUNNING)
                    runs.add_log(self._store, self._run_id, "info", "There is room again; the run goes on.")
            except StoreFault as fault:
                if fault.kind not in ("full", "read-only", "locked"):
                    raise
                self._wait(fault.kind, LEAST_ROOM)
                continue
            self._waiting = False
            if self.maintenance is not None:
                self.maintenance.set_reserve_aside()
            self._waiter.hold(False)


def _megabytes(count: int) -> str:
    return f"{max(0.1, count / 2**20):.1f} MB"


def _largest(artefacts: Path) -> int:
    """Bytes of the largest thing that a phase has left: the next one may be as large."""
    largest = 0
    with contextlib.suppress(OSError):
        for child in artefacts.iterdir():
            files = child.rglob("*") if child.is_dir() else [child]
            largest = max(largest, sum(file.stat().st_size for file in files if file.is_file()))
    return largest


def _remove_halves(folder: Path) -> None:
    """What was being written when there was no more room. Its writer has ended; the next one begins it anew."""
    for path in list(folder.rglob("*.part")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
