"""Backups: when one replaces another, what a kill leaves, and going back to one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError, SapoError, StoreError
from sapo_studio.store import backups, queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.maintenance import StoreMaintenance
from sapo_studio.store.store_lock import StoreLock
from tests.fixtures.synthetic import synthetic_run

BACKUP_NAME = "studio.backup.db"
PREVIOUS = "studio.backup.previous.db"
AFTER_LOSS = "studio.backup.after-loss.db"


def a_run(store: Store, name: str = "run") -> str:
    run_id = synthetic_run(store, name=name, iterations=1, trajectories=16, questions=8)
    store.run_dir(run_id).mkdir(parents=True)
    return run_id


def run_ids(path: Path) -> set[str]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        return {str(run_id) for (run_id,) in copy.execute("SELECT id FROM runs")}


def back_up(store: Store) -> str:
    """As the engine's parent does at the end of a run. Returns what it would tell."""
    maintenance = StoreMaintenance(store, store.path.parent)
    maintenance.close()
    return maintenance.trouble


def lose(home: Path, sql: str) -> None:
    """What no part of the program does."""
    with closing(sqlite3.connect(home / "studio.db")) as other:
        other.executescript(sql)


def test_two_generations(store: Store, home: Path):
    first = a_run(store)
    assert back_up(store) == ""
    second = a_run(store)
    assert back_up(store) == ""
    assert run_ids(home / BACKUP_NAME) == {first, second}
    assert run_ids(home / PREVIOUS) == {first}
    third = a_run(store)
    assert back_up(store) == ""
    assert run_ids(home / BACKUP_NAME) == {first, second, third}
    assert run_ids(home / PREVIOUS) == {first, second}
    assert sorted(path.name for path in home.iterdir() if "backup" in path.name) == [BACKUP_NAME, PREVIOUS]


def test_a_backup_is_one_file_that_needs_nothing_beside_it(store: Store, home: Path):
    a_run(store)
    back_up(store)
    data = (home / BACKUP_NAME).read_bytes()
    assert data[18:20] == b"\x01\x01", "it would want a log of changes beside it"
    assert backups.fault_of(home / BACKUP_NAME) == ""


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM runs WHERE number = 1",
        "DELETE FROM runs",
        "DELETE FROM trajectories WHERE id % 2",
        "DELETE FROM annotations; DELETE FROM rollouts WHERE id > 4294967300",
        "DROP TABLE pairs",
        "DROP TABLE runs",
        "UPDATE runs SET id = 'other-1' WHERE number = 1",
        "UPDATE runs SET number = number + 100, id = id || 'x'",
    ],
)
def test_a_store_that_lost_something_replaces_no_backup(store: Store, home: Path, loss: str):
    both = {a_run(store), a_run(store)}
    back_up(store)
    back_up(store)
    before = {name: (home / name).read_bytes() for name in (BACKUP_NAME, PREVIOUS)}
    lose(home, loss)
    for _ in range(3):
        assert "No backup of the store was made" in (told := back_up(store)) or "is kept" in told
        assert {name: (home / name).read_bytes() for name in before} == before
    assert run_ids(home / BACKUP_NAME) == both


def test_what_a_store_holds_after_a_loss_is_backed_up_as_well(store: Store, home: Path):
    lost, kept = a_run(store, "lost"), a_run(store, "kept")
    back_up(store)
    lose(home, "DELETE FROM runs WHERE name = 'lost'")
    told = back_up(store)
    assert lost in told
    assert "sapo restore" in told
    assert run_ids(home / AFTER_LOSS) == {kept}
    new = a_run(store, "new")
    back_up(store)
    assert run_ids(home / AFTER_LOSS) == {kept, new}
    assert run_ids(home / BACKUP_NAME) == {lost, kept}
    lose(home, "DELETE FROM runs WHERE name = 'kept'")
    back_up(store)
    assert run_ids(home / AFTER_LOSS) == {new}
    (aside,) = home.glob("studio.kept-*.db")
    assert run_ids(aside) == {kept, new}


