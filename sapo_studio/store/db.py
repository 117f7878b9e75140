"""Opening the store, its transactions, and noticing when its file is no longer what was opened."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sapo_studio import paths
from sapo_studio.errors import StoreError
from sapo_studio.files import writing_advice
from sapo_studio.store import backups, copies, file_systems, presence
from sapo_studio.store.connections import connect, connect_for_reading, connect_read_only
from sapo_studio.store.faults import StoreFault, damaged, explain, no_value
from sapo_studio.store.migrations import MIGRATIONS
from sapo_studio.store.store_lock import StoreLock

APPLICATION_ID = 0x5341504F
"""`SAPO`, in the header of the file: tells our store from another program's database."""

TABLES = (
    *("runs", "phases", "metrics", "curves", "questions", "trajectories", "scores", "labels", "rollouts", "pairs"),
    *("events", "commands", "annotations"),
)
"""What every store has since its first shape."""

Values = Sequence[Any] | Mapping[str, Any]
"""What stands in a statement's places: in order for `?`, by name for `:name`."""

_TRANSACTION = "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
# Of savepoints with one name the innermost is meant.
_SAVEPOINT = "SAVEPOINT inner", "RELEASE inner", ("ROLLBACK TO inner", "RELEASE inner")


class _WentError(Exception):
    """What was there when it was looked at is not there to be opened, and was no store that one could go back to."""


