"""What is said when the store refuses: SQLite's errors, and rows that cannot be read, in sentences for a user."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sapo_studio import paths
from sapo_studio.errors import InputError, StoreError
from sapo_studio.readable import cut, printable
from sapo_studio.store import backups

BUSY_SECONDS = 10.0
"""How long a writer waits for another one before it gives up."""

LOW_SPACE = 4 * 2**20
"""Free bytes below which a failed write is put down to a full disk."""

FaultKind = Literal["full", "read-only", "locked", "gone", "replaced", "damaged", "row", "other"]
"""What is wrong: no room, no permission, another program has it, the file is no longer there or has been emptied,
another one is in its place, the file is damaged, one row is, or something else."""

_PROBE_BYTES = 64 * 2**10


class StoreFault(StoreError):  # noqa: N818  # read as a noun, as its parts are: a store's fault
    """A refusal of the store, with what kind it is for those who can do something about it."""

    def __init__(self, kind: FaultKind, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.kind: FaultKind = kind

    @property
    def lost(self) -> bool:
        """Whether the file that was open is not what it was: nothing can be written to it any more."""
        return self.kind in ("gone", "replaced")


def no_value(error: UnicodeEncodeError | OverflowError) -> InputError:
    """Why SQLite cannot keep a value, or look for it. A lone surrogate in a text stands for a byte that is no UTF-8, or
    is half a character.
    """
    if isinstance(error, OverflowError):
        return InputError("A number is too large", why="The store's whole numbers have 64 bits.", fix="Give another.")
    return InputError(
        f"'{cut(printable(error.object))}' is not valid text",
        why="Some of its bytes are not UTF-8.",
        fix="Type it anew.",
    )


def explain(error: sqlite3.Error, path: Path) -> StoreFault:
    """What `error` means for a user of the store at `path`: what happened, why, what to do."""
    # errors that the Python module itself raises (a closed connection, the wrong thread) carry no code
    name = str(getattr(error, "sqlite_errorname", None) or type(error).__name__)
    text = str(error)
    cause = f"SQLite says: {error} ({name})."
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and is_full(path.parent)):
        return StoreFault(
            "full",
            f"The disk with {path} is full",
            why=cause + " Nothing of the last batch was kept; everything before it is safe.",
            fix="Free some space and resume the run.",
        )
    read_only = name.startswith("SQLITE_READONLY") or (
        name.startswith("SQLITE_IOERR") and refused_by_disk(path.parent) == errno.EROFS
    )
    if name.startswith("SQLITE_IOERR") and not read_only:
        return StoreFault(
            "other",
            f"The store {path} cannot be read or written",
            why=cause + " The disk may be full or failing, or a quota or file size limit is reached.",
            fix="Check the disk and the limits (`ulimit -f`), then resume the run. What was committed before is safe.",
        )
    if read_only:
        return StoreFault(
            "read-only",
            f"The store {path} is read-only",
            why=cause,
            fix=f"Make the file and its folder writable, or set {paths.HOME_VARIABLE} to a folder of your own.",
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return StoreFault(
            "other",
            f"Cannot open the store {path}",
            why=cause
            + " Its folder may be read-only (SQLite keeps two files beside the store), or the path is a folder.",
            fix=f"Make the folder writable, or set {paths.HOME_VARIABLE} to another one.",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        return StoreFault(
            "locked",
            f"The store {path} is locked",
            why=f"{cause} Another program kept it for more than {BUSY_SECONDS:g} s.",
            fix="Close programs that have the file open for writing, then try again.",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return damaged(path, f"The store {path} is damaged or not an SQLite file", cause)
    if text.startswith(("no such table", "no such column", "no such view")):
        return damaged(path, f"The store {path} is damaged: parts of it are missing", cause)
    if "malformed JSON" in text or text.startswith("Could not decode to UTF-8"):
        return row_fault(path, "a row that was asked for", cause)
    if isinstance(error, sqlite3.ProgrammingError) and ("closed database" in text or "same thread" in text):
        closed = "closed database" in text
        return StoreFault(
            "other",
            f"The store {path} {'has been closed' if closed else 'was opened in another thread'}",
            fix="Read before it is closed." if closed else "Open it in each thread that reads.",
        )
    return StoreFault(
        "other", f"The store {path} refused a request", why=cause, fix="Please report this with the lines above."
    )


def damaged(path: Path, what: str, why: str) -> StoreFault:
    """A store that cannot be used as it is, with the way back to its newest backup."""
    return StoreFault("damaged", what, why=why, fix=backups.way_back(path))


def row_fault(path: Path, which: str, why: str) -> StoreFault:
    """One row of a store that is otherwise sound."""
    found = backups.best(path)
    back = "" if found is None else f" `sapo restore` goes back to a backup: {found.summary}."
    return StoreFault(
        "row",
        f"The store {path} holds a damaged row: {which}",
        why=why,
        fix=f"Everything else in it can be used.{back}",
    )


UNREADABLE = (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)
"""What goes wrong with a row's values: JSON, numbers, BLOBs."""


def unreadable(path: Path, which: str, error: Exception) -> StoreFault:
    """What is said of a row whose values could not be read. `which`: whose row it is."""
    return row_fault(path, which, f"{type(error).__name__}: {str(error)[:200] or 'it cannot be read'}.")


@contextmanager
def reading(path: Path, which: str) -> Generator[None]:
    """Turn what goes wrong with a row's values inside the block into StoreFault."""
    try:
        yield
    except UNREADABLE as error:
        raise unreadable(path, which, error) from error


def free_bytes(folder: Path) -> int | None:
    """Room on the disk with `folder`, for an ordinary user; None where the system does not say."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def is_full(folder: Path) -> bool:
    """Whether next to nothing more fits on the disk with `folder`, or into the user's quota there. Tries it."""
    free = free_bytes(folder)
    return (free is not None and free < LOW_SPACE) or refused_by_disk(folder) in NO_ROOM


NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says where nothing more fits, or is allowed."""


def refused_by_disk(folder: Path) -> int:
    """Try to keep a little in `folder`: 0 where that works, else the system's error number."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(os.urandom(_PROBE_BYTES))
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno or errno.EIO
    return 0
