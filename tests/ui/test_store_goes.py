"""A store that vanishes, is replaced, written over, damaged or closed under an open window."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from PySide6.QtCore import QObject

from sapo_studio import supervisor
from sapo_studio.errors import StoreError
from sapo_studio.store import backups, queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.store_lock import StoreLock
from sapo_ui import app
from sapo_ui.services import poller as module
from sapo_ui.services import tasks
from sapo_ui.services.poller import Poller
from tests.fixtures.small_disk import SmallDisk, can_mount
from tests.fixtures.synthetic import synthetic_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps an open file in its place")


def a_run(store, name="run"):
    return synthetic_run(store, name=name, iterations=1, trajectories=16, questions=8)


class Watched:
    """A poller and what it said."""

    def __init__(self, qtbot):
        self._qtbot = qtbot
        self.changes, self.troubles = [], []
        self.poller = Poller(reconcile=supervisor.reconcile)
        self.poller.changed.connect(self.changes.append)
        self.poller.trouble.connect(self.troubles.append)

    def until(self, wanted):
        self._qtbot.waitUntil(wanted)

    def runs(self):
        return {run.name for run in self.changes[-1].runs} if self.changes else None

    def told(self):
        return [None if error is None else error.what.rpartition("studio.db ")[2] for error in self.troubles]


@pytest.fixture
def watched(qtbot, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.02)
    made = Watched(qtbot)
    yield made
    assert made.poller.stop(), "the poller's thread is gone"


@pytest.fixture
def filled(home):
    """A store with a run and a backup, that nobody else has open."""
    with Store.open() as store:
        a_run(store, "first")
        store.back_up()
    return home / "studio.db"


def test_a_store_that_vanishes_and_comes_back(watched, filled):
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first"})
    aside = filled.with_name("studio.mine.db")
    filled.rename(aside)
    watched.until(lambda: len(watched.troubles) >= 2)
    assert watched.told() == ["has vanished", "is missing"]
    assert all(isinstance(error, StoreError) and error.why and error.fix for error in watched.troubles)
    assert "studio.backup.db" in watched.troubles[1].fix or "studio.mine.db" in watched.troubles[1].fix
    assert not filled.exists(), "a window makes no new store there"
    aside.rename(filled)
    watched.until(lambda: watched.troubles[-1] is None)
    assert watched.runs() == {"first"}


def test_what_the_window_still_holds_of_a_deleted_store_is_saved(watched, filled, home):
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first"})
    with Store.open() as store:
        runs.rename_run(store, "first-1", "renamed since the backup")
    watched.until(lambda: watched.runs() == {"renamed since the backup"})
    filled.unlink()
    watched.until(lambda: bool(watched.troubles))
    (saved,) = home.glob("studio.rescued-*.db")
    assert saved.name in watched.troubles[0].fix
    backups.restore(filled, backups.look_at(saved))
    watched.until(lambda: watched.troubles[-1] is None)
    with Store.open() as store:
        assert [run.name for run in queries.list_runs(store)] == ["renamed since the backup"]


def test_an_engine_saves_it_where_there_is_one(watched, filled, home):
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first"})
    with StoreLock.take(filled):
        filled.unlink()
        watched.until(lambda: len(watched.troubles) >= 2)
        assert not list(home.glob("studio.rescued-*"))


def test_another_store_in_its_place_is_shown(watched, filled, home, tmp_path):
    other = tmp_path / "other" / "studio.db"
    with Store.open(other) as store:
        a_run(store, "second")
        a_run(store, "third")
    with Store.open() as held:  # somebody else has the old one open: there is a log of changes
        a_run(held, "in the log")
        watched.poller.start()
        watched.until(lambda: watched.runs() == {"first", "in the log"})
        other.replace(filled)
        watched.until(lambda: watched.runs() == {"second", "third"})
        assert watched.changes[-1].removed == {"first-1", "in-the-log-2"}
    assert watched.told() == ["has been replaced by another file"], "it stays on the screen"
    (saved,) = home.glob("studio.rescued-*.db")
    with Store.open(saved) as copy:
        assert {run.name for run in queries.list_runs(copy)} == {"first", "in the log"}
    with Store.open() as new:
        assert {run.name for run in queries.list_runs(new)} == {"second", "third"}
        assert new.rows("PRAGMA integrity_check") == [("ok",)]


def test_a_restore_beside_the_window_is_shown_and_saves_nothing_twice(watched, filled, home):
    with Store.open() as store:
        a_run(store, "since")
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first", "since"})
    backups.restore(filled, backups.look_at(home / "studio.backup.db"))
    watched.until(lambda: watched.runs() == {"first"})
    assert not list(home.glob("studio.rescued-*"))
    with Store.open() as store:
        a_run(store, "new")
    watched.until(lambda: watched.runs() == {"first", "new"})


def test_a_store_that_is_written_over_is_read_again(watched, filled, tmp_path):
    other = tmp_path / "other" / "studio.db"
    with Store.open(other) as store:
        for name in ("second", "third", "fourth"):
            a_run(store, name)
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first"})
    shutil.copy(other, filled)
    watched.until(lambda: watched.runs() == {"second", "third", "fourth"})


@pytest.mark.parametrize(("size", "next_word"), [(0, "is empty (0 bytes)"), (5000, "is damaged")])
def test_a_store_that_is_emptied(watched, filled, size, next_word):
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first"})
    os.truncate(filled, size)
    watched.until(lambda: len(watched.troubles) >= 2)
    assert watched.told()[0] == "has been emptied or cut off"
    assert watched.told()[1].startswith(next_word)
    assert all("studio.backup.db" in error.fix for error in watched.troubles)
    before = watched.poller.polls
    backups.restore(filled, backups.look_at(filled.with_name("studio.backup.db")))
    watched.until(lambda: watched.poller.polls > before and watched.troubles[-1] is None)


def test_one_trouble_is_told_once(watched, filled, qtbot):
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first"})
    os.truncate(filled, 0)
    watched.until(lambda: len(watched.troubles) >= 2)
    qtbot.wait(300)
    assert len(watched.troubles) == 2


def test_a_damaged_row_does_not_hide_the_others(watched, filled):
    with Store.open() as store:
        a_run(store, "second")
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        other.execute("UPDATE runs SET status = 'lost', error = '{' WHERE number = 1")
    watched.poller.start()
    watched.until(lambda: watched.runs() == {"first", "second"})
    assert "damaged row" in watched.changes[-1].run("first-1").error.what
    assert watched.troubles == []


CLOSED = """
import sys
from PySide6.QtCore import QCoreApplication, QObject, QTimer
from sapo_studio import paths, supervisor
from sapo_studio.store import queries, runs
from sapo_ui.services import poller, tasks

