"""Rows that cannot be read, and a file that goes while it is open: a sentence each, and everything else still works."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sapo_studio import cli, supervisor
from sapo_studio.app.exports import run_files, step_labels
from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.errors import InputError, SapoError, StoreError
from sapo_studio.store import annotations, backups, presence, queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault
from sapo_studio.store.ingest import Ingest
from tests.fixtures.synthetic import synthetic_run

DEEP = "[" * 100_000


@pytest.fixture
def two(store: Store) -> tuple[str, str]:
    """A run whose row gets damaged, and one that is sound."""
    made = [
        synthetic_run(store, name=name, iterations=1, trajectories=16, questions=8, status=status)
        for name, status in (("bad", RunStatus.FAILED), ("good", RunStatus.DONE))
    ]
    return made[0], made[1]


def spoil(home: Path, sql: str, *values: object) -> None:
    """Write past all checks, as a failing disk or another program does."""
    with closing(sqlite3.connect(home / "studio.db", isolation_level=None)) as other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        assert other.execute(sql, values).rowcount > 0


def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["sapo", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    told = capsys.readouterr()
    return code, told.out, told.err


INVALID = ["", "{", "null", "[]", "7", '"text"', "{}", '{"what": }', "\x00", DEEP, b"\xff\xfe", b"{}"]


@pytest.mark.parametrize("text", INVALID, ids=range(len(INVALID)))
def test_an_unreadable_reason_of_a_failure(store: Store, home: Path, two: tuple[str, str], text: str | bytes):
    bad, good = two
    spoil(home, "UPDATE runs SET error = CAST(? AS TEXT) WHERE id = ?", text, bad)
    found = {run.id: run for run in queries.list_runs(store)}
    assert set(found) == {bad, good}
    assert found[bad].status is RunStatus.FAILED
    assert found[bad].error is not None
    assert found[bad].error.what
    assert found[good].error is None
    assert supervisor.reconcile(store) == []
    if not isinstance(text, bytes):
        assert queries.get_run(store, bad).error == found[bad].error


COLUMNS = [
    ("status", "lost"),
    ("status", b"\xff"),
    ("name", b"\xff\xfe"),
    ("progress", "half"),
    ("progress", b"\x00\x01"),
    ("iterations", "two"),
    ("created_at", "yesterday"),
    ("active_seconds", "long"),
    ("pid", "me"),
    ("heartbeat_at", "now"),
    ("restarts", "?"),
    ("eta_seconds", "soon"),
]


@pytest.mark.parametrize(("column", "value"), COLUMNS)
def test_a_damaged_row_of_a_run_hides_no_other(
    store: Store,
    home: Path,
    two: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    column: str,
    value: object,
):
    bad, good = two
    kept = "CAST(? AS TEXT)" if isinstance(value, bytes) and column in ("status", "name") else "?"
    spoil(home, f"UPDATE runs SET {column} = {kept} WHERE id = ?", value, bad)
    found = {run.id: run for run in queries.list_runs(store)}
    assert set(found) == {bad, good}
    assert found[good] == queries.get_run(store, good)
    code, out, err = call(capsys, monkeypatch, "runs")
    assert (code, err) == (0, "")
    assert bad in out
    assert good in out
    code, out, err = call(capsys, monkeypatch, "report", bad)
    assert code in (0, 1)
    assert "Traceback" not in err
    if code:
        assert "damaged row" in err
    runs.delete_run(store, bad)
    assert [run.id for run in queries.list_runs(store)] == [good]


@pytest.mark.parametrize("text", ["", "{", "[1, 2", DEEP, "nul"])
def test_an_unreadable_configuration(
    store: Store,
    home: Path,
    two: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
):
    bad, good = two
    spoil(home, "UPDATE runs SET config = ? WHERE id = ?", text, bad)
    with pytest.raises(StoreFault, match="damaged row") as caught:
        queries.get_config(store, bad)
    assert bad in caught.value.what
    queries.get_config(store, good)
    assert call(capsys, monkeypatch, "runs")[0] == 0
    code, _, err = call(capsys, monkeypatch, "export", bad, "config")
    assert code == 1
    assert "damaged row" in err


STEPS = ["", "[", '["a", "b"', '{"a": 1}', '"text"', "[1, 2]", "null", DEEP, b"\xff\xff"]


@pytest.mark.parametrize("text", STEPS, ids=range(len(STEPS)))
def test_unreadable_steps_of_a_trajectory(store: Store, home: Path, two: tuple[str, str], text: str | bytes):
    _, good = two
    ids = queries.trace_ids(store, queries.TraceFilter(good))
    broken = int(ids[3])
    spoil(home, "UPDATE trajectories SET steps = CAST(? AS TEXT) WHERE id = ?", text, broken)
    with pytest.raises(StoreError, match="damaged row") as caught:
        queries.trace(store, broken)
    assert caught.value.fix
    assert queries.trace(store, int(ids[2])).steps
    assert len(queries.trace_rows(store, ids)) == len(ids)
    with pytest.raises(StoreError, match="damaged row"):
        list(run_files.trajectory_lines(store, good))
    with pytest.raises(StoreError, match="damaged row"):
        list(step_labels.labeled_solutions(store, good, labels="oracle"))
    assert len(queries.heatmap(store, queries.HeatmapQuery(good, -1, 1)).ids) > 0


def test_a_view_over_unreadable_steps(store: Store, home: Path, two: tuple[str, str]):
    spoil(home, "UPDATE trajectories SET steps = '[' WHERE id = (SELECT max(id) FROM trajectories)")
    with pytest.raises(StoreFault, match="damaged row") as caught:
        store.rows("SELECT * FROM v_steps")
    assert "malformed JSON" in caught.value.why


@pytest.mark.parametrize("blob", [b"\x00", b"\x00\x01\x02", "text", 7, 0.5])
def test_unreadable_scores(store: Store, home: Path, two: tuple[str, str], blob: object):
    _, good = two
    broken = int(queries.heatmap(store, queries.HeatmapQuery(good, -1, 1)).ids[0])
    spoil(home, "UPDATE scores SET scores = ? WHERE trajectory_id = ? AND verifier = 1", blob, broken)
    for read in (
        lambda: queries.heatmap(store, queries.HeatmapQuery(good, -1, 1)),
        lambda: queries.trace_rows(store, [broken], 1),
        lambda: queries.trace(store, broken),
        lambda: list(run_files.trajectory_lines(store, good)),
    ):
        with pytest.raises(StoreError, match="damaged row"):
            read()
    assert queries.list_runs(store)


def test_an_order_that_is_none_asks_for_nothing(store: Store, home: Path):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8, status=RunStatus.RUNNING)
    runs.request(store, run_id, Verb.PAUSE, "test")
    runs.request(store, run_id, Verb.STOP, "test")
    spoil(home, "UPDATE commands SET verb = 'dance' WHERE verb = 'pause'")
    assert [order.verb for order in runs.open_commands(store, run_id)] == [Verb.STOP]


# A file that goes while it is open.


def replaced(home: Path) -> None:
    other = home.parent / "other" / "studio.db"
    with Store.open(other) as made:
        synthetic_run(made, name="other", iterations=1, trajectories=16, questions=8)
    other.replace(home / "studio.db")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "deleted": (lambda home: (home / "studio.db").unlink(), "has vanished"),
    "moved": (lambda home: (home / "studio.db").rename(home / "elsewhere"), "has vanished"),
    "folder moved": (lambda home: home.rename(home.parent / "elsewhere"), "has vanished"),
    "replaced": (replaced, "has been replaced"),
    "emptied": (lambda home: os.truncate(home / "studio.db", 0), "has been emptied or cut off"),
    "cut": (lambda home: os.truncate(home / "studio.db", 4096), "has been emptied or cut off"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file in its place")
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_written_to_a_file_that_is_no_longer_there(store: Store, home: Path, change: str):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8)
    with Store.open(checkpointer=True) as engine:
        engine.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    store.check_place()
    ingest = Ingest(store, run_id)
    act, told = CHANGES[change]
    act(home)
    for use in (
        store.data_version,
        lambda: runs.rename_run(store, run_id, "new"),
        lambda: runs.create_run(store, queries.get_config(store, run_id)),
        lambda: annotations.annotate(store, 1, "ann", {1: 1}),
        lambda: ingest.apply([]) or store.check_place(),
        store.back_up,
    ):
        with pytest.raises(SapoError) as caught:
            use()
        assert told in caught.value.what
        assert caught.value.why
        assert caught.value.fix


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file in its place")
@pytest.mark.parametrize("change", ["deleted", "moved", "replaced"])
def test_what_is_still_held_can_be_saved(store: Store, home: Path, change: str):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8)
    count = store.value("SELECT count(*) FROM trajectories")
    CHANGES[change][0](home)
    saved = store.rescue()
    assert saved is not None
    with Store.open(saved) as copy:
        assert [run.id for run in queries.list_runs(copy)] == [run_id]
        assert copy.value("SELECT count(*) FROM trajectories") == count
        assert copy.rows("PRAGMA integrity_check") == [("ok",)]


def test_nothing_is_saved_twice_or_for_nothing(store: Store, home: Path):
    assert store.rescue() is None, "no run"
    synthetic_run(store, iterations=1, trajectories=16, questions=8)
    (home / "studio.db").rename(home / "studio.replaced-now.db")
    assert store.rescue() is None, "it is still in the folder"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file in its place")
def test_the_log_of_the_old_file_never_reaches_the_new_one(store: Store, home: Path):
    """SQLite finds the log of changes by its name. Opened with the old file's, the new file would be overwritten."""
    synthetic_run(store, name="old", iterations=1, trajectories=16, questions=8)
    assert (home / "studio.db-wal").stat().st_size > 0
    replaced(home)
    with pytest.raises(StoreFault, match="replaced"):
        store.check_place()
    with Store.open() as new:
        assert [run.name for run in queries.list_runs(new)] == ["other"]
        synthetic_run(new, name="newer", iterations=1, trajectories=16, questions=8)
        store.close()  # the last one of the old file; SQLite would now delete the new file's log
        assert (home / "studio.db-wal").exists()
        with Store.open() as third:
            assert {run.name for run in queries.list_runs(third)} == {"other", "newer"}
            assert third.rows("PRAGMA integrity_check") == [("ok",)]
    with Store.open() as again:
        assert {run.name for run in queries.list_runs(again)} == {"other", "newer"}
    assert list(home.glob("studio.replaced-*.db-wal"))


