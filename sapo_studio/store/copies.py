"""Copies of a store's file that appear checked and complete or not at all, and the names of files beside it.

Nothing here opens the store's own file by itself: closing a plain file of it would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from sapo_studio.errors import StoreError

_STAMP = "%Y%m%d-%H%M%S"


def free_name(store: Path, kind: str) -> Path:
    """A name beside the store, with the time in it, that is not taken: `studio.KIND-20261127-104500.db`."""
    stamp = time.strftime(_STAMP)
    for more in range(1000):
        path = store.with_name(f"{store.stem}.{kind}-{stamp}{f'-{more}' if more else ''}.db")
        if not os.path.lexists(path) and not os.path.lexists(f"{path}-wal"):
            return path
    raise StoreError(f"There are too many files named {store.stem}.{kind}-* in {store.parent}")


def log_of(store: Path) -> Path:
    """SQLite's log of changes that are not in the file yet, beside it (links followed, as SQLite does)."""
    return Path(f"{os.path.realpath(store)}-wal")


def size_of(path: Path) -> int:
    """Bytes in a file, 0 where it cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read_only(path: Path) -> sqlite3.Connection:
    """For a file that nobody writes: no locks, and no files beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy a store that is open as `source` to `target`, while others go on with it. The copy appears checked and
    complete, or not at all.

    Raises sqlite3.Error, OSError, and StoreError where the store turns out to be damaged.
    """
    partial = partial_of(target)
    try:
        copy_to(source, partial)
        partial.replace(target)
        sync_folder(target.parent)
    finally:
        remove(partial)


def quick_check(connection: sqlite3.Connection) -> str:
    """What `PRAGMA quick_check` says of an open store, '' where it is sound. Reads all of it."""
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else found.splitlines()[-1]


def copy_to(source: sqlite3.Connection, partial: Path) -> None:
    """Copy an open store to the file `partial`, checked and synced. Raises as `copy` does."""
    remove(partial)
    with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as target:
        try:
            source.backup(target)
            # One file that can be read as it is, also where nothing can be written beside it.
            target.execute("PRAGMA journal_mode = DELETE")
            fault = quick_check(target)
        except sqlite3.DatabaseError as error:
            if not str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise
            fault = str(error)
    if fault:
        raise StoreError(
            "The store is damaged",
            why=f"SQLite's quick check of a copy says: {fault}.",
            fix="No backup was replaced. `sapo restore` goes back to one.",
        )
    with partial.open("r+b") as file:
        os.fsync(file.fileno())


def partial_of(target: Path) -> Path:
    """Where a copy lies until it is complete."""
    return target.with_name(target.name + ".partial")


def remove(path: Path) -> None:
    """Remove a copy with the files that SQLite keeps beside it, as far as that can be done."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def link(source: Path, target: Path) -> None:
    """Let `target` be `source` as well, at once: `source` is there all the time."""
    extra = target.with_name(target.name + ".partial")
    remove(extra)
    try:
        os.link(source, extra)
    except OSError:  # a file system without hard links: for a moment there is only the previous one
        source.replace(target)
        return
    extra.replace(target)
    remove(extra)  # it stays where both were one file before: a kill between this and the next step


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems have no such thing
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
