"""Full-text search in the steps of trajectories: an FTS5 index in a file of its own, `search.db` beside the store.

The index only narrows a search down. It holds the trigrams of the steps and not the steps, so that it finds parts of
words, numbers, signs and scripts without spaces alike; whoever asks checks what it finds against the trajectories
themselves (`traces`). So it may know too much (rows of a deleted run, an earlier text) and never too little: what it
does not have yet stands in the store's table `unindexed`, which triggers fill, and is searched without it.

It is made of the store and can be made again at any time: backups leave it out, and one that is damaged or belongs to
another store is thrown away.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from sapo_studio.store.db import Store

SHORTEST = 3
"""Characters that a text must have for the index to know it."""

MOST_FOUND = 200_000
"""Candidates beyond which the index is of no use: so common a text is found as fast without it."""

BATCH = 500
"""Trajectories that are indexed at once: some 30 ms, so that nobody waits long for the file."""

_SHAPE = 1
_UID_KEY = "search_index"
_WAIT_SECONDS = 5.0


def index_path(store: Store) -> Path:
    """Where the index of a store lies."""
    return store.path.with_name("search.db")


def waiting(store: Store, first: int, last: int) -> int:
    """How many trajectories with ids from `first` to `last` the index does not have yet."""
    return int(store.value("SELECT count(*) FROM unindexed WHERE id BETWEEN ? AND ?", (first, last)))


def pending(store: Store, first: int, last: int, most: int) -> list[int]:
    """Up to `most` of those trajectories."""
    found = store.rows("SELECT id FROM unindexed WHERE id BETWEEN ? AND ? LIMIT ?", (first, last, most))
    return [identity for (identity,) in found]


def find(store: Store, text: str, first: int, last: int) -> NDArray[np.int64] | None:
    """Ids from `first` to `last` of trajectories whose steps may hold `text`, ascending, among those that are indexed.

    None where the index cannot say: it is not there, the text is too short for it or too common.
    """
    wanted = _trigrams(text)
    uid = _uid(store)
    if not wanted or uid is None:
        return None
    with _opened(store, create=False) as index:
        if index is None or _uid_of(index) != uid:
            return None
        with _own_faults():
            found = index.execute(
                "SELECT rowid FROM steps WHERE steps MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?",
                (wanted, first, last, MOST_FOUND + 1),
            ).fetchall()
        if len(found) <= MOST_FOUND:
            return np.fromiter((identity for (identity,) in found), dtype=np.int64, count=len(found))
    return None


def index_some(store: Store, first: int, last: int, most: int = BATCH) -> int | None:
    """Take up to `most` trajectories with ids from `first` to `last` into the index, and return how many are left.

    None where there can be no index: the store or its folder cannot be written, or this SQLite has no FTS5. Raises
    StoreError where the store itself fails.
    """
    if store.only_reading is not None:
        return None
    with _opened(store, create=True) as index:
        if index is None:
            return None
        with store.atomic():  # what a trajectory says cannot change between being read and being crossed off
            _same_uid(store, index)
            found = store.rows(
                "SELECT u.id, t.steps FROM unindexed u LEFT JOIN trajectories t ON t.id = u.id"
                " WHERE u.id BETWEEN ? AND ? ORDER BY u.id LIMIT ?",
                (first, last, most),
            )
            # First: what is indexed twice does no harm, what never is could not be found.
            _add(index, [row for row in found if isinstance(row[1], str)])
            store.execute_many("DELETE FROM unindexed WHERE id = ?", [(identity,) for identity, _ in found])
        return waiting(store, first, last)
    return None


def _trigrams(text: str) -> str:
    """What FTS5 is asked for: all trigrams of `text`. Empty where it has none."""
    if "\0" in text:
        return ""
    parts = dict.fromkeys(text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1))
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in parts)


def _uid(store: Store) -> str | None:
    found = store.value("SELECT value FROM store_settings WHERE key = ?", (_UID_KEY,))
    return None if found is None else str(json.loads(found))


def _uid_of(index: sqlite3.Connection) -> str:
    with _own_faults():
        found = index.execute("SELECT uid FROM about").fetchone()
    return str(found[0]) if found else ""


def _add(index: sqlite3.Connection, rows: list[tuple[int, str]]) -> None:
    with _own_faults():
        index.execute("BEGIN IMMEDIATE")
        index.executemany("INSERT INTO steps (rowid, text) VALUES (?, ?)", rows)
        index.execute("COMMIT")


def _empty(index: sqlite3.Connection, uid: str) -> None:
    with _own_faults():
        index.execute("BEGIN IMMEDIATE")
        index.execute("INSERT INTO steps (steps) VALUES ('delete-all')")
        index.execute("DELETE FROM about")
        index.execute("INSERT INTO about VALUES (?)", (uid,))
        index.execute("COMMIT")


def _same_uid(store: Store, index: sqlite3.Connection) -> None:
    """See to it that the index is this store's own; one that is not is emptied, and everything is to be indexed."""
    uid = _uid_of(index)
    if uid == _uid(store):
        return
    uid = uuid4().hex
    _empty(index, uid)
    store.execute(
        "INSERT INTO store_settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_UID_KEY, json.dumps(uid)),
    )
    store.execute("INSERT OR IGNORE INTO unindexed (id) SELECT id FROM trajectories")


class _IndexFault(Exception):  # noqa: N818  # as StoreFault
    """SQLite refused something of the index. (Its errors within a transaction of the store would pass for the
    store's.)
    """

    def __init__(self, error: sqlite3.DatabaseError) -> None:
        super().__init__(str(error))
        code: object = getattr(error, "sqlite_errorcode", None)
        self.damaged = isinstance(code, int) and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def _own_faults() -> Generator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _IndexFault(error) from error


@contextmanager
def _opened(store: Store, *, create: bool) -> Generator[sqlite3.Connection | None]:
    """The index, open; None where there is none, or none can be. A damaged one is thrown away, and what is asked of it
    ends there.
    """
    path = index_path(store)
    index = _connect(path, create=create)
    try:
        yield index
    except _IndexFault as fault:
        if fault.damaged:
            _throw_away(path)
    finally:
        if index is not None:
            index.close()


def _connect(path: Path, *, create: bool) -> sqlite3.Connection | None:
    source = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    try:
        index = sqlite3.connect(source, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)
    except sqlite3.OperationalError:  # it is not there, or the folder cannot be written
        return None
    try:
        index.execute("PRAGMA journal_mode = WAL")
        index.execute("PRAGMA synchronous = FULL")  # a row that is crossed off in the store must be here for good
        if index.execute("PRAGMA user_version").fetchone()[0] != _SHAPE:
            if not create:
                raise sqlite3.OperationalError("another version's")
            _make(index)
    except sqlite3.DatabaseError as error:
        index.close()
        if create and not isinstance(error, sqlite3.OperationalError):
            _throw_away(path)
        return None
    return index


def _make(index: sqlite3.Connection) -> None:
    """Make the tables, in place of those of another version. Raises OperationalError where this SQLite has no FTS5."""
    index.execute("BEGIN IMMEDIATE")
    if index.execute("PRAGMA user_version").fetchone()[0] != _SHAPE:  # another window may have been first
        for table in ("steps", "about"):
            index.execute(f"DROP TABLE IF EXISTS {table}")
        index.execute(
            "CREATE VIRTUAL TABLE steps USING fts5(text, tokenize='trigram', detail=none, content='', columnsize=0)"
        )
        index.execute("CREATE TABLE about (uid TEXT NOT NULL)")
        index.execute(f"PRAGMA user_version = {_SHAPE}")
    index.execute("COMMIT")


def _throw_away(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)
