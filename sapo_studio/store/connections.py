"""SQLite's connections to the store: the usual one, one that only reads, and one for a full disk."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from sapo_studio.store import copies
from sapo_studio.store.faults import BUSY_SECONDS


def connect(path: Path, checkpointer: bool, *, new: bool) -> sqlite3.Connection:
    """A connection that reads and writes. `new`: a file may be made."""
    # Only where there never was a store is a file made: an empty one is no substitute for one that has just gone.
    source = f"{path.absolute().as_uri()}?mode={'rwc' if new else 'rw'}"
    # isolation_level=None: transactions begin where we say so, and as IMMEDIATE ones
    connection = sqlite3.connect(source, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        _prepare(connection, checkpointer)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """A connection for a full disk, that needs no room: SQLite's usual one wants 32 kB beside the store, before
    anything is read. It keeps writers out.
    """
    if copies.size_of(copies.log_of(path)) == 0:
        return _connect_immutable(path)
    source = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(source, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    # Alone with the file it keeps the log's index in its own memory.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA query_only = ON")
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing to the store. It wants to keep SQLite's index of the log beside it, as every
    reader does; where the folder or a full disk refuses that and there is no log, nobody is writing, and it does
    without.
    """
    source = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(source, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_schema").close()
    except sqlite3.OperationalError as error:
        connection.close()
        refused = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
        if not refused or copies.size_of(copies.log_of(path)):
            raise
        connection = _connect_immutable(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_immutable(path: Path) -> sqlite3.Connection:
    """Only where there is no log of changes."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)


def _prepare(connection: sqlite3.Connection, checkpointer: bool) -> None:
    """Set the connection up.

    The journal mode is changed only where it has to be: that needs the file for itself alone.
    """
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _to_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA wal_autocheckpoint = {1000 if checkpointer else 0}")


def _to_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait here by itself when two programs open a new file at the same moment
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