def test_a_file_that_is_still_there_is_not_refused(store: Store, home: Path):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8)
    with Store.open(checkpointer=True) as engine:
        engine.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        store.check_place()
        runs.delete_run(engine, run_id)
        engine.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    store.check_place()
    (home / "studio.db").chmod(0o600)
    shutil.copy(home / "studio.db", home / "copy.db")
    store.check_place()
    runs.create_run(store, queries_config())


def queries_config():
    from sapo_studio.config.schema import RunConfig

    return RunConfig()


def test_a_lost_table_is_told(store: Store, home: Path):
    synthetic_run(store, iterations=1, trajectories=16, questions=8)
    spoil_script(home, "DROP TABLE scores")
    with pytest.raises(StoreError, match="parts of it are missing") as caught:
        queries.verifiers_of(store, "synthetic-1")
    assert caught.value.fix
    store.close()
    with pytest.raises(StoreError, match="parts of it are missing") as caught:
        Store.open()
    assert "scores" in caught.value.why


def test_another_programs_file_with_our_number_is_told(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.executescript("CREATE TABLE mine (x); PRAGMA user_version = 1;")
    with pytest.raises(StoreError, match="not a store of SAPO Studio"):
        Store.open(tmp_path / "other.db")


def spoil_script(home: Path, script: str) -> None:
    with closing(sqlite3.connect(home / "studio.db")) as other:
        other.executescript(script)


@pytest.mark.parametrize(("create", "backed_up"), [(True, True), (False, True), (False, False)])
def test_a_store_that_goes_while_it_is_opened_is_not_made_anew(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch, create: bool, backed_up: bool
):
    """An empty file in its place would hide that it has gone, and could grow into a second store."""
    synthetic_run(store, name="run", iterations=1, trajectories=16, questions=8)
    if backed_up:
        assert backups.back_up(store.connection, store.path) == ""
    store.close()
    path, look = home / "studio.db", presence.is_new
    (home / "studio.db").replace(home / "elsewhere.db")
    monkeypatch.setattr(presence, "is_new", lambda asked: monkeypatch.setattr(presence, "is_new", look))
    with pytest.raises(StoreError, match=r"is missing|There is no store") as caught:
        Store.open(path, create=create)
    assert caught.value.fix
    assert not path.exists()


def test_what_is_in_the_way_of_a_store_goes_while_it_is_opened(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Then there never was a store: one is made, where it may be."""
    look, path = presence.is_new, home / "studio.db"
    for create in (False, True):
        monkeypatch.setattr(presence, "is_new", lambda _: monkeypatch.setattr(presence, "is_new", look))
        if create:
            Store.open(path, create=True).close()
        else:
            with pytest.raises(StoreError, match="There is no store"):
                Store.open(path, create=False)
        assert path.exists() == create


def test_a_value_that_is_no_text_is_refused_by_every_way_to_the_store(store: Store):
    odd = "caf\udce9"
    for ask in (
        lambda: store.rows("SELECT ?", (odd,)),
        lambda: store.rows("SELECT :name", {"name": odd}),
        lambda: store.execute("UPDATE runs SET name = ?", (odd,)),
        lambda: store.execute_many("UPDATE runs SET name = ?", [("plain",), (odd,)]),
    ):
        with pytest.raises(InputError, match="is not valid text") as told:
            ask()
        str(told.value).encode()  # what is said can be shown
    with pytest.raises(InputError, match="too large"):
        store.rows("SELECT ?", (2**63,))
