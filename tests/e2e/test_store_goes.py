"""A store that vanishes, is replaced, emptied or closed to writing under a running engine: nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sapo_studio import paths
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo
from tests.fixtures.synthetic import synthetic_run

if TYPE_CHECKING:
    from conftest import Bench

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows keeps an open file in its place")

MIDDLE = (2, 3)


@dataclass(frozen=True)
class Held:
    """A finished run and one in the middle, with what the engine says of it in `log`."""

    bench: Bench
    whole: str
    run_id: str
    log: Path


@pytest.fixture
def held(used_bench: tuple[Bench, str]) -> Held:
    bench, whole = used_bench
    run_id = bench.make()
    bench.launch(run_id, hold=MIDDLE)
    bench.at(run_id, *MIDDLE)
    return Held(bench, whole, run_id, bench.home / "runs" / run_id / "parent.log")


@pytest.mark.parametrize("way", ["deleted", pytest.param("moved", marks=pytest.mark.slow)])
def test_what_the_engine_still_holds_of_a_vanished_store_is_saved(held: Held, way: str) -> None:
    bench, whole, run_id = held.bench, held.whole, held.run_id
    metrics, rows, kept = bench.metrics(whole), bench.rows(whole), bench.rows(run_id)
    path = bench.home / "studio.db"
    if way == "deleted":
        path.unlink()
    else:
        path.rename(bench.home.parent / "moved.db")
    assert bench.gone(within=10.0)
    told = held.log.read_text()
    assert "has vanished" in told
    assert "Traceback" not in told
    (saved,) = bench.home.glob("studio.rescued-*.db")
    assert saved.name in told
    bench.store.close()
    for arguments in (("runs",), ("run", "lab-smoke"), ("resume", run_id)):
        refused = sapo(*arguments)
        assert refused.returncode == 1
        assert "is missing" in refused.stderr
        assert saved.name in refused.stderr
    assert not path.exists()
    restored = sapo("restore", "--yes")
    assert restored.returncode == 0, restored.stderr
    bench.store = Store.open()
    assert {run.id for run in queries.list_runs(bench.store)} == {whole, run_id}
    assert bench.rows(run_id) >= kept
    assert bench.rows(whole) == rows
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == metrics


def test_nothing_is_written_to_a_store_that_took_the_place(held: Held, tmp_path: Path) -> None:
    bench, run_id = held.bench, held.run_id
    kept = bench.rows(run_id)
    other = tmp_path / "other" / "studio.db"
    with Store.open(other) as made:
        synthetic_run(made, name="other", iterations=1, trajectories=16, questions=8)
    content = other.read_bytes()
    other.replace(bench.home / "studio.db")
    assert bench.gone(within=10.0)
    told = held.log.read_text()
    assert "has been replaced" in told
    assert "Traceback" not in told
    assert (bench.home / "studio.db").read_bytes() == content
    (saved,) = bench.home.glob("studio.rescued-*.db")
    with Store.open() as new:
        assert [run.name for run in queries.list_runs(new)] == ["other"]
        assert new.rows("PRAGMA integrity_check") == [("ok",)]
        assert runs.create_run(new, queries.get_config(new, "other-1")) == "other-3", "the folder of fake-2 is taken"
    shutil.copy(saved, tmp_path / "saved.db")
    with Store.open(tmp_path / "saved.db") as copy:
        assert {run.id for run in queries.list_runs(copy)} == {"fake-1", run_id}
        assert copy.value("SELECT count(*) FROM trajectories WHERE run_id = ?", (run_id,)) >= len(kept)


@pytest.mark.parametrize("size", [0, pytest.param(5000, marks=pytest.mark.slow)])
def test_an_emptied_store_is_told_and_the_backup_is_kept(held: Held, size: int) -> None:
    bench, whole, run_id = held.bench, held.whole, held.run_id
    metrics = bench.metrics(whole)
    backup = (bench.home / "studio.backup.db").read_bytes()
    os.truncate(bench.home / "studio.db", size)
    assert bench.gone(within=10.0)
    told = held.log.read_text()
    assert "emptied or cut off" in told
    assert "studio.backup.db" in told
    assert "Traceback" not in told
    assert (bench.home / "studio.backup.db").read_bytes() == backup
    bench.store.close()
    assert "sapo restore" in sapo("runs").stderr
    assert sapo("restore", "1", "--yes").returncode == 0
    bench.store = Store.open()
    assert [run.id for run in queries.list_runs(bench.store)] == [whole]
    new = bench.make()
    assert new == "fake-3", f"the folder of {run_id} is taken"
    assert bench.run(new).status is RunStatus.DONE
    assert bench.metrics(new) == metrics


@pytest.mark.slow
def test_a_data_folder_that_is_moved_is_told(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    bench, whole, run_id = held.bench, held.whole, held.run_id
    metrics = bench.metrics(whole)
    moved = bench.home.with_name("moved")
    bench.home.rename(moved)
    assert bench.gone(within=10.0)
    told = (moved / "runs" / run_id / "parent.log").read_text()
    assert "has vanished" in told
    assert "Traceback" not in told
    assert not bench.home.exists()
    bench.store.close()
    monkeypatch.setenv(paths.HOME_VARIABLE, str(moved))
    bench.home, bench.store = moved, Store.open()
    assert {run.id for run in queries.list_runs(bench.store)} == {whole, run_id}
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == metrics


@pytest.mark.slow
def test_a_follower_says_it_in_one_sentence(held: Held) -> None:
    bench, run_id = held.bench, held.run_id
    follower = subprocess.Popen(
        [sys.executable, "-m", "sapo_studio.cli", "follow", run_id, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    assert json.loads(follower.stdout.readline())["kind"] == "run"
    (bench.home / "studio.db").unlink()
    _, err = follower.communicate()
    assert follower.returncode == 1
    assert "has vanished" in json.loads(err)["what"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_run_goes_on_when_its_store_is_closed_to_writing(used_bench: tuple[Bench, str]) -> None:
    """What is open stays open; only no backup can be made."""
    bench, whole = used_bench
    run_id = bench.make()
    # Even root may not write there once it has given up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    code = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None); [libc.prctl(24, right, 0, 0, 0) for right in (1, 2)]; "
        f"os.execv(sys.executable, [sys.executable, '-m', 'sapo_engine', 'run', {run_id!r}])"
    )
    environment = {**os.environ, "SAPO_FAKE": json.dumps({"pause_ms": 50})}
    engine = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    bench.until(run_id, lambda run: (run.phase_ordinal or 0) >= 2)
    closed = [bench.home, *bench.home.glob("studio.db*")]
    for path in closed:
        path.chmod(0o555)
    try:
        out, _ = engine.communicate()
    finally:
        bench.home.chmod(0o755)
    assert engine.returncode == 0
    assert "Traceback" not in out
    assert queries.get_run(bench.store, run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == bench.metrics(whole)
    assert bench.rows(run_id) == bench.rows(whole)


@pytest.mark.slow
def test_a_damaged_store_fails_the_run_and_leaves_the_backup(held: Held) -> None:
    bench, run_id = held.bench, held.run_id
    with closing(sqlite3.connect(bench.home / "studio.db")) as other:
        other.executescript("DROP TABLE scores;")
    with Store.open(bench.home / "studio.backup.db") as copy:
        assert copy.value("SELECT count(*) FROM scores") > 0
    backup = (bench.home / "studio.backup.db").read_bytes()
    from sapo_studio import supervisor

    supervisor.stop(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.STOPPED
    assert bench.gone(within=10.0)
    assert (bench.home / "studio.backup.db").read_bytes() == backup
    assert not (bench.home / "studio.backup.previous.db").exists()
    refused = sapo("resume", run_id)
    assert refused.returncode == 1
    assert "parts of it are missing" in refused.stderr
    assert "studio.backup.db" in refused.stderr
