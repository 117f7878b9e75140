"""Opening, migrating and writing the store; what is said when SQLite refuses."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlite_utils import Database

from sapo_studio.errors import StoreError
from sapo_studio.store import connections, db, queries
from sapo_studio.store.db import Store
from sapo_studio.store.migrations import MIGRATIONS
from sapo_studio.store.migrations.schema_changes import run_script
from tests.fixtures import old_stores
from tests.fixtures.synthetic import synthetic_queued, synthetic_run

pytestmark = pytest.mark.usefixtures("stores_are_made")


def schema(store: Store) -> set[tuple[str, str]]:
    return set(store.rows("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"))


def test_a_new_store_is_set_up(store: Store):
    pragmas = ("journal_mode", "foreign_keys", "synchronous", "wal_autocheckpoint", "user_version")
    assert [store.value(f"PRAGMA {name}") for name in pragmas] == ["wal", 1, 1, 0, len(MIGRATIONS)]
    with Store.open(checkpointer=True) as engine:
        assert engine.value("PRAGMA wal_autocheckpoint") > 0


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_every_old_store_can_be_opened(version: int, tmp_path: Path):
    path = old_stores.unpacked(version, tmp_path / "studio.db")
    with Store.open(path) as store, Store.open(tmp_path / "new.db") as fresh:
        assert store.value("PRAGMA user_version") == len(MIGRATIONS)
        assert schema(store) == schema(fresh), "a migration was changed after its fixture was written"
        assert store.rows("PRAGMA foreign_key_check") == []
        (run,) = queries.list_runs(store)
        rows = queries.trace_rows(store, queries.trace_ids(store, queries.TraceFilter(run.id)))
        assert len(rows) == 32
        assert [row.human for row in rows if row.human >= 0] == [2]


def test_a_failing_migration_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = old_stores.unpacked(1, tmp_path / "studio.db")

    def half(database: Database) -> None:
        run_script(database, "CREATE TABLE extra (x);\nINSERT INTO no_such_table VALUES (1);\n")

    monkeypatch.setattr(db, "MIGRATIONS", [MIGRATIONS[0], ("0002_half", half)])
    with pytest.raises(StoreError):
        Store.open(path)
    monkeypatch.setattr(db, "MIGRATIONS", MIGRATIONS[:1])
    with Store.open(path) as store:
        assert "extra" not in {name for name, _ in schema(store)}
        assert store.value("PRAGMA user_version") == 1


def test_many_can_open_a_new_store_at_once(home: Path):
    opened: list[int] = []
    barrier = threading.Barrier(6)

    def open_it() -> None:
        barrier.wait()
        with Store.open() as store:
            opened.append(int(store.value("PRAGMA user_version")))

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [len(MIGRATIONS)] * 6


def refusal(path: Path, **options: bool) -> StoreError:
    with pytest.raises(StoreError) as caught:
        Store.open(path, **options)
    assert caught.value.what
    assert caught.value.why
    assert caught.value.fix
    return caught.value


def test_a_newer_store_is_refused(home: Path):
    with Store.open() as store:
        store.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    assert "newer SAPO Studio" in refusal(home / "studio.db").what


def test_other_files_are_refused(tmp_path: Path):
    path = tmp_path / "text.db"
    path.write_text("This is no database, but long enough to be taken for one. " * 20)
    assert "damaged or not an SQLite file" in refusal(path).what
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    assert "not a store of SAPO Studio" in refusal(tmp_path / "other.db").what
    assert "Cannot open" in refusal(tmp_path).what
    assert "no store" in refusal(tmp_path / "missing.db", create=False).what
    assert not (tmp_path / "missing.db").exists()


def test_a_damaged_store_says_so(home: Path):
    with Store.open() as store:
        synthetic_run(store, trajectories=40, questions=12)
        page = int(store.value("PRAGMA page_size"))
    path = home / "studio.db"
    data = bytearray(path.read_bytes())
    data[page * 2 :] = b"\xaa" * (len(data) - page * 2)
    path.write_bytes(bytes(data))

    def read() -> None:
        with Store.open() as store:
            queries.list_runs(store)
            store.rows("SELECT * FROM trajectories")

    with pytest.raises(StoreError, match="damaged"):
        read()


def test_a_locked_store_says_so(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    with Store.open() as second:
        with store.atomic(), pytest.raises(StoreError, match="locked") as caught, second.atomic():
            raise AssertionError("two writers at once")
        assert "another program" in caught.value.why.lower()
        with second.atomic():  # free again
            second.execute("UPDATE runs SET name = name")


def test_a_full_disk_says_so_and_keeps_what_was_there(store: Store):
    run_id = synthetic_run(store, trajectories=20, questions=8)
    before = len(queries.log(store, run_id))
    store.execute(f"PRAGMA max_page_count = {store.value('PRAGMA page_count')}")

    def fill() -> None:
        with store.atomic():
            for _ in range(1000):
                store.execute(
                    "INSERT INTO events (run_id, at, level, message) VALUES (?, 0, 'info', ?)", (run_id, "x" * 1000)
                )

    with pytest.raises(StoreError, match="full") as caught:
        fill()
    assert "space" in caught.value.fix
    assert not store.connection.in_transaction
    assert len(queries.log(store, run_id)) == before


def test_a_transaction_is_all_or_nothing(store: Store):
    run_id = synthetic_queued(store)

    def names() -> list[str]:
        return [run.name for run in queries.list_runs(store)]

    def break_off(name: str) -> None:
        with store.atomic():
            store.execute("UPDATE runs SET name = ?", (name,))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off("changed")
    assert names() == ["synthetic"]
    with store.atomic():
        store.execute("UPDATE runs SET name = 'outer'")
        with pytest.raises(ZeroDivisionError):
            break_off("inner")
    assert names() == ["outer"]
    assert run_id == "synthetic-1"


def test_a_row_of_a_run_that_is_not_there_is_refused(store: Store):
    with pytest.raises(StoreError, match="refused a request") as caught:
        store.execute("INSERT INTO events (run_id, at, level, message) VALUES ('none', 0, 'info', 'x')")
    assert "FOREIGN KEY" in caught.value.why


def test_the_data_version_tells_of_other_writers_only(store: Store):
    run_id = synthetic_queued(store)
    version = store.data_version()
    store.execute("UPDATE runs SET name = 'own'")
    assert store.data_version() == version
    with Store.open() as other:
        other.execute("UPDATE runs SET name = 'other' WHERE id = ?", (run_id,))
    assert store.data_version() != version


def test_reading_leaves_no_cursor_that_holds_up_a_checkpoint(store: Store):
    run_id = synthetic_run(store, trajectories=20, questions=8)
    queries.get_run(store, run_id)
    queries.heatmap(store, queries.HeatmapQuery(run_id, -1, 1))
    with Store.open(checkpointer=True) as engine:
        busy, log, checkpointed = engine.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
    assert (busy, log, checkpointed) == (0, 0, 0)


def test_a_store_belongs_to_one_thread(store: Store):
    caught: list[BaseException] = []

    def use() -> None:
        try:
            queries.list_runs(store)
        except StoreError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "thread" in str(caught[0])


def test_a_backup_is_a_store_of_its_own(store: Store, tmp_path: Path):
    run_id = synthetic_run(store, trajectories=20, questions=8)
    store.backup(tmp_path / "backup.db")
    with Store.open(tmp_path / "backup.db") as copy:
        assert queries.get_run(copy, run_id) == queries.get_run(store, run_id)
    assert not (tmp_path / "backup.db.partial").exists()
