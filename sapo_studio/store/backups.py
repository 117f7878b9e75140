"""Copies of the store beside it: making them, telling whether one may replace another, going back to one.

Names beside `studio.db`:

    studio.backup.db             the newest backup
    studio.backup.previous.db    the one before it
    studio.backup.after-loss.db  of a store that holds less than the newest backup; that one is then left alone
    studio.kept-TIME.db          a backup that holds more than the one that was restored
    studio.replaced-TIME.db      the store that was here before a restore, with its own -wal
    studio.rescued-TIME.db       what a program still held of a store that vanished under it
    studio.deleted               runs deleted through the program, a line each: what is not here was lost

A backup is copied, checked (`PRAGMA quick_check`), synced and only then renamed: there never is less than before.
Nothing here opens the store's own file by itself: closing a plain file of it would drop SQLite's locks.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sapo_studio import files
from sapo_studio.errors import InputError, StoreError
from sapo_studio.paths import user_path
from sapo_studio.readable import counted
from sapo_studio.store.codec import id_range
from sapo_studio.store.migrations import MIGRATIONS
from sapo_studio.store.store_lock import StoreLock

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

_STAMP = "%Y%m%d-%H%M%S"
_RESTORING = "restoring"
_LOCK_PATIENCE = 5.0
"""Seconds that a restore waits for whoever only looks at the store, as an open window does."""


@dataclass(frozen=True)
class Backup:
    """A copy of the store. `made` in seconds since 1970, `size` in bytes; `runs` -1 where `fault` says why it cannot be
    used.
    """

    path: Path
    made: float
    size: int
    runs: int
    newest_run: str
    fault: str = ""

    @property
    def date(self) -> str:
        """When it was made, in local time, for people."""
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.made))

    @property
    def summary(self) -> str:
        """`studio.backup.db of 2026-11-27 10:45 with 3 runs`."""
        return f"{self.path.name} of {self.date} with {counted(self.runs, 'run')}"


@dataclass(frozen=True)
class Restored:
    """What a restore did: the store's new content, where the old one is now, backups that were kept from being
    replaced.
    """

    backup: Backup
    aside: Path | None
    kept: tuple[Path, ...]


# Names.


def newest_path(store: Path) -> Path:
    """Where the newest backup of the store is."""
    return store.with_name(f"{store.stem}.backup.db")


def _previous_path(store: Path) -> Path:
    return store.with_name(f"{store.stem}.backup.previous.db")


def _after_loss_path(store: Path) -> Path:
    return store.with_name(f"{store.stem}.backup.after-loss.db")


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


# What there is.


def candidates(store: Path) -> list[Path]:
    """The files beside the store that may be copies of it, the latest first."""
    found: list[tuple[float, Path]] = []
    try:
        with os.scandir(store.parent) as entries:
            for entry in entries:
                if _is_copy(entry.name, store) and entry.is_file():
                    found.append((entry.stat().st_mtime, store.with_name(entry.name)))
    except OSError:
        return []
    return [path for _, path in sorted(found, key=lambda item: (-item[0], item[1].name))]


def _is_copy(name: str, store: Path) -> bool:
    if not name.startswith(f"{store.stem}.") or not name.endswith(".db") or name == store.name:
        return False
    return not name.startswith(f"{store.stem}.{_RESTORING}-")


def list_backups(store: Path) -> list[Backup]:
    """All copies of the store beside it, the latest first, those that cannot be used included."""
    return [look_at(path) for path in candidates(store)]


def look_at(path: Path) -> Backup:
    """What a copy holds, without writing anything. Its pages are not checked."""
    try:
        stat = path.stat()
    except OSError as error:
        return Backup(path, 0.0, 0, -1, "", error.strerror or str(error))
    try:
        with contextlib.closing(_read_only(path)) as copy:
            runs = int(copy.execute("SELECT count(*) FROM runs").fetchone()[0])
            newest = copy.execute("SELECT id FROM runs ORDER BY number DESC LIMIT 1").fetchone()
            return Backup(path, stat.st_mtime, stat.st_size, runs, str(newest[0]) if newest else "")
    except (sqlite3.Error, TypeError, ValueError) as error:
        return Backup(path, stat.st_mtime, stat.st_size, -1, "", str(error))


def best(store: Path) -> Backup | None:
    """The copy to go back to: of those that can be read the one with most runs, the latest of these. A store that was
    set aside comes last. None where there is none with a run.
    """
    aside = f"{store.stem}.replaced-"
    found = [backup for backup in list_backups(store) if backup.runs > 0]
    return max(found, key=lambda one: (not one.path.name.startswith(aside), one.runs, one.made), default=None)


def way_back(store: Path) -> str:
    """What a user can do about a store that cannot be used, in one or two sentences."""
    if (found := best(store)) is not None:
        return f"`sapo restore` goes back to a backup: {found.summary}. The damaged file is kept aside."
    return (
        f"There is no backup of it. Save what can be read with `sqlite3 {store.name} .recover`, or move it away with"
        " the folder `runs` to begin anew."
    )


def _read_only(path: Path) -> sqlite3.Connection:
    """For a file that nobody writes: no locks, and no files beside it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