class Store:
    """One connection to the store, for one thread.

    Open it with `Store.open`, close it with `close` or a `with` block.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self.connection = connection
        self._identity: tuple[int, int] | None = None
        self._log: tuple[int, int] | None = None
        self._size = 0
        self.changed_at = 0
        """When the file was written last, as `check_place` saw it (nanoseconds since 1970). Commits go to the log
        beside it; a checkpoint changes this, and so does a program that writes over the file.
        """
        self.only_reading: StoreFault | None = None
        """Why nothing can be written through this connection: when it was opened, the disk was full, or the file or its
        folder was closed to writing. None otherwise."""

    @classmethod
    def open(cls, path: Path | None = None, *, create: bool = True, checkpointer: bool = False) -> Store:
        """Open the store at `path` (default: `paths.store_path()`), bring it up to date and set it up.

        `create=False` refuses a store that is not there; one that was there and has gone or been emptied is refused in
        any case. Only the engine's parent should be a `checkpointer` while a run is alive: SQLite up to 3.51.2 can,
        rarely, damage a file that two connections checkpoint at once. On a full disk, and where nothing may be written,
        the store is opened for reading (`only_reading`). Raises StoreError.
        """
        path = path or paths.store_path()
        new = presence.is_new(path)
        if new and not create:
            raise presence.missing(path)
        file_systems.check(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot make the data folder {path.parent}",
                why=str(error),
                fix=f"Make it writable, or set {paths.HOME_VARIABLE} to another folder.",
            ) from error
        try:
            return cls._opened(path, lambda: connect(path, checkpointer, new=new))
        except _WentError:
            return cls.open(path, create=create, checkpointer=checkpointer)
        except StoreFault as fault:
            if fault.kind not in ("full", "read-only"):
                raise
            with suppress(StoreError):
                store = cls._opened(path, lambda: connect_for_reading(path))
                store.only_reading = fault
                return store
            raise

    @classmethod
    def open_read_only(cls, path: Path | None = None) -> Store:
        """Open the store at `path` (default: `paths.store_path()`) so that nothing can be written by it, not even the
        upkeep of its shape. Engines and windows go on beside it.

        Raises StoreError, also for a store of another version's shape.
        """
        path = path or paths.store_path()
        if presence.is_new(path):
            raise presence.missing(path)
        file_systems.check(path)
        try:
            store = cls(connect_read_only(path), path)
        except sqlite3.Error as error:
            raise explain(error, path) from error
        try:
            store._check_shape()
            store._remember_place()
        except BaseException:
            store.close()
            raise
        return store

    def _check_shape(self) -> None:
        """Refuse a store that this version would have to change before it can be read."""
        version = self._version()
        if version > len(MIGRATIONS):
            raise self._too_new(version)
        self._check_tables()
        if version < len(MIGRATIONS):
            raise StoreError(
                f"The store {self.path} was written by an earlier SAPO Studio",
                why=f"It has shape {version}; this program reads shape {len(MIGRATIONS)}.",
                fix="Open it once with the window or `sapo runs`: that brings it up to date.",
            )

    def _too_new(self, version: int) -> StoreError:
        return StoreError(
            f"The store {self.path} was written by a newer SAPO Studio",
            why=f"It has shape {version}; this program knows up to {len(MIGRATIONS)}.",
            fix="Update SAPO Studio, or choose another data folder.",
        )

    @classmethod
    def _opened(cls, path: Path, connect: Callable[[], sqlite3.Connection]) -> Store:
        connection: sqlite3.Connection | None = None
        try:
            connection = connect()
            store = cls(connection, path)
            store._migrate()
            store._remember_place()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            elif presence.is_new(path):
                raise _WentError from error
            raise explain(error, path) from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return store

    def _migrate(self) -> None:
        version = self._version()
        if 0 < version <= len(MIGRATIONS):
            self._check_tables()
        if version == len(MIGRATIONS):
            return
        with self.atomic():
            version = self._version()  # again: another process may have been first
            if version > len(MIGRATIONS):
                raise self._too_new(version)
            if version == 0 and self.value("SELECT count(*) FROM sqlite_schema"):
                raise StoreError(
                    f"{self.path} is not a store of SAPO Studio",
                    why="It is an SQLite file of another program.",
                    fix=f"Move it away, or set {paths.HOME_VARIABLE} to another folder.",
                )
            if version == 0:
                presence.check_empty(self.path, "holds no tables")
            # Imported here: it loads pandas where there is one, a second that only the first opening has to pay.
            from sqlite_utils import Database

            database = Database(self.connection, execute_plugins=False)
            for number, (_name, step) in enumerate(MIGRATIONS[version:], start=version + 1):
                step(database)
                self.execute(f"PRAGMA user_version = {number}")
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _version(self) -> int:
        return int(self.value("PRAGMA user_version"))

    def _check_tables(self) -> None:
        """Refuse a store that has lost tables, or all of its runs."""
        names = ", ".join("?" * len(TABLES))
        found = self.rows(f"SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ({names})", TABLES)
        if len(found) < len(TABLES):
            gone = sorted({*TABLES} - {name for (name,) in found})
            if self.value("PRAGMA application_id") != APPLICATION_ID:
                raise StoreError(
                    f"{self.path} is not a store of SAPO Studio",
                    why="It is an SQLite file of another program.",
                    fix=f"Move it away, or set {paths.HOME_VARIABLE} to another folder.",
                )
            raise damaged(
                self.path,
                f"The store {self.path} is damaged: parts of it are missing",
                f"It has no {'table' if len(gone) == 1 else 'tables'} {', '.join(gone)}.",
            )
        if not self.value("SELECT EXISTS (SELECT 1 FROM runs)"):
            had = bool(self.value("SELECT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'runs')"))
            presence.check_empty(self.path, "holds no run", deleted=had)

    def _remember_place(self) -> None:
        with suppress(OSError):
            stat = os.stat(self.path)  # noqa: PTH116  # as in check_place
            self._identity, self._size, self.changed_at = _identity(stat), stat.st_size, stat.st_mtime_ns
            self._log = _identity(copies.log_of(self.path).stat())

    def check_place(self) -> None:
        """Raise StoreFault where the file that was opened is no longer at its path, or is shorter than it was: what is
        written now would be lost, and what is read is no longer what others see. One look at the folder.
        """
        if self._identity is None:
            return
        try:
            stat = os.stat(self.path)  # noqa: PTH116  # called at every commit and every look: half the time of Path's
        except (FileNotFoundError, NotADirectoryError):
            raise StoreFault(
                "gone",
                f"The store {self.path} has vanished",
                why="The file was deleted or moved while this program had it open.",
                fix="Put it back. " + backups.way_back(self.path),
            ) from None
        except OSError:
            return  # the folder cannot be looked at; what is open stays usable
        if _identity(stat) != self._identity:
            self._set_log_aside()
            raise StoreFault(
                "replaced",
                f"The store {self.path} has been replaced by another file",
                why="This program still had the old one open; it writes nothing to either.",
                fix="The new file is read from now on. " + backups.way_back(self.path),
            )
        if stat.st_size < self._size:
            raise StoreFault(
                "gone",
                f"The store {self.path} has been emptied or cut off",
                why=f"It had {self._size} bytes while this program had it open, and has {stat.st_size} now.",
                fix=backups.way_back(self.path),
            )
        self._size, self.changed_at = stat.st_size, stat.st_mtime_ns

    def _set_log_aside(self) -> None:
        """SQLite would take the old file's log of changes, if it still lies there, for the new file's, and write what
        is in it over the new file's pages.
        """
        log = copies.log_of(self.path)
        with suppress(OSError):
            if self._log is not None and _identity(log.stat()) == self._log:
                log.replace(f"{copies.free_name(self.path, 'replaced')}-wal")
                Path(f"{str(log).removesuffix('-wal')}-shm").unlink(missing_ok=True)

    def rescue(self, *, alone: bool = False) -> Path | None:
        """Write what this connection still holds of a store that is no longer in its place to a file beside it.

        None where there is no need, or no way; with `alone` also where an engine is there to do it.
        """
        if self._identity is None:
            return None
        lock = StoreLock.take(self.path) if alone else None
        if alone and lock is None:
            return None
        try:
            return backups.rescue(self.connection, self.path, self._identity)
        finally:
            if lock is not None:
                lock.release()

    @contextmanager
    def atomic(self) -> Generator[Self]:
        """A write transaction: all of it or nothing.

        Inside another one it is a savepoint. Raises StoreError where SQLite refuses, or where the file is no longer the
        one that was opened.
        """
        connection = self.connection
        outer = not connection.in_transaction
        if outer:
            if (fault := self.only_reading) is not None:
                raise StoreFault(fault.kind, fault.what, why=fault.why, fix=fault.fix)
            self.check_place()
        begin, commit, rollback = _TRANSACTION if outer else _SAVEPOINT
        try:
            connection.execute(begin)
            try:
                yield self
                connection.execute(commit)
            except BaseException:
                if connection.in_transaction:  # SQLite itself rolls back on a full disk
                    for statement in rollback:
                        connection.execute(statement)
                raise
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Execute one statement and return how many rows it changed. Raises StoreError, as `rows` InputError."""
        try:
            cursor = self.connection.execute(sql, values)
            try:
                return cursor.rowcount
            finally:
                cursor.close()
        except sqlite3.Error as error:
            raise self._why_not_written(error) from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise no_value(error) from error

    def execute_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each of `values`. Raises StoreError, as `rows` InputError."""
        try:
            self.connection.executemany(sql, values).close()
        except sqlite3.Error as error:
            raise self._why_not_written(error) from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise no_value(error) from error

    def _why_not_written(self, error: sqlite3.Error) -> StoreFault:
        """What SQLite's refusal means; of a store that was opened for reading, why it was."""
        fault = explain(error, self.path)
        if (full := self.only_reading) is not None and fault.kind == "read-only":
            return StoreFault(full.kind, full.what, why=full.why, fix=full.fix)
        return fault

    def rows(self, sql: str, values: Values = (), *, lenient: bool = False) -> list[tuple[Any, ...]]:
        """All rows of a query; its cursor is closed again, so that it holds up no checkpoint.

        `lenient` shows text that is no UTF-8 with marks in it rather than refuse it. Raises StoreError, and
        InputError for a value that it cannot hold.
        """
        try:
            cursor = self.connection.execute(sql, values)
            try:
                return cursor.fetchall()
            finally:
                cursor.close()
        except sqlite3.Error as error:
            fault = explain(error, self.path)
            if lenient and fault.kind == "row":
                self.connection.text_factory = _marked
                try:
                    return self.rows(sql, values)
                finally:
                    self.connection.text_factory = str
            raise fault from error
        except (UnicodeEncodeError, OverflowError) as error:
            raise no_value(error) from error

    def row(self, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
        """The first row of a query, None where there is none. Raises StoreError."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def value(self, sql: str, values: Values = ()) -> Any:
        """The first value of the first row, None where there is no row. Raises StoreError."""
        found = self.row(sql, values)
        return found[0] if found else None

    def data_version(self) -> int:
        """A number that changes whenever another connection has committed something. Cheap: no query runs.

        Raises StoreFault where the file is no longer the one that was opened.
        """
        self.check_place()
        return int(self.value("PRAGMA data_version"))

    def run_dir(self, run_id: str) -> Path:
        """The folder of a run of this store: config.toml, engine.log, artefacts."""
        return self.path.parent / "runs" / run_id

    def backup(self, target: Path) -> None:
        """Copy the store as it is now to `target` while others go on with it.

        The copy appears checked and complete or not at all. Raises StoreError.
        """
        with self._copying(target):
            copies.copy(self.connection, target)

    def back_up(self) -> str:
        """Make a backup beside the store, in place of the oldest one. Returns why none was replaced, or ''.

        Raises StoreError; all backups are then as they were.
        """
        self.check_place()
        with self._copying(backups.newest_path(self.path)):
            return backups.back_up(self.connection, self.path)

    @contextmanager
    def _copying(self, target: Path) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explain(error, target) from error
        except OSError as error:
            raise StoreError(f"Cannot write {target}", why=str(error), fix=writing_advice(error)) from error

    def close(self) -> None:
        """Close the connection. Closing twice does nothing."""
        with suppress(OSError):
            stat = os.stat(self.path)  # noqa: PTH116
            moved = self._identity is not None and _identity(stat) != self._identity
            if moved or stat.st_size < self._size:
                # Who closes a file last writes the log of changes back into it and deletes the log, by name: that would
                # be the new file's log, or would hide that the file has been emptied.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.connection))
                return
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _marked(text: bytes) -> str:
    return text.decode("utf-8", "replace")
