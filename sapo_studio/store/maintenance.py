"""Looking after the store's file while a run is alive: one checkpointer, timed backups, a reserve for a full disk."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

from sapo_studio.errors import InputError, StoreError
from sapo_studio.readable import sentences
from sapo_studio.store.backups import Backup, list_backups
from sapo_studio.store.copies import log_of, size_of
from sapo_studio.store.db import Store
from sapo_studio.store.faults import free_bytes
from sapo_studio.store.store_lock import StoreLock

BACKUP_SECONDS = 600.0
_LOCK_RETRY_SECONDS = 10.0
_WAL_TRIM_BYTES = 64 * 2**20
_RESERVE_BYTES = 2**20


def back_up_now(store: Store) -> tuple[Backup, str]:
    """Make a backup of the store at once. Returns it, and what there is to know of the ones before it (mostly nothing).

    Raises InputError while an engine looks after the store, which backs it up itself, and StoreError where there is no
    room or the store is damaged.
    """
    lock = StoreLock.take(store.path)
    if lock is None:
        raise InputError(
            "The store cannot be backed up now",
            why="An engine looks after it while a run goes on.",
            fix=f"It makes a backup every {BACKUP_SECONDS / 60:.0f} minutes and when the run ends.",
        )
    try:
        needed = size_of(store.path) + size_of(log_of(store.path))
        free = free_bytes(store.path.parent)
        if free is not None and free < 2 * needed:
            raise StoreError(
                "There is no room for a backup",
                why=f"It needs {2 * needed / 2**20:.0f} MB, and {free / 2**20:.0f} MB are free.",
                fix="Free some space.",
            )
        said = store.back_up()
        return max(list_backups(store.path), key=lambda one: one.made), said
    finally:
        lock.release()


class StoreMaintenance:
    """Keeps one store in order for one engine parent. Call `tick` now and then, `close` at the end.

    SQLite up to 3.51.2 can, rarely, damage a file that two connections checkpoint at the same moment. Of several
    parents on one store the one that holds a lock file checkpoints and backs up; the others take over when it goes.
    """

    def __init__(self, store: Store, run_dir: Path) -> None:
        self._store = store
        self._reserve = run_dir / ".reserve"
        self._lock: StoreLock | None = None
        self._next_lock = 0.0
        self._next_backup = time.monotonic() + BACKUP_SECONDS
        self._backup: threading.Thread | None = None
        self.trouble = ""
        """Why the last backup was not made. Empty where nothing is wrong. Reset it once it is told."""
        self._told = ""
        self.set_reserve_aside()
        self.tick()

    def tick(self) -> None:
        """Do what is due. Never waits for a backup."""
        now = time.monotonic()
        if self._lock is None:
            if now < self._next_lock:
                return
            self._next_lock = now + _LOCK_RETRY_SECONDS
            self._lock = StoreLock.take(self._store.path)
            if self._lock is None:
                return
            self._store.execute("PRAGMA wal_autocheckpoint = 1000")
        if now >= self._next_backup and (self._backup is None or not self._backup.is_alive()):
            self._next_backup = now + BACKUP_SECONDS
            self._backup = threading.Thread(target=self._back_up, name="store backup", daemon=True)
            self._backup.start()
        if size_of(log_of(self._store.path)) > _WAL_TRIM_BYTES:
            self.trim(0.05)

    def trim(self, patience: float) -> None:
        """Write the log of changes back into the file and empty it, if readers leave within `patience` seconds."""
        if self._lock is None:
            return
        with contextlib.suppress(StoreError):  # busy: the next time will do
            self._store.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            self._store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        self._store.execute("PRAGMA busy_timeout = 10000")

    def release_reserve(self) -> None:
        """Give the set-aside space back, so that a full disk still has room to say why the run failed."""
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)

    def close(self, *, keep: bool = True) -> None:
        """A last backup, the log of changes emptied, the lock given up. `keep=False`: the store is not there any more,
        and there is nothing to back up.
        """
        self.release_reserve()
        if self._backup is not None:
            self._backup.join()
        if self._lock is not None:
            if keep:
                self._back_up()
                self.trim(0.5)
            self._lock.release()
            self._lock = None

    def set_reserve_aside(self) -> None:
        """Take the space that `release_reserve` gives back, if there is room for it."""
        with contextlib.suppress(OSError):  # no room for it: then the run will soon say so itself
            self._reserve.write_bytes(os.urandom(_RESERVE_BYTES))

    def _back_up(self) -> None:
        path = self._store.path
        try:
            needed = 2 * (size_of(path) + size_of(log_of(path)))
            free = free_bytes(path.parent)
            if free is not None and free < needed:
                missing = (needed - free) / 2**20
                trouble = f"No backup of the store was made: it needs {missing:.0f} MB more of free space."
            else:
                with Store.open(path, create=False) as source:
                    trouble = source.back_up()
        except StoreError as error:
            trouble = sentences("No backup of the store was made", error.what, error.why, error.fix)
        except OSError as error:
            trouble = f"No backup of the store was made: {error}"
        if trouble != self._told:  # once is enough
            self.trouble = self._told = trouble