# Deleted on purpose.


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


def _forget_deleted(store: Path, run_ids: Iterable[str]) -> None:
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


# Making one.


def copy(source: sqlite3.Connection, target: Path) -> None:
    """Copy a store that is open as `source` to `target`, while others go on with it. The copy appears checked and
    complete, or not at all.

    Raises sqlite3.Error, OSError, and StoreError where the store turns out to be damaged.
    """
    partial = _partial_of(target)
    try:
        _copy(source, partial)
        partial.replace(target)
        _sync_folder(target.parent)
    finally:
        _remove(partial)


def back_up(source: sqlite3.Connection, store: Path) -> str:
    """Make the store that is open as `source` the newest backup, and the newest one before it the previous one.

    Where it holds less than the newest backup, and nobody deleted that on purpose, both stay as they are and it gets a
    backup of its own; then returns a sentence that says so, else ''. Raises as `copy` does; every backup is then as it
    was.
    """
    newest, previous = newest_path(store), _previous_path(store)
    partial = _partial_of(newest)
    try:
        _copy(source, partial)
        lost, where = "", newest
        for older in (newest, previous):
            if (found := missing_in(partial, older, deleted_runs(store))) is not None:
                lost, where = found, older
                break
        if lost:
            _keep_if_larger(store, _after_loss_path(store), partial)
            partial.replace(_after_loss_path(store))
            _sync_folder(store.parent)
            return (
                f"The backup {where.name} of {look_at(where).date} is kept: the store holds less than it ({lost})."
                f" What the store holds now is in {_after_loss_path(store).name}. `sapo restore` goes back to the"
                f" backup; where the store is right as it is, move {where.name} away."
            )
        if newest.exists() and (not previous.exists() or fault_of(newest) == ""):
            _link(newest, previous)
        partial.replace(newest)
        if _keep_if_larger(store, _after_loss_path(store), newest) is None:
            _remove(_after_loss_path(store))
        _sync_folder(store.parent)
        return ""
    finally:
        _remove(partial)


def missing_in(newer: Path, older: Path, deleted: set[str]) -> str | None:
    """What the copy `older` holds and `newer` does not, in words; '' where it holds everything that was not deleted on
    purpose. None where `older` is not there or cannot be read.
    """
    try:
        with contextlib.closing(_read_only(older)) as before, contextlib.closing(_read_only(newer)) as now:
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
    same_shape = _shape(before) == _shape(now)
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