def test_runs_deleted_through_the_program_may_be_missing(store: Store, home: Path):
    first, second, third = a_run(store), a_run(store), a_run(store)
    back_up(store)
    runs.delete_run(store, second)
    assert back_up(store) == ""
    assert run_ids(home / BACKUP_NAME) == {first, third}
    assert run_ids(home / PREVIOUS) == {first, second, third}
    runs.delete_run(store, first)
    lose(home, "DELETE FROM runs WHERE number = 3")
    assert third in back_up(store)
    assert run_ids(home / BACKUP_NAME) == {first, third}


def test_all_runs_may_be_deleted(store: Store, home: Path):
    for run_id in (a_run(store), a_run(store)):
        back_up(store)
        runs.delete_run(store, run_id)
    assert back_up(store) == ""
    assert run_ids(home / BACKUP_NAME) == set()
    with Store.open() as again:
        assert queries.list_runs(again) == []


def test_a_damaged_store_replaces_no_backup(store: Store, home: Path):
    for _ in range(3):
        a_run(store)
    back_up(store)
    page = store.value("SELECT rootpage FROM sqlite_master WHERE name = 'queue_acts'")  # not read by opening
    store.close()
    before = (home / BACKUP_NAME).read_bytes()
    path = home / "studio.db"
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = os.urandom(4096)
    path.write_bytes(bytes(data))
    with Store.open() as damaged:
        told = back_up(damaged)
    assert "damaged" in told
    assert (home / BACKUP_NAME).read_bytes() == before
    assert not list(home.glob("*.partial*"))


def test_a_damaged_backup_does_not_push_out_the_good_one_before_it(store: Store, home: Path):
    run_id = a_run(store)
    back_up(store)
    back_up(store)
    (home / BACKUP_NAME).write_bytes(b"\0" * 8192)
    assert back_up(store) == ""
    assert run_ids(home / BACKUP_NAME) == run_ids(home / PREVIOUS) == {run_id}


