"""Opening the store, its transactions, and what is said when SQLite refuses."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sapo_studio import paths
from sapo_studio.errors import StoreError
from sapo_studio.store.migrations import MIGRATIONS

APPLICATION_ID = 0x5341504F
"""`SAPO`, in the header of the file: tells our store from another program's database."""

BUSY_SECONDS = 10.0
"""How long a writer waits for another one before it gives up."""

LOW_SPACE = 4 * 2**20
"""Free bytes below which a failed write is put down to a full disk."""

_TRANSACTION = "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
# Of savepoints with one name the innermost is meant.
_SAVEPOINT = "SAVEPOINT inner", "RELEASE inner", ("ROLLBACK TO inner", "RELEASE inner")


class Store:
    """One connection to the store, for one thread.

    Open it with `Store.open`, close it with `close` or a `with` block.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self.connection = connection

    @classmethod
    def open(cls, path: Path | None = None, *, create: bool = True, checkpointer: bool = False) -> Store:
        """Open the store at `path` (default: `paths.store_path()`), bring it up to date and set it up.

        `create=False` refuses a store that is not there. Only the engine's parent should be a `checkpointer`
        while a run is alive: SQLite up to 3.51.2 can, rarely, damage a file that two connections checkpoint
        at once. Raises StoreError.
        """
        path = path or paths.store_path()
        if not create and not path.exists():
            raise StoreError(
                f"There is no store at {path}",
                why="No run has been made with this data folder yet.",
                fix=f"Start one with `sapo run lab-demo`, or set {paths.HOME_VARIABLE} to your folder with runs.",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot make the data folder {path.parent}",
                why=str(error),
                fix=f"Make it writable, or set {paths.HOME_VARIABLE} to another folder.",
            ) from error
        connection: sqlite3.Connection | None = None
        try:
            # isolation_level=None: transactions begin where we say so, and as IMMEDIATE ones
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            _prepare(connection, checkpointer)
            store = cls(connection, path)
            store._migrate()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise explain(error, path) from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        return store

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self.atomic():
            version = self._version()  # again: another process may have been first
            if version > len(MIGRATIONS):
                raise StoreError(
                    f"The store {self.path} was written by a newer SAPO Studio",
                    why=f"It has shape {version}; this program knows up to {len(MIGRATIONS)}.",
                    fix="Update SAPO Studio, or choose another data folder.",
                )
            if version == 0 and self.value("SELECT count(*) FROM sqlite_schema"):
                raise StoreError(
                    f"{self.path} is not a store of SAPO Studio",
                    why="It is an SQLite file of another program.",
                    fix=f"Move it away, or set {paths.HOME_VARIABLE} to another folder.",
                )
            # Imported here: it loads pandas where there is one, a second that only the first opening has to pay.
            from sqlite_utils import Database

            database = Database(self.connection, execute_plugins=False)
            for number, (_name, step) in enumerate(MIGRATIONS[version:], start=version + 1):
                step(database)
                self.execute(f"PRAGMA user_version = {number}")
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _version(self) -> int:
        return int(self.value("PRAGMA user_version"))

    @contextmanager
    def atomic(self) -> Generator[Self]:
        """A write transaction: all of it or nothing.

        Inside another one it is a savepoint. Raises StoreError where SQLite refuses.
        """
        connection = self.connection
        outer = not connection.in_transaction
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
        """Execute one statement and return how many rows it changed. Raises StoreError."""
        try:
            cursor = self.connection.execute(sql, values)
            try:
                return cursor.rowcount
            finally:
                cursor.close()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def execute_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each of `values`. Raises StoreError."""
        try:
            self.connection.executemany(sql, values).close()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query; its cursor is closed again, so that it holds up no checkpoint.

        Raises StoreError.
        """
        try:
            cursor = self.connection.execute(sql, values)
            try:
                return cursor.fetchall()
            finally:
                cursor.close()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a query, None where there is none. Raises StoreError."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first value of the first row, None where there is no row. Raises StoreError."""
        found = self.row(sql, values)
        return found[0] if found else None

    def data_version(self) -> int:
        """A number that changes whenever another connection has committed something. Cheap: no query runs."""
        return int(self.value("PRAGMA data_version"))

    def run_dir(self, run_id: str) -> Path:
        """The folder of a run of this store: config.toml, engine.log, artefacts."""
        return self.path.parent / "runs" / run_id

    def backup(self, target: Path) -> None:
        """Copy the store as it is now to `target` while others go on with it.

        The copy appears complete or not at all. Raises StoreError.
        """
        partial = target.with_name(target.name + ".partial")
        try:
            copy = sqlite3.connect(partial)
            try:
                self.connection.backup(copy)
            finally:
                copy.close()
            partial.replace(target)
        except sqlite3.Error as error:
            raise explain(error, partial) from error

    def close(self) -> None:
        """Close the connection. Closing twice does nothing."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """What `error` means for a user of the store at `path`: what happened, why, what to do."""
    # errors that the Python module itself raises (a closed connection, the wrong thread) carry no code
    name = str(getattr(error, "sqlite_errorname", None) or type(error).__name__)
    cause = f"SQLite says: {error} ({name})."
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _nearly_full(path)):
        return StoreError(
            f"The disk with {path} is full",
            why=cause + " Nothing of the last batch was kept; everything before it is safe.",
            fix="Free some space and resume the run.",
        )
    if name.startswith("SQLITE_IOERR"):
        return StoreError(
            f"The store {path} cannot be read or written",
            why=cause + " The disk may be full or failing, or a quota or file size limit is reached.",
            fix="Check the disk and the limits (`ulimit -f`), then resume the run. What was committed before is safe.",
        )
    if name.startswith("SQLITE_READONLY"):
        return StoreError(
            f"The store {path} is read-only",
            why=cause,
            fix=f"Make the file and its folder writable, or set {paths.HOME_VARIABLE} to a folder of your own.",
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return StoreError(
            f"Cannot open the store {path}",
            why=cause
            + " Its folder may be read-only (SQLite keeps two files beside the store), or the path is a folder.",
            fix=f"Make the folder writable, or set {paths.HOME_VARIABLE} to another one.",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"The store {path} is locked",
            why=f"{cause} Another program kept it for more than {BUSY_SECONDS:g} s.",
            fix="Close programs that have the file open for writing, then try again.",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(
            f"The store {path} is damaged or not an SQLite file",
            why=cause,
            fix="Restore a backup, save what can be read with `sqlite3 FILE .recover`, or move it away to begin anew.",
        )
    return StoreError(f"The store {path} refused a request", why=cause, fix="Please report this with the lines above.")


def _nearly_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < LOW_SPACE
    except OSError:
        return False