def _shape(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _count(connection: sqlite3.Connection, table: str, column: str, number: int) -> int:
    sql = f"SELECT count(*) FROM {table} WHERE {column} BETWEEN ? AND ?"
    return int(connection.execute(sql, id_range(number)).fetchone()[0])


def fault_of(path: Path) -> str:
    """What `PRAGMA quick_check` says of a copy, '' where it is sound. Reads all of it."""
    try:
        with contextlib.closing(_read_only(path)) as connection:
            return _quick_check(connection)
    except sqlite3.Error as error:
        return str(error)


def _quick_check(connection: sqlite3.Connection) -> str:
    found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else found.splitlines()[-1]


def _copy(source: sqlite3.Connection, partial: Path) -> None:
    _remove(partial)
    with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as target:
        try:
            source.backup(target)
            # One file that can be read as it is, also where nothing can be written beside it.
            target.execute("PRAGMA journal_mode = DELETE")
            fault = _quick_check(target)
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


def _partial_of(target: Path) -> Path:
    return target.with_name(target.name + ".partial")


def _remove(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            Path(f"{path}{suffix}").unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Let `target` be `source` as well, at once: `source` is there all the time."""
    extra = target.with_name(target.name + ".partial")
    _remove(extra)
    try:
        os.link(source, extra)
    except OSError:  # a file system without hard links: for a moment there is only the previous one
        source.replace(target)
        return
    extra.replace(target)
    _remove(extra)  # it stays where both were one file before: a kill between this and the next step


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some file systems have no such thing
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


# Going back to one.


def find(store: Path, text: str) -> Backup:
    """The backup that `text` means: its number in the list (1 is the latest), its name, or a path.

    Raises InputError.
    """
    found = list_backups(store)
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= len(found):
        return found[int(text) - 1]
    for backup in found:
        if text in (backup.path.name, str(backup.path)):
            return backup
    path = user_path(text)
    if path.is_file() and not _same_file(path, store):
        return look_at(path)
    hint = "`sapo restore` lists them." if found else "There is none beside the store."
    raise InputError(f"There is no backup {text[:200]!r}", fix=f"{hint} A path to another copy can be given as well.")


def restore(store: Path, backup: Backup, *, step: Callable[[str], None] = lambda _: None) -> Restored:
    """Put a copy of `backup` in the store's place, in one move, and keep what was there beside it.

    The order is such that a kill at any moment leaves either the old store or the new one, or a state that the next
    opening finishes (`finish_restore`). `step` is told of each, for tests.

    Raises StoreError where the backup is damaged, InputError where an engine works on the store.
    """
    lock = StoreLock.take(store, _LOCK_PATIENCE)
    if lock is None and not os.access(store.parent, os.W_OK):
        raise StoreError(
            f"The folder {store.parent} cannot be written", why="Nothing was changed.", fix="Make it writable."
        )
    if lock is None:
        raise InputError(
            "The store cannot be replaced now",
            why="An engine works on one of its runs, or another `sapo restore` is under way.",
            fix="Stop the runs first (`sapo runs`, `sapo stop`), then try again.",
        )
    with lock:
        for left in store.parent.glob(f"{store.stem}.{_RESTORING}-*"):
            _remove(left)  # of a restore that was killed before it mattered
        aside = free_name(store, "replaced")
        ready = store.with_name(aside.name.replace(".replaced-", f".{_RESTORING}-", 1))
        run_ids = _copy_backup(backup, ready)
        step("copied")
        try:
            rotated = (newest_path(store), _previous_path(store), _after_loss_path(store))
            kept = [name for one in rotated if (name := _keep_if_larger(store, one, ready)) is not None]
            there = os.path.lexists(store)
            if there:
                store.rename(aside)
                step("store moved")
            _move_log(store, aside)
            step("log moved")
            ready.replace(store)
        except OSError as error:
            raise StoreError(
                f"The store {store} cannot be replaced",
                why=str(error),
                fix="Close all windows and programs that have it open, then try again.",
            ) from error
        _sync_folder(store.parent)
        step("done")
        _forget_deleted(store, run_ids)
    left_aside = there or Path(f"{aside}-wal").exists()
    return Restored(backup, aside if left_aside else None, tuple(kept))


def finish_restore(store: Path) -> bool:
    """Finish a restore that was killed between moving the old store away and putting the new one there.

    Only then is there a complete copy and, with the same time in its name, an old store. Returns whether there was one.
    """
    for ready in sorted(store.parent.glob(f"{store.stem}.{_RESTORING}-*.db")):
        aside = ready.with_name(ready.name.replace(f".{_RESTORING}-", ".replaced-", 1))
        if not os.path.lexists(aside) or os.path.lexists(store):
            continue
        lock = StoreLock.take(store)
        if lock is None:
            return False
        with lock, contextlib.suppress(OSError):  # where nothing can be written, the store stays missing
            if not os.path.lexists(store) and ready.exists():
                _move_log(store, aside)
                ready.replace(store)
                _sync_folder(store.parent)
        return store.exists()
    return False


def _copy_backup(backup: Backup, ready: Path) -> list[str]:
    """Copy a backup, with what is in its log of changes, and check it. Returns the ids of its runs."""
    try:
        in_use = size_of(log_of(backup.path)) > 0
        source = (
            sqlite3.connect(f"{backup.path.absolute().as_uri()}?mode=rw", uri=True)
            if in_use
            else _read_only(backup.path)
        )
        with contextlib.closing(source):
            run_ids = [str(run_id) for (run_id,) in source.execute("SELECT id FROM runs")]
            if (shape := _shape(source)) > len(MIGRATIONS):
                raise InputError(
                    f"The backup {backup.path.name} was written by a newer SAPO Studio",
                    why=f"It has shape {shape}; this program knows up to {len(MIGRATIONS)}.",
                    fix="Update SAPO Studio, or choose another one: `sapo restore` lists them.",
                )
            copy(source, ready)
            return run_ids
    except sqlite3.Error as error:
        full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL"
        raise StoreError(
            f"The backup {backup.path.name} cannot be restored",
            why=f"SQLite says: {error}.",
            fix=f"Nothing was changed. Free at least {backup.size / 2**20:.0f} MB and try again." if full else _ANOTHER,
        ) from error
    except StoreError as error:
        raise StoreError(f"The backup {backup.path.name} is damaged", why=error.why, fix=_ANOTHER) from error
    except OSError as error:
        raise StoreError(
            f"The backup {backup.path.name} cannot be copied",
            why=str(error),
            fix="Free some space or make the folder writable; nothing was changed.",
        ) from error


_ANOTHER = "Nothing was changed. Choose another one: `sapo restore` lists them."


def _keep_if_larger(store: Path, backup: Path, newer: Path) -> Path | None:
    """Give `backup` a name under which nothing replaces it, if it holds what `newer` does not. Returns that name."""
    if not missing_in(newer, backup, deleted_runs(store)):
        return None
    name = free_name(store, "kept")
    backup.rename(name)
    return name


def _move_log(store: Path, aside: Path) -> None:
    """SQLite would take a log that lies beside the new file for the new file's."""
    log = Path(f"{store}-wal")
    with contextlib.suppress(FileNotFoundError):
        log.replace(f"{aside}-wal")
    with contextlib.suppress(OSError):
        Path(f"{store}-shm").unlink(missing_ok=True)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


# Saving what a program still holds of a store that is no longer in its place.


def rescue(held: sqlite3.Connection, store: Path, identity: tuple[int, int]) -> Path | None:
    """Write the store that is open as `held` to a file beside its old place. `identity`: device and number of its file.

    None where that is not needed (its file is still in the folder under another name, or it holds no run) or not
    possible.
    """
    if not store.parent.is_dir():
        return None
    for path in candidates(store):
        with contextlib.suppress(OSError):
            stat = path.stat()
            if (stat.st_dev, stat.st_ino) == identity:
                return None
    try:
        if not held.execute("SELECT EXISTS (SELECT 1 FROM runs)").fetchone()[0]:
            return None
        target = free_name(store, "rescued")
        copy(held, target)
    except (sqlite3.Error, StoreError, OSError):
        return None
    return target
