"""What one copy of the store holds that another does not, but for runs that were deleted on purpose."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from sapo_studio import files
from sapo_studio.readable import counted
from sapo_studio.store.codec import id_range
from sapo_studio.store.copies import free_name, read_only

_RUN_ROWS = (
    ("questions", "id"),
    ("trajectories", "id"),
    ("scores", "trajectory_id"),
    ("labels", "trajectory_id"),
    ("rollouts", "id"),
    ("pairs", "id"),
    ("annotations", "trajectory_id"),
)
"""Tables whose rows only become more while a run exists, and the column that says whose they are."""


def note_deleted(store: Path, run_id: str, number: int) -> None:
    """Write down that a run is being deleted on purpose, so that a backup without it may replace one with it."""
    line = json.dumps({"id": run_id, "number": number, "at": time.time()})
    # On a full disk it cannot be: then the backup that has the run is kept, which is the safe side.
    with contextlib.suppress(OSError), _deleted_path(store).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def deleted_runs(store: Path) -> set[str]:
    """Ids of the runs that were deleted on purpose."""
    try:
        lines = _deleted_path(store).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    found: set[str] = set()
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # half a line of a full disk
            found.add(str(json.loads(line)["id"]))
    return found


def forget_deleted(store: Path, run_ids: Iterable[str]) -> None:
    """These runs are there again."""
    back = set(run_ids)
    path = _deleted_path(store)
    if not path.exists() or not back & deleted_runs(store):
        return
    kept = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if not _names(line, back)]
    files.write_atomic(path, "".join(line + "\n" for line in kept).encode())


def _names(line: str, run_ids: set[str]) -> bool:
    try:
        return str(json.loads(line)["id"]) in run_ids
    except (ValueError, KeyError, TypeError):
        return True


def _deleted_path(store: Path) -> Path:
    return store.with_name(f"{store.stem}.deleted")


def missing_in(newer: Path, older: Path, deleted: set[str]) -> str | None:
    """What the copy `older` holds and `newer` does not, in words; '' where it holds everything that was not deleted on
    purpose. None where `older` is not there or cannot be read.
    """
    try:
        with contextlib.closing(read_only(older)) as before, contextlib.closing(read_only(newer)) as now:
            return _lost(before, now, deleted)
    except (sqlite3.Error, ValueError, TypeError):
        return None


def _lost(before: sqlite3.Connection, now: sqlite3.Connection, deleted: set[str]) -> str:
    had = {str(run_id): int(number) for run_id, number in before.execute("SELECT id, number FROM runs")}
    has = {str(run_id) for (run_id,) in now.execute("SELECT id FROM runs")}
    if gone := [run_id for run_id in had if run_id not in has and run_id not in deleted]:
        more = f" and {len(gone) - 5} more" if len(gone) > 5 else ""
        return f"not in it: {counted(len(gone), 'run')}: {', '.join(gone[:5])}{more}"
    tables_before, tables_now = _tables(before), _tables(now)
    same_shape = shape_of(before) == shape_of(now)
    if same_shape and (fewer := sorted(tables_before - tables_now)):
        return "not in it: " + ", ".join(fewer)
    for table, column in _RUN_ROWS:
        if table in tables_before and table in tables_now:
            for run_id, number in had.items():
                count = _count(before, table, column, number) if run_id in has else 0
                left = _count(now, table, column, number) if count else 0
                if left < count:
                    return f"{left} of {count} {table} of {run_id}"
    return ""


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def shape_of(connection: sqlite3.Connection) -> int:
    """The shape of an open store: how many migrations have made it."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _count(connection: sqlite3.Connection, table: str, column: str, number: int) -> int:
    sql = f"SELECT count(*) FROM {table} WHERE {column} BETWEEN ? AND ?"
    return int(connection.execute(sql, id_range(number)).fetchone()[0])


def keep_if_larger(store: Path, backup: Path, newer: Path) -> Path | None:
    """Give `backup` a name under which nothing replaces it, if it holds what `newer` does not. Returns that name."""
    if not missing_in(newer, backup, deleted_runs(store)):
        return None
    name = free_name(store, "kept")
    backup.rename(name)
    return name