poller.IDLE_SECONDS = poller.RECONCILE_SECONDS = 0.02
application = QCoreApplication([])
home, owner, told = paths.data_dir(), QObject(), []
watch = poller.Poller(reconcile=supervisor.reconcile)
pool = tasks.start(paths.store_path())


def changed(change):
    watch.changed.disconnect(changed)
    for path in (*home.glob("studio.db*"), home):
        path.chmod(0o555)
    tasks.run(owner, queries.list_runs, lambda found: (told.append(f"read {len(found)}"), write()))


def write():
    tasks.run(owner, lambda own: runs.rename_run(own, "first-1", "x"), lambda _: end("written"), failed=end)


def end(what):
    told.append(str(what))
    QTimer.singleShot(300, application.quit)  # some polls and looks for ended engines go on


watch.changed.connect(changed)
watch.trouble.connect(lambda error: told.append(f"trouble {error}"))
watch.start()
application.exec()
assert watch.stop() and tasks.stop()
home.chmod(0o755)
print(*told, sep="\\n")
"""


DROP = (
    "import ctypes, os, sys; libc = ctypes.CDLL(None); [libc.prctl(24, right, 0, 0, 0) for right in (1, 2)]; "
    "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
)
"""Even root may not write there once it has given up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize("held", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_store_that_is_closed_to_writing(filled, held):
    """`held`: another program has it open, so that its log of changes is there."""
    with Store.open() as store:
        a_run(store, "second")
        store.execute("UPDATE runs SET status = 'running', pid = 1, pid_started = 1, heartbeat_at = 0")
        if not held:
            store.close()
        done = subprocess.run([sys.executable, "-c", DROP, CLOSED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "trouble" not in done.stdout, "reading goes on"
    read, refused, *_ = done.stdout.splitlines()
    assert read == "read 2"
    assert refused == f"The store {filled} is read-only"


SHUT = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from sapo_studio import paths
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_ui import app

path = paths.store_path()
for one in (*path.parent.glob("studio.db*"), path.parent):
    one.chmod(0o555)
program = app.Program(settings=path.parent.parent / "settings.ini")
window = program.open()


def look():
    if "read only" in window.status_line.place.text() and window.run_list.select("first-1"):
        look_again.stop()
        print("read only,", window.current_run().name)
        window.actions_["run.archive"].trigger()
        refused.start()


def told():
    if window.banner.isVisible():
        refused.stop()
        print(window.banner.text.splitlines()[0])
        program.app.quit()


look_again, refused = QTimer(interval=20), QTimer(interval=20)
look_again.timeout.connect(look)
refused.timeout.connect(told)
look_again.start()
program.app.exec()
assert program.close()
path.parent.chmod(0o755)
"""


@pytest.mark.slow  # a window in a process of its own
@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_window_over_a_store_that_may_only_be_read_shows_it_and_says_so(filled):
    """No window had it open before: SQLite cannot make the files that it keeps beside the store."""
    done = subprocess.run([sys.executable, "-c", DROP, SHUT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["read only, first", f"The store {filled} is read-only"]


@pytest.mark.skipif(not can_mount(), reason="only root may mount a disk of its own")
def test_the_window_reads_on_a_full_disk(qtbot, home, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.02)
    with SmallDisk.mounted(home, megabytes=16) as disk:
        with Store.open() as store:
            a_run(store, "first")
        disk.fill()
        watched = Watched(qtbot)
        watched.poller.start()
        try:
            watched.until(lambda: watched.runs() == {"first"})
            polls = watched.poller.polls
            watched.until(lambda: watched.poller.polls > polls + 3)
            assert len(watched.changes) == 1
            assert watched.troubles == []
            tasks.start(home / "studio.db")
            owner, found, failed = QObject(), [], []
            tasks.run(owner, queries.list_runs, found.append)
            watched.until(lambda: bool(found))
            tasks.run(owner, lambda own: runs.rename_run(own, "first-1", "new"), found.append, failed=failed.append)
            watched.until(lambda: bool(failed))
            assert "is full" in failed[0].what
            disk.make_room()
            tasks.run(owner, lambda own: runs.rename_run(own, "first-1", "new"), found.append, failed=failed.append)
            watched.until(lambda: watched.runs() == {"new"})
            assert len(failed) == 1
        finally:
            assert watched.poller.stop()
            assert tasks.stop()


def test_tasks_take_the_store_that_is_there_now(qtbot, filled, tmp_path):
    other = tmp_path / "other" / "studio.db"
    with Store.open(other) as store:
        a_run(store, "second")
    pool = tasks.Pool(filled, threads=1)
    owner, found, failed = QObject(), [], []

    def ask():
        count = len(found) + len(failed)
        pool.run(owner, queries.list_runs, found.append, failed=failed.append)
        qtbot.waitUntil(lambda: len(found) + len(failed) > count)

    ask()
    assert [run.name for run in found[-1]] == ["first"]
    filled.rename(filled.with_name("studio.mine.db"))
    ask()
    assert "is missing" in failed[-1].what
    assert not filled.exists()
    other.replace(filled)
    ask()
    assert [run.name for run in found[-1]] == ["second"]
    assert pool.close()


def test_the_whole_window_says_it(qtbot, filled, monkeypatch, nothing_left_behind):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    program = app.Program()
    window = program.open()
    try:
        qtbot.waitUntil(lambda: window.run_list.select("first-1"))
        told = []
        program.poller.trouble.connect(told.append)
        filled.unlink()
        qtbot.waitUntil(lambda: bool(told))  # others may say it first; what the poller says it takes back
        qtbot.waitUntil(lambda: window.banner.isVisible() and "studio.db" in window.banner.text)
        assert "Restore in the Store menu" in window.banner.text
        assert not filled.exists()
        backups.restore(filled, backups.best(filled))
        qtbot.waitUntil(lambda: not window.banner.isVisible())
        assert window.run_list.select("first-1")
    finally:
        assert program.close()
