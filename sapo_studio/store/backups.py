"""Backups of the store beside it: which there are, making the newest, going back to one.

Names beside `studio.db`:

    studio.backup.db             the newest backup
    studio.backup.previous.db    the one before it
    studio.backup.after-loss.db  of a store that holds less than the newest backup; that one is then left alone
    studio.kept-TIME.db          a backup that holds more than the one that was restored
    studio.replaced-TIME.db      the store that was here before a restore, with its own -wal
    studio.rescued-TIME.db       what a program still held of a store that vanished under it
    studio.deleted               runs deleted through the program, a line each: what is not here was lost

A backup is copied, checked and only then renamed (`copies`), and replaces none that holds more (`backup_losses`): there
never is less than before.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sapo_studio.errors import InputError, StoreError
from sapo_studio.files import writing_advice
from sapo_studio.paths import user_path
from sapo_studio.readable import counted
from sapo_studio.store import copies
from sapo_studio.store.backup_losses import deleted_runs, forget_deleted, keep_if_larger, missing_in, shape_of
from sapo_studio.store.migrations import MIGRATIONS
from sapo_studio.store.store_lock import StoreLock

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
        with contextlib.closing(copies.read_only(path)) as copy:
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


# Making one.


def back_up(source: sqlite3.Connection, store: Path) -> str:
    """Make the store that is open as `source` the newest backup, and the newest one before it the previous one.

    Where it holds less than the newest backup, and nobody deleted that on purpose, both stay as they are and it gets a
    backup of its own; then returns a sentence that says so, else ''. Raises as `copy` does; every backup is then as it
    was.
    """
    newest, previous = newest_path(store), _previous_path(store)
    partial = copies.partial_of(newest)
    try:
        copies.copy_to(source, partial)
        lost, where = "", newest
        for older in (newest, previous):
            if (found := missing_in(partial, older, deleted_runs(store))) is not None:
                lost, where = found, older
                break
        if lost:
            keep_if_larger(store, _after_loss_path(store), partial)
            partial.replace(_after_loss_path(store))
            copies.sync_folder(store.parent)
            return (
                f"The backup {where.name} of {look_at(where).date} is kept: the store holds less than it ({lost})."
                f" What the store holds now is in {_after_loss_path(store).name}. `sapo restore` goes back to the"
                f" backup; where the store is right as it is, move {where.name} away."
            )
        if newest.exists() and (not previous.exists() or fault_of(newest) == ""):
            copies.link(newest, previous)
        partial.replace(newest)
        if keep_if_larger(store, _after_loss_path(store), newest) is None:
            copies.remove(_after_loss_path(store))
        copies.sync_folder(store.parent)
        return ""
    finally:
        copies.remove(partial)


def fault_of(path: Path) -> str:
    """What `PRAGMA quick_check` says of a copy, '' where it is sound. Reads all of it."""
    try:
        with contextlib.closing(copies.read_only(path)) as connection:
            return copies.quick_check(connection)
    except sqlite3.Error as error:
        return str(error)


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
            copies.remove(left)  # of a restore that was killed before it mattered
        aside = copies.free_name(store, "replaced")
        ready = store.with_name(aside.name.replace(".replaced-", f".{_RESTORING}-", 1))
        run_ids = _copy_backup(backup, ready)
        step("copied")
        try:
            rotated = (newest_path(store), _previous_path(store), _after_loss_path(store))
            kept = [name for one in rotated if (name := keep_if_larger(store, one, ready)) is not None]
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
        copies.sync_folder(store.parent)
        step("done")
        forget_deleted(store, run_ids)
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
                copies.sync_folder(store.parent)
        return store.exists()
    return False


def _copy_backup(backup: Backup, ready: Path) -> list[str]:
    """Copy a backup, with what is in its log of changes, and check it. Returns the ids of its runs."""
    try:
        in_use = copies.size_of(copies.log_of(backup.path)) > 0
        source = (
            sqlite3.connect(f"{backup.path.absolute().as_uri()}?mode=rw", uri=True)
            if in_use
            else copies.read_only(backup.path)
        )
        with contextlib.closing(source):
            run_ids = [str(run_id) for (run_id,) in source.execute("SELECT id FROM runs")]
            if (shape := shape_of(source)) > len(MIGRATIONS):
                raise InputError(
                    f"The backup {backup.path.name} was written by a newer SAPO Studio",
                    why=f"It has shape {shape}; this program knows up to {len(MIGRATIONS)}.",
                    fix="Update SAPO Studio, or choose another one: `sapo restore` lists them.",
                )
            copies.copy(source, ready)
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
            fix=f"Nothing was changed. {writing_advice(error)}",
        ) from error


_ANOTHER = "Nothing was changed. Choose another one: `sapo restore` lists them."


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
        target = copies.free_name(store, "rescued")
        copies.copy(held, target)
    except (sqlite3.Error, StoreError, OSError):
        return None
    return target