def test_a_full_disk_leaves_the_backups_and_no_halves(store: Store, home: Path):
    a_run(store)
    back_up(store)
    before = (home / BACKUP_NAME).read_bytes()
    code = (
        "import resource; from sapo_studio.store.db import Store\n"
        "from sapo_studio.store.maintenance import StoreMaintenance\n"
        "store = Store.open(); resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "maintenance = StoreMaintenance(store, store.path.parent); maintenance.close(); print(maintenance.trouble)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("No backup of the store was made")
    assert (home / BACKUP_NAME).read_bytes() == before
    assert not list(home.glob("*.partial*"))


KILLED_BACKUP = """
import os, resource, signal, sys
from pathlib import Path
from sapo_studio.store import copies
from sapo_studio.store.db import Store
from sapo_studio.store.maintenance import StoreMaintenance

how = sys.argv[1]
store = Store.open()
if how.isdigit():  # the kernel ends it in the middle of the write that would make a file longer than that
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(how), int(how)))
else:
    name, count = how.split(":")
    owner = Path if hasattr(Path, name) else os if hasattr(os, name) else copies
    real, left = getattr(owner, name), int(count)

    def killed(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(owner, name, killed)
maintenance = StoreMaintenance(store, store.path.parent)
maintenance.close()
print(maintenance.trouble or "made")
"""

MOMENTS = ["4096", "40960", "81920", "quick_check:1", "quick_check:2", "fsync:1", "fsync:2", "link:1"]
MOMENTS += ["replace:1", "replace:2", "sync_folder:1"]
SOONEST = ("40960", "fsync:1", "link:1", "replace:1")
"""One of each kind of place; the others are for the slow tier."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    "moment", [pytest.param(one, marks=() if one in SOONEST else pytest.mark.slow) for one in MOMENTS]
)
def test_killed_in_the_middle_of_a_backup(store: Store, home: Path, moment: str):
    first = a_run(store)
    back_up(store)
    second = a_run(store)
    back_up(store)
    third = a_run(store)
    store.close()
    done = subprocess.run([sys.executable, "-c", KILLED_BACKUP, moment], capture_output=True, text=True, check=False)
    assert done.returncode in (-signal.SIGKILL, -signal.SIGXFSZ), done.stdout + done.stderr
    found = [run_ids(path) for path in (home / BACKUP_NAME, home / PREVIOUS)]
    assert found[0] in ({first, second}, {first, second, third})
    assert found[1] in ({first}, {first, second})
    assert all(backups.fault_of(path) == "" for path in (home / BACKUP_NAME, home / PREVIOUS))
    with Store.open() as again:
        assert back_up(again) == ""
    assert run_ids(home / BACKUP_NAME) == {first, second, third}
    assert not list(home.glob("*.partial*"))


def test_one_process_looks_after_a_store(store: Store):
    with StoreLock.take(store.path) or pytest.fail("nobody else is there"):
        assert StoreLock.take(store.path) is None
    again = StoreLock.take(store.path)
    assert again is not None
    again.release()


# Going back.


def damage(home: Path, how: str) -> None:
    path = home / "studio.db"
    match how:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "zeroed":
            path.write_bytes(bytes(path.stat().st_size))
        case "truncated":
            os.truncate(path, path.stat().st_size // 2)
        case "a few bytes":
            os.truncate(path, 60)
        case "text":
            path.write_text("not a database, and long enough to be taken for one; " * 40)
        case "no tables":
            path.unlink()
            with closing(sqlite3.connect(path)) as other:
                other.executescript("CREATE TABLE x (y); DROP TABLE x;")
        case "fresh":  # of an older program, which took the place for a new one
            fresh = home.parent / "fresh" / "studio.db"
            Store.open(fresh).close()
            shutil.copy(fresh, path)
        case _:
            raise AssertionError(how)


HOW = ["missing", "empty", "zeroed", "truncated", "a few bytes", "text", "no tables", "fresh"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("log", [False, True])
def test_a_lost_or_damaged_store_is_refused_and_can_be_restored(store: Store, home: Path, how: str, log: bool):
    both = {a_run(store), a_run(store)}
    back_up(store)
    store.close()
    damage(home, how)
    if log:  # a killed program has left its log of changes
        (home / "studio.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(100))
    before = sorted((path.name, path.read_bytes()) for path in home.glob("studio.db*"))
    for create in (True, False):
        with pytest.raises(StoreError) as caught:
            Store.open(create=create)
        told = str(caught.value)
        assert BACKUP_NAME in told
        assert "sapo restore" in told
        assert "2 runs" in told
    if how in ("missing", "empty"):
        assert sorted((path.name, path.read_bytes()) for path in home.glob("studio.db*")) == before
    found = backups.best(home / "studio.db")
    assert found is not None
    done = backups.restore(home / "studio.db", found)
    with Store.open(create=False) as again:
        assert {run.id for run in queries.list_runs(again)} == both
        assert again.rows("PRAGMA integrity_check") == [("ok",)]
    if how == "missing" and not log:
        assert done.aside is None
    else:
        assert done.aside is not None
        assert list(home.glob(f"{done.aside.name}*"))


def test_without_a_backup_the_folders_of_runs_tell(store: Store, home: Path):
    run_id = a_run(store)
    store.close()
    (home / "studio.db").unlink()
    with pytest.raises(StoreError, match="is missing") as caught:
        Store.open()
    assert run_id in caught.value.why
    assert not (home / "studio.db").exists()
    shutil.rmtree(home / "runs")
    with Store.open() as new:  # nothing tells of an earlier one any more
        assert queries.list_runs(new) == []


def test_a_log_of_changes_alone_is_not_thrown_away(store: Store, home: Path):
    synthetic_run(store, iterations=1, trajectories=16, questions=8)
    log = (home / "studio.db-wal").read_bytes()
    assert log
    lone = home.parent / "lone"
    lone.mkdir()
    (lone / "studio.db-wal").write_bytes(log)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"is (missing|empty)") as caught:
            Store.open(lone / "studio.db")
        assert "log of changes" in caught.value.why
        assert (lone / "studio.db-wal").read_bytes() == log
        (lone / "studio.db").touch()


def test_a_new_data_folder_is_still_new(home: Path):
    home.mkdir()
    (home / "runs").mkdir()
    (home / "presets").mkdir()
    (home / "studio.db").touch()
    with Store.open() as store:
        assert queries.list_runs(store) == []
    with Store.open() as again:
        assert runs.create_run(again, queries_config()) == "run-1"


def queries_config():
    from sapo_studio.config.schema import RunConfig

    return RunConfig()


def test_a_store_that_lost_all_its_runs_is_refused(store: Store, home: Path):
    a_run(store)
    back_up(store)
    lose(home, "DELETE FROM runs")
    store.close()
    with pytest.raises(StoreError, match="holds no run"):
        Store.open()


def test_no_run_gets_the_folder_of_another(store: Store, home: Path):
    first = a_run(store)
    back_up(store)
    second, third = a_run(store), a_run(store)
    (store.run_dir(third) / "model").write_text("weights")
    store.close()
    found = backups.best(home / "studio.db")
    assert found is not None
    backups.restore(home / "studio.db", found)
    (home / "runs" / "notes-of-2026-99999999999").mkdir()  # no number of ours
    with Store.open() as again:
        assert {run.id for run in queries.list_runs(again)} == {first}
        new = [runs.create_run(again, queries_config()) for _ in range(2)]
        assert new == ["run-4", "run-5"]
        assert not {again.run_dir(run_id) for run_id in new} & {home / "runs" / name for name in (second, third)}
    assert (home / "runs" / third / "model").read_text() == "weights"


def test_restoring_an_older_backup_keeps_the_newer_one(store: Store, home: Path):
    first = a_run(store)
    back_up(store)
    second = a_run(store)
    back_up(store)
    store.close()
    done = backups.restore(home / "studio.db", backups.find(home / "studio.db", PREVIOUS))
    assert run_ids(home / "studio.db") == {first}
    (kept,) = done.kept
    assert run_ids(kept) == {first, second}
    with Store.open() as again:
        assert back_up(again) == ""
    assert run_ids(kept) == {first, second}
    assert done.aside is not None
    back = backups.restore(home / "studio.db", backups.look_at(done.aside))
    assert run_ids(home / "studio.db") == {first, second}
    assert back.aside is not None


def test_a_run_that_came_back_can_be_lost_again(store: Store, home: Path):
    run_id, other = a_run(store), a_run(store)
    back_up(store)
    runs.delete_run(store, run_id)
    store.close()
    backups.restore(home / "studio.db", backups.find(home / "studio.db", BACKUP_NAME))
    with Store.open() as again:
        back_up(again)
        lose(home, "DELETE FROM runs WHERE number = 1")
        assert run_id in back_up(again)
    assert run_ids(home / BACKUP_NAME) == {run_id, other}


def test_what_is_only_in_the_log_is_restored_too(store: Store, home: Path):
    run_id = a_run(store)
    for suffix in ("", "-wal"):
        shutil.copy(home / f"studio.db{suffix}", home / f"studio.copy.db{suffix}")
    assert (home / "studio.copy.db-wal").stat().st_size > 0
    store.close()
    (home / "studio.db").write_bytes(b"")
    backups.restore(home / "studio.db", backups.find(home / "studio.db", "studio.copy.db"))
    assert run_ids(home / "studio.db") == {run_id}


@pytest.mark.parametrize("fault", ["page", "text", "empty", "newer"])
def test_a_bad_backup_changes_nothing(store: Store, home: Path, fault: str):
    a_run(store)
    bad = home / "studio.bad.db"
    store.backup(bad)
    match fault:
        case "page":
            data = bytearray(bad.read_bytes())
            data[8192:40_960] = os.urandom(32_768)
            bad.write_bytes(bytes(data))
        case "text":
            bad.write_text("no database " * 200)
        case "empty":
            bad.write_bytes(b"")
        case _:
            with closing(sqlite3.connect(bad)) as newer:
                newer.execute("PRAGMA user_version = 1000")
    store.close()
    before = (home / "studio.db").read_bytes()
    with pytest.raises(SapoError) as caught:
        backups.restore(home / "studio.db", backups.look_at(bad))
    assert caught.value.fix
    assert (home / "studio.db").read_bytes() == before
    assert not list(home.glob("*restoring*"))


def test_no_restore_while_an_engine_is_at_work(store: Store, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backups, "_LOCK_PATIENCE", 0.1)
    a_run(store)
    back_up(store)
    maintenance = StoreMaintenance(store, home)
    with pytest.raises(InputError, match="cannot be replaced now"):
        backups.restore(home / "studio.db", backups.look_at(home / BACKUP_NAME))
    maintenance.close()


def test_a_restore_waits_for_whoever_has_the_store_for_a_moment(store: Store, home: Path):
    """A window that looks whether a restore was cut off, as it does while the store is missing."""
    run_id = a_run(store)
    back_up(store)
    store.close()
    path = home / "studio.db"
    held = StoreLock.take(path)
    assert held is not None
    soon = threading.Timer(0.2, held.release)
    soon.start()
    try:
        backups.restore(path, backups.look_at(home / BACKUP_NAME))
    finally:
        soon.join()
    assert run_ids(path) == {run_id}


class Killed(BaseException):
    """As good as a kill: nothing after it runs."""


@pytest.mark.parametrize("moment", ["copied", "store moved", "log moved", "done"])
def test_a_restore_that_is_broken_off_leaves_the_old_store_or_the_new_one(store: Store, home: Path, moment: str):
    first = a_run(store)
    back_up(store)
    second = a_run(store)
    path = home / "studio.db"
    code = (
        "import os, signal, sys; from pathlib import Path; from sapo_studio.store import backups\n"
        "path = Path(sys.argv[1])\n"
        "def step(name):\n    name == sys.argv[2] and os.kill(os.getpid(), signal.SIGKILL)\n"
        "backups.restore(path, backups.look_at(path.with_name('studio.backup.db')), step=step)\n"
    )
    # The test's own connection is open all the time: there is a log of changes.
    assert (home / "studio.db-wal").stat().st_size > 0
    done = subprocess.run([sys.executable, "-c", code, str(path), moment], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(create=False) as found:
        assert found.rows("PRAGMA integrity_check") == [("ok",)]
        known = {run.id for run in queries.list_runs(found)}
    assert known == ({first, second} if moment == "copied" else {first})
    assert moment == "copied" or list(home.glob("studio.replaced-*.db"))
    again = backups.restore(path, backups.look_at(home / BACKUP_NAME))
    assert again.backup.runs == 1
    assert not list(home.glob("*restoring*"))


# The command.


@pytest.fixture
def sapo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    from sapo_studio import cli

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sapo", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_the_command_lists_and_restores(store: Store, home: Path, sapo: Callable[..., tuple[int, str, str]]):
    assert "no backups" in sapo("restore")[1]
    assert sapo("restore", "--yes")[0] == 2
    first = a_run(store)
    back_up(store)
    second = a_run(store)
    back_up(store)
    store.close()
    (home / "studio.torn.db").write_bytes(b"x" * 5000)
    listed = [json.loads(line) for line in sapo("restore", "--json")[1].splitlines()]
    assert {line["name"]: line["runs"] for line in listed} == {BACKUP_NAME: 2, PREVIOUS: 1, "studio.torn.db": None}
    assert all(line["size"] > 0 and line["made"] > 0 for line in listed)
    code, text, _ = sapo("restore")
    assert code == 0
    for expected in (BACKUP_NAME, PREVIOUS, second, "MiB"):
        assert expected in text
    (home / "studio.db").unlink()
    for arguments in (["runs"], ["runs", "--json"], ["report", "last"], ["run", "lab-smoke", "--detach"]):
        code, out, err = sapo(*arguments)
        assert (code, out) == (1, "")
        assert BACKUP_NAME in err
        assert "sapo restore" in err
    assert sapo("restore", "studio.torn.db", "--yes")[0] == 1
    assert sapo("restore", "nothing", "--yes")[0] == 2
    assert not (home / "studio.db").exists()
    code, out, _ = sapo("restore", "--yes", "--json")
    assert code == 0
    assert json.loads(out)["runs"] == 2
    assert {json.loads(line)["run_id"] for line in sapo("runs", "--json")[1].splitlines()} == {first, second}
    code, out, _ = sapo("restore", PREVIOUS, "--yes")
    assert code == 0
    assert second in out, "its folder is there and no run"
    assert "is kept" in out


def test_the_command_asks_first(
    store: Store, home: Path, sapo: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
):
    a_run(store)
    back_up(store)
    before = (home / BACKUP_NAME).stat().st_ino
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr("typer.confirm", no)
    code, _, err = sapo("restore", "1")
    assert code == 1
    assert "Nothing was restored" in err
    assert "holds 1 run now" in asked[0]
    assert (home / BACKUP_NAME).stat().st_ino == before
    assert not list(home.glob("studio.replaced-*"))


def test_doctor_tells_of_backups(store: Store, home: Path):
    from sapo_studio.app import diagnosis

    def told(name: str) -> diagnosis.Check:
        return next(check for check in diagnosis.store_checks() if check.name == name)

    assert (told("backups").state, told("store").state) == ("good", "good")
    a_run(store)
    assert told("backups").state == "note"
    back_up(store)
    assert BACKUP_NAME in told("backups").finding
    lose(home, "DELETE FROM runs WHERE number = 1; DELETE FROM sqlite_sequence")
    store.close()
    assert told("store").state == "bad"
    assert "sapo restore" in told("store").advice
    (home / "studio.db").unlink()
    assert told("store").state == "bad"
    assert "sapo restore" in told("store").advice


def test_a_sound_store_with_more_runs_is_not_given_up_unasked(
    store: Store, home: Path, sapo: Callable[..., tuple[int, str, str]]
):
    a_run(store)
    back_up(store)
    a_run(store)
    store.close()
    code, _, err = sapo("restore", "--yes")
    assert code == 2
    assert "holds 2 runs" in err
    assert "sapo restore 1 --yes" in err
    assert not list(home.glob("studio.replaced-*"))
    code, out, err = sapo("restore", "1", "--yes")
    assert (code, "1 run more" in err) == (0, True)
    assert "What was there before is kept" in out
    assert len(list(home.glob("studio.replaced-*"))) == 1


def test_doctor_tells_of_runs_that_wait_for_room(store: Store, home: Path):
    from sapo_studio.app import diagnosis
    from sapo_studio.store import runs
    from sapo_studio.store.records import ErrorText

    run = synthetic_run(store, iterations=1, trajectories=16, questions=8, status=RunStatus.RUNNING)
    assert all(check.name != "run" for check in diagnosis.store_checks())
    notice = ErrorText("The disk is full: the run waits", "It has 0.1 MB left.", "Free at least 3.5 MB.")
    runs.set_status(store, run, RunStatus.PAUSED, notice)  # as the parent does
    told = next(check for check in diagnosis.store_checks() if check.name == "run")
    assert told.state == "bad"
    assert run in told.finding
    assert "Free at least 3.5 MB." in told.advice
