"""A disk that is full to the last byte: reading works, writing says so, nothing is lost. A tmpfs of its own, so root
only; tests/kernel/test_store_crash.py has what an ordinary user can make happen.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sapo_studio
from sapo_studio import cli, supervisor
from sapo_studio.errors import StoreError
from sapo_studio.store import backups, queries, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault
from sapo_studio.store.maintenance import StoreMaintenance
from tests.fixtures.small_disk import SmallDisk, can_mount
from tests.fixtures.synthetic import synthetic_run

pytestmark = pytest.mark.skipif(not can_mount(), reason="only root may mount a disk of its own")


@pytest.fixture
def disk(home: Path) -> Iterator[SmallDisk]:
    with SmallDisk.mounted(home, megabytes=16) as made:
        yield made


def sapo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["sapo", *arguments])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    told = capsys.readouterr()
    return code, told.out, told.err


KILLED_WRITER = """
import os, signal
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run
store = Store.open()
run_id = synthetic_run(store, name="killed", iterations=1, trajectories=16, questions=8, status=RunStatus.RUNNING)
runs.heartbeat(store, run_id, pid=os.getpid(), pid_started=1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("left", ["nothing", pytest.param("a log", marks=pytest.mark.slow), "a log without its index"])
def test_reading_works_on_a_full_disk(
    disk: SmallDisk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, left: str
):
    with Store.open() as store:
        names = {synthetic_run(store, name="whole", iterations=1, trajectories=16, questions=8)}
    if left != "nothing":
        done = subprocess.run([sys.executable, "-c", KILLED_WRITER], check=False)
        assert done.returncode == -signal.SIGKILL
        names.add("killed-2")
        assert (disk.folder / "studio.db-wal").stat().st_size > 0
        if left == "a log without its index":
            (disk.folder / "studio.db-shm").unlink()
    disk.fill()
    for _ in range(2):
        code, out, err = sapo(capsys, monkeypatch, "runs", "--json")
        assert (code, err, out.count("\n")) == (0, "", len(names))
        assert sapo(capsys, monkeypatch, "report", "whole-1")[0] == 0
        assert sapo(capsys, monkeypatch, "export", "whole-1", "trajectories")[1].count("\n") > 16
    with Store.open(create=False) as store:
        assert {run.id for run in queries.list_runs(store)} == names
        assert supervisor.reconcile(store) == []
        with pytest.raises(StoreFault, match="is full") as caught:
            runs.rename_run(store, "whole-1", "other")
        assert caught.value.kind == "full"
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
    code, _, err = sapo(capsys, monkeypatch, "rename", "whole-1", "other")
    assert code == 1
    assert "is full" in err
    assert "Traceback" not in err
    disk.make_room()
    with Store.open(create=False) as store:
        assert store.only_reading is None
        assert {run.id for run in queries.list_runs(store)} == names
        assert supervisor.reconcile(store) == sorted(names - {"whole-1"})
        runs.rename_run(store, "whole-1", "other")


def test_whoever_writes_is_told_of_the_disk_and_not_of_the_file(disk: SmallDisk):
    with Store.open() as store:
        run_id = synthetic_run(store, name="whole", iterations=1, trajectories=16, questions=8)
    disk.fill()
    with Store.open(create=False) as store:
        assert store.only_reading is not None
        for write in (lambda: run_queue.pause(store), lambda: runs.rename_run(store, run_id, "other")):
            with pytest.raises(StoreFault) as caught:
                write()
            assert caught.value.kind == "full"


def test_own_programs_read_on_a_full_disk(disk: SmallDisk):
    with Store.open() as store:
        synthetic_run(store, name="whole", iterations=1, trajectories=16, questions=8)
    disk.fill()
    with sapo_studio.open_store(disk.folder) as opened:
        assert list(opened.run("whole").metrics())


def test_several_can_read_at_once(disk: SmallDisk):
    with Store.open() as store:
        synthetic_run(store, iterations=1, trajectories=16, questions=8)
    disk.fill()
    with Store.open(create=False) as one, Store.open(create=False) as other:
        assert queries.list_runs(one) == queries.list_runs(other) != []


def test_a_store_cannot_be_begun_on_a_full_disk(disk: SmallDisk):
    disk.fill()
    with pytest.raises(StoreError, match="is full"):
        Store.open()
    disk.make_room()
    Store.open().close()


def test_what_does_not_fit_is_not_there_and_the_rest_is(disk: SmallDisk):
    with Store.open() as store:
        run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8)
        lines = len(queries.log(store, run_id))
        disk.fill(but=64 * 2**10)

        def write() -> None:
            with store.atomic():
                for number in range(1000):
                    runs.add_log(store, run_id, "info", f"{number} " + "x" * 1000)

        with pytest.raises(StoreFault) as caught:
            write()
        assert caught.value.kind == "full"
        assert len(queries.log(store, run_id)) == lines
        disk.make_room()
        write()
        assert len(queries.log(store, run_id)) == lines + 1000
        assert store.rows("PRAGMA integrity_check") == [("ok",)]


def test_deleting_a_run_makes_room(
    disk: SmallDisk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    with Store.open() as store:
        run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8)
        store.run_dir(run_id).mkdir(parents=True)
        (store.run_dir(run_id) / "model").write_bytes(os.urandom(4 * 2**20))
        disk.fill()
        runs.delete_run(store, run_id)
        assert queries.list_runs(store) == []
        assert disk.free() > 3 * 2**20


def test_backups_outlive_a_full_disk(disk: SmallDisk):
    with Store.open() as store:
        synthetic_run(store, iterations=1, trajectories=16, questions=8)
        StoreMaintenance(store, disk.folder).close()
        before = {path.name: path.read_bytes() for path in disk.folder.glob("studio.backup*")}
        assert before
        synthetic_run(store, iterations=1, trajectories=16, questions=8)
        disk.fill(but=100 * 2**10)
        maintenance = StoreMaintenance(store, disk.folder)
        maintenance.close()
        assert "more of free space" in maintenance.trouble
        disk.fill(but=100 * 2**10)  # emptying the log of changes has made room
        with pytest.raises(StoreError):
            store.back_up()
        assert {path.name: path.read_bytes() for path in disk.folder.glob("studio.backup*")} == before
        disk.make_room()
        assert store.back_up() == ""


def test_no_room_to_restore_changes_nothing(disk: SmallDisk):
    path = disk.folder / "studio.db"
    with Store.open() as store:
        run_id = synthetic_run(store, iterations=1, trajectories=16, questions=8)
        store.back_up()
    data = path.read_bytes()
    disk.fill(but=50 * 2**10)
    found = backups.find(path, "1")
    with pytest.raises(StoreError) as caught:
        backups.restore(path, found)
    assert "Free at least" in caught.value.fix
    assert path.read_bytes() == data
    disk.make_room()
    backups.restore(path, found)
    with Store.open(create=False) as store:
        assert [run.id for run in queries.list_runs(store)] == [run_id]
