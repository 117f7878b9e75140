"""What a killed writer, a full disk and a read-only folder leave behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from tests.fixtures.store_writer import ARGUMENTS, LIMIT_FROM
from tests.fixtures.synthetic import SteppingClock, live_events, synthetic_run


def sound(store: Store) -> bool:
    return store.rows("PRAGMA integrity_check") == [("ok",)] and store.rows("PRAGMA foreign_key_check") == []


def writer(path: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.fixtures.store_writer", str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "after", [pytest.param(3, marks=pytest.mark.slow), 17, pytest.param(40, marks=pytest.mark.slow)]
)
def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path: Path, after: int):
    path = tmp_path / "studio.db"
    with writer(path) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        said = [line.split() for line in process.stdout.read().splitlines() if line.startswith("committed")]
        assert process.wait() == -signal.SIGKILL
    committed, trajectories = (int(said[-1][1]), int(said[-1][2])) if said else (after, 0)
    batches = list(live_events(**ARGUMENTS))
    assert committed < len(batches), "the writer was faster than the signal"
    with Store.open(path) as store:
        assert sound(store)
        run = queries.list_runs(store)[0]
        assert run.status is RunStatus.RUNNING
        assert int(store.value("SELECT count(*) FROM trajectories")) >= trajectories
        started = {event.ordinal for batch in batches[:committed] for event in batch if event.kind == "phase_finished"}
        assert started <= {phase.ordinal for phase in queries.phases(store, run.id) if phase.status == "done"}
        ingest = Ingest(store, run.id, SteppingClock())
        for batch in batches:
            ingest.apply(batch)
        with Store.open(tmp_path / "whole.db") as whole:
            synthetic_run(whole, iterations=2, questions=16, trajectories=200)
            for table in ("trajectories", "scores", "labels", "rollouts", "pairs", "metrics"):
                rows = "SELECT * FROM " + table
                assert sorted(store.rows(rows), key=repr) == sorted(whole.rows(rows), key=repr)


def test_a_full_disk_is_told_and_what_was_committed_stays(tmp_path: Path):
    path = tmp_path / "studio.db"
    with writer(path, str(200 * 1024)) as process:
        out, _ = process.communicate(timeout=60)
    lines = out.splitlines()
    assert process.returncode == 1
    assert lines[-1].startswith("error")
    assert "cannot be read or written" in lines[-1] or "full" in lines[-1]
    assert "limit" in lines[-1]
    _, committed, trajectories = lines[-2].split()
    assert int(committed) >= LIMIT_FROM - 1
    with Store.open(path) as store:  # with room again
        assert sound(store)
        assert store.value("SELECT count(*) FROM trajectories") == int(trajectories)
        run = queries.list_runs(store)[0]
        ingest = Ingest(store, run.id, SteppingClock())
        for batch in live_events(**ARGUMENTS):
            ingest.apply(batch)
        assert queries.get_run(store, run.id).progress == 1.0


READ_ONLY = """
import os, sys
from pathlib import Path
from sapo_studio.errors import StoreError
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
if os.geteuid() == 0:  # root may write everywhere
    os.setegid(65534); os.seteuid(65534)
try:
    with Store.open(Path(sys.argv[1])) as store:
        print("read", len(queries.list_runs(store)))
        runs.rename_run(store, "synthetic-1", "other")
except StoreError as error:
    print(error.what, "|", error.fix)
"""


def as_reader(path: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX file modes")
def test_a_read_only_store_says_so():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        path = Path(folder) / "studio.db"
        with Store.open(path) as store:
            synthetic_run(store, trajectories=8, questions=8)
            for file in Path(folder).iterdir():
                file.chmod(0o444)
            Path(folder).chmod(0o555)
            told = as_reader(path)  # beside a writer its files are there: reading works
            assert told[0] == "read 1"
            assert "read-only" in told[1]
            assert "writable" in told[1]
        *_, alone = as_reader(path)  # an ordinary user cannot remove the files beside it, and reads by them
        assert "read-only" in alone or "Cannot open" in alone
        assert "writable" in alone
        (nowhere,) = as_reader(Path(folder) / "deeper" / "studio.db")
        assert "Cannot make the data folder" in nowhere
        Path(folder).chmod(0o755)
