"""One engine, one run: from launch to each way it can end."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from sapo_studio import paths, supervisor
from sapo_studio.app.reports.run_report import report
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.processes import identify
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from tests.fixtures.old_stores import unpacked
from tests.fixtures.racers import launch, race

if TYPE_CHECKING:
    from conftest import Bench

    Numbers = tuple[object, object]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

MIDDLE = (2, 3)
"""Phase and step in the middle of the fake run."""


def test_a_run_from_start_to_end(bench: Bench) -> None:
    run_id = bench.make()
    run = bench.run(run_id, child=True)
    assert run.status is RunStatus.DONE
    assert run.progress == 1.0
    assert run.restarts == 0
    assert run.pid is None
    assert set(bench.metrics(run_id)) == {
        (i, name) for i in range(3) for name in ("sampled_accuracy", "greedy_accuracy")
    }
    assert all(phase.status == "done" for phase in queries.phases(bench.store, run_id))
    folder = bench.store.run_dir(run_id)
    assert tomllib.loads((folder / "config.toml").read_text())["seed"] == 3
    assert not (folder / ".reserve").exists()
    assert bench.gone()  # with what the worker has started


def test_a_backup_is_left_that_can_be_opened(used_bench: tuple[Bench, str]) -> None:
    bench, run_id = used_bench
    backup = sqlite3.connect(bench.home / "studio.backup.db")
    (status,) = backup.execute("SELECT status FROM runs WHERE id = ?", (run_id,)).fetchone()
    (count,) = backup.execute("SELECT count(*) FROM trajectories").fetchone()
    backup.close()
    assert status == "done"
    assert count == len(bench.rows(run_id))


@pytest.mark.slow
def test_floods_of_noise_do_not_stall_a_run(bench: Bench) -> None:
    run_id = bench.make()
    assert bench.run(run_id, flood=20).status is RunStatus.DONE
    assert (bench.store.run_dir(run_id) / "engine.log").stat().st_size > 35 * 2**20


def test_pause_and_resume(bench: Bench, undisturbed: Numbers) -> None:
    run_id = bench.make()
    bench.launch(run_id, pause_ms=50)
    bench.until(run_id, lambda run: run.status is RunStatus.RUNNING and run.progress > 0)
    supervisor.pause(bench.store, run_id)
    paused = bench.until(run_id, lambda run: run.status is RunStatus.PAUSED)
    assert bench.until(run_id, lambda run: (run.heartbeat_at or 0) > (paused.heartbeat_at or 0) + 1)
    assert queries.get_run(bench.store, run_id).progress == paused.progress
    assert queries.get_run(bench.store, run_id).active_seconds == pytest.approx(paused.active_seconds, abs=1.2)
    supervisor.resume(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == undisturbed[0]


def test_stop_and_go_on(bench: Bench, undisturbed: Numbers) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=MIDDLE)
    bench.at(run_id, *MIDDLE)
    supervisor.stop(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.STOPPED
    assert bench.gone()
    assert bench.run(run_id).status is RunStatus.DONE
    assert bench.metrics(run_id) == undisturbed[0]


@pytest.mark.slow
def test_stop_while_paused(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, pause_ms=50)
    bench.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    supervisor.pause(bench.store, run_id)
    bench.until(run_id, lambda run: run.status is RunStatus.PAUSED)
    supervisor.stop(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.STOPPED


def test_orders_reach_the_worker(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=MIDDLE)
    bench.at(run_id, *MIDDLE)
    supervisor.checkpoint(bench.store, run_id)
    bench.until(run_id, lambda run: "checkpoint written" in bench.log(run_id))
    supervisor.stop_after_phase(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.STOPPED
    states = [phase.status for phase in queries.phases(bench.store, run_id)]
    assert states[:4] == ["done", "done", "done", "pending"]


def test_a_worker_that_asks_to_be_started_again_is(bench: Bench, undisturbed: Numbers) -> None:
    """As the driver of a cluster does once there is room for all workers: no loss, so that it does not count as one."""
    run_id = bench.make()
    assert bench.run(run_id, again=[1, "The run goes on with 2 workers."]).status is RunStatus.DONE
    assert bench.metrics(run_id) == undisturbed[0]
    assert "The run goes on with 2 workers." in bench.log(run_id)
    assert queries.get_run(bench.store, run_id).restarts == 0


def test_kill_ends_a_deaf_worker_and_all_it_started(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=MIDDLE, deaf=True, child=True)
    bench.at(run_id, *MIDDLE)
    assert len(bench.processes()) == 3
    ended = supervisor.kill(bench.store, run_id)
    assert (ended.processes, ended.words) == (3, "3 processes ended, none is left.")
    assert bench.log(run_id).endswith("Killed. 3 processes ended, none is left.")
    assert bench.gone()
    assert queries.get_run(bench.store, run_id).status is RunStatus.STOPPED


def test_a_second_engine_is_refused(bench: Bench) -> None:
    run_id = bench.make()
    bench.launch(run_id, hold=MIDDLE)
    first = bench.at(run_id, *MIDDLE)
    with pytest.raises(InputError, match="running"):
        supervisor.launch(bench.store, run_id)
    second = subprocess.run(
        [sys.executable, "-m", "sapo_engine", "run", run_id], capture_output=True, text=True, check=False
    )
    assert second.returncode == 2
    assert "already running" in second.stderr
    assert str(first.pid) in second.stderr
    assert queries.get_run(bench.store, run_id).pid == first.pid
    assert queries.get_run(bench.store, run_id).status is RunStatus.RUNNING


@pytest.mark.slow
def test_of_two_callers_one_starts_the_engine(bench: Bench) -> None:
    rounds = [bench.make() for _ in range(6)]
    for run_id, told in zip(rounds, race(launch, bench.store.path, rounds), strict=True):
        assert sorted(told)[-1] == "launched"
        assert sorted(told)[0] in {f"{run_id} is being started", f"{run_id} is running", f"{run_id} is done"}
        assert bench.ended(run_id).status is RunStatus.DONE
        assert (bench.store.run_dir(run_id) / "parent.log").read_text() == ""
    assert len({frozenset(bench.metrics(run_id).items()) for run_id in rounds}) == 1
    assert bench.gone()


@pytest.mark.slow
def test_of_two_engines_on_a_queued_run_one_works(
    bench: Bench, undisturbed: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = bench.make()
    monkeypatch.setenv("SAPO_FAKE", json.dumps({"hold": MIDDLE}))
    command = [sys.executable, "-m", "sapo_engine", "run", run_id]
    engines = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    run = bench.at(run_id, *MIDDLE)
    first, second = sorted(engines, key=lambda engine: engine.pid != run.pid)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 2
    assert f"{run_id} is already running" in said
    assert str(first.pid) in said
    assert queries.get_run(bench.store, run_id).pid == first.pid
    supervisor.stop(bench.store, run_id)
    first.communicate(timeout=60)
    assert first.returncode == 3
    # Whole: it goes on, and comes to what a run comes to that one engine has done at a stretch.
    assert bench.run(run_id).status is RunStatus.DONE
    assert (bench.metrics(run_id), bench.rows(run_id)) == undisturbed


@pytest.mark.slow
def test_an_engine_leaves_a_run_alone_that_another_was_started_for(bench: Bench) -> None:
    """The other has not taken it yet: its number stands in the store, and it lives."""
    run_id = bench.make()
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = identify(other.pid)
    runs.heartbeat(bench.store, run_id, pid=identity.pid, pid_started=identity.started)
    before = queries.get_run(bench.store, run_id)
    command = [sys.executable, "-m", "sapo_engine", "run", run_id]
    engine = subprocess.run(command, capture_output=True, text=True, check=False)
    assert engine.returncode == 2
    assert f"{run_id} is being started" in engine.stderr
    assert queries.get_run(bench.store, run_id) == before
    other.communicate(b"\n")
    # With the other gone the run is free again.
    engine = subprocess.run(command, capture_output=True, text=True, check=False)
    assert engine.returncode == 0, engine.stderr
    assert queries.get_run(bench.store, run_id).status is RunStatus.DONE


def test_a_done_run_is_not_run_again(used_bench: tuple[Bench, str]) -> None:
    bench, run_id = used_bench
    with pytest.raises(InputError, match="done"):
        supervisor.launch(bench.store, run_id)
    with pytest.raises(InputError, match="done"):
        supervisor.stop(bench.store, run_id)
    with pytest.raises(InputError, match="done"):
        supervisor.kill(bench.store, run_id)


def test_a_queued_run_is_stopped_without_an_engine(bench: Bench) -> None:
    run_id = bench.make()
    supervisor.stop(bench.store, run_id)
    assert queries.get_run(bench.store, run_id).status is RunStatus.STOPPED


def test_a_fault_that_repeating_cannot_mend_ends_the_run(bench: Bench) -> None:
    run_id = bench.make()
    run = bench.run(run_id, fail=MIDDLE, fix="Resume: sapo resume RUN --set optimiser.learning_rate=...")
    assert run.status is RunStatus.FAILED
    assert run.restarts == 0
    assert run.error is not None
    assert (run.error.what, run.error.why, run.error.fix) == (
        "The task has no questions",
        "The file is empty.",
        f"Resume: sapo resume {run_id} --set optimiser.learning_rate=...",  # says which run
    )
    assert bench.run(run_id).status is RunStatus.DONE  # and can be resumed once it is mended
    assert queries.get_run(bench.store, run_id).error is None


def test_too_many_deaths_end_the_run_with_the_reason(bench: Bench) -> None:
    run_id = bench.make(max_restarts=1)
    run = bench.run(run_id, die=[*MIDDLE, "exit", 9])
    assert run.status is RunStatus.FAILED
    assert run.restarts == 1
    assert run.error is not None
    assert "exit code 7" in run.error.what
    assert "Starting it again (1 of 1)" in bench.log(run_id)


@pytest.mark.slow
def test_out_of_memory_is_named(bench: Bench) -> None:
    run_id = bench.make(max_restarts=0)
    run = bench.run(run_id, die=[*MIDDLE, "oom", 1])
    assert run.error is not None
    assert run.error.what == "The engine worker ran out of memory"
    assert "Tried to allocate 2 GiB" in run.error.why
    assert "rollout_batch" in run.error.fix


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused(bench: Bench) -> None:
    run_id = bench.make()
    run = bench.run(run_id, protocol=99)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert "another version" in run.error.what
    assert run.restarts == 0


@pytest.mark.slow
def test_a_worker_that_cannot_be_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAPO_ENGINE_WORKER", "/no/such/program")
    run_id = bench.make()
    run = bench.run(run_id)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert "could not be started" in run.error.what


@pytest.mark.slow
def test_a_store_that_is_locked_for_a_while_costs_nothing(bench: Bench, undisturbed: Numbers) -> None:
    run_id = bench.make()
    bench.launch(run_id, pause_ms=20)
    bench.until(run_id, lambda run: run.status is RunStatus.RUNNING and run.progress > 0)
    with bench.store.atomic():  # longer than the run takes: its events wait in the parent
        assert bench.comes_true((bench.store.run_dir(run_id) / "artefacts" / "phase-7").exists)
    assert bench.ended(run_id).status is RunStatus.DONE
    assert (bench.metrics(run_id), bench.rows(run_id)) == undisturbed


def limited(run_id: str, most_bytes: int, **fake: object) -> subprocess.CompletedProcess[str]:
    """An engine that may make no file larger than that: it meets what a full disk does, and no disk is filled."""
    code = (
        "import resource, runpy, sys; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes})); "
        f"sys.argv = ['sapo_engine', 'run', {run_id!r}]; runpy.run_module('sapo_engine', run_name='__main__')"
    )
    environment = {**os.environ, "SAPO_FAKE": json.dumps(fake)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


ROWS = 200
"""A step's: enough for a run to outgrow the store that one as large has left."""


@pytest.mark.parametrize("room", [0, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("used_bench", [{"rows": ROWS}], indirect=True)
def test_a_full_disk_is_told_and_survived(used_bench: tuple[Bench, str], room: int) -> None:
    bench, whole = used_bench
    run_id = bench.make()
    ended = limited(run_id, (bench.home / "studio.db").stat().st_size + room, rows=ROWS)
    assert ended.returncode == 1
    assert "resume the run" in ended.stdout + ended.stderr
    run = queries.get_run(bench.store, run_id)
    if run.status is RunStatus.RUNNING:  # neither file has room for the state: who looks next finds the engine gone
        assert supervisor.reconcile(bench.store) == [run_id]
    else:
        assert run.status is RunStatus.FAILED
        assert run.error is not None
        assert "file size limit" in run.error.why or "full" in run.error.what
        assert "resume the run" in run.error.fix
    assert bench.gone()
    kept = bench.rows(run_id)
    assert bench.run(run_id, rows=ROWS).status is RunStatus.DONE
    assert kept <= bench.rows(run_id) == bench.rows(whole)
    assert bench.metrics(run_id) == bench.metrics(whole)


@pytest.mark.slow
def test_a_disk_without_any_room_is_told(bench: Bench) -> None:
    run_id = bench.make()
    ended = limited(run_id, 1024)
    assert ended.returncode == 1
    assert "The disk may be full" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert bench.gone()
    supervisor.reconcile(bench.store)
    assert bench.run(run_id).status is RunStatus.DONE


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_read_only_store_is_told(bench: Bench) -> None:
    run_id = bench.make()
    bench.store.close()
    closed = [bench.home, *bench.home.glob("studio.db*")]
    for path in closed:
        path.chmod(0o555)
    # Even root may not write there once it has given up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
    code = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None); [libc.prctl(24, right, 0, 0, 0) for right in (1, 2)]; "
        f"os.execv(sys.executable, [sys.executable, '-m', 'sapo_engine', 'run', {run_id!r}])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    bench.home.chmod(0o755)
    bench.store = Store.open(bench.home / "studio.db")
    assert ended.returncode == 1
    assert "read-only" in ended.stderr
    assert paths.HOME_VARIABLE in ended.stderr  # says what to do
    assert "Traceback" not in ended.stderr


def test_an_engine_that_dies_before_it_has_the_run_is_noticed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    new, stopped = bench.make(), bench.make()
    supervisor.stop(bench.store, stopped)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for run_id, before in ((new, RunStatus.QUEUED), (new, RunStatus.FAILED), (stopped, RunStatus.STOPPED)):
        assert queries.get_run(bench.store, run_id).status is before
        supervisor.launch(bench.store, run_id)
        run = bench.until(run_id, lambda run: run.status is RunStatus.FAILED and run.pid is None)
        assert run.error is not None
        assert run.error.what == "The engine exited during startup"
        assert "exit code 1" in run.error.why
        assert "parent.log" in run.error.fix


@pytest.mark.parametrize("before", [RunStatus.QUEUED, pytest.param(RunStatus.FAILED, marks=pytest.mark.slow)])
def test_an_engine_that_is_lost_before_it_could_say_anything_leaves_an_interrupted_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, before: RunStatus
) -> None:
    run_id = bench.make()
    if before is RunStatus.FAILED:
        folder = bench.store.run_dir(run_id)
        (folder / "config.toml").mkdir(parents=True)  # the engine cannot write its file there
        assert bench.run(run_id).status is before
        shutil.rmtree(folder / "config.toml")
        (folder / "parent.log").write_text("What the start before had to say\n")
    killed = bench.home / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(killed))
        supervisor.launch(bench.store, run_id)
    run = bench.until(run_id, lambda run: run.status is not before and run.pid is None)
    assert (run.status, run.error) == (RunStatus.INTERRUPTED, None)
    assert bench.run(run_id).status is RunStatus.DONE


def test_an_engine_of_another_window_that_went_with_the_machine_leaves_an_interrupted_run(bench: Bench) -> None:
    """Nobody who is left knows how it ended: what it printed decides."""
    for said, status in (("", RunStatus.INTERRUPTED), ("ModuleNotFoundError: sapo_engine", RunStatus.FAILED)):
        run_id = bench.make()
        runs.heartbeat(bench.store, run_id, pid=2**22 + 1, pid_started=1.0)  # higher than numbers of processes go
        folder = bench.store.run_dir(run_id)
        folder.mkdir(parents=True)
        (folder / "parent.log").write_text(said)
        assert supervisor.reconcile(bench.store) == [run_id]
        run = queries.get_run(bench.store, run_id)
        assert run.status is status
        assert (run.error.why if run.error else "") == said


@pytest.mark.slow
def test_a_run_of_the_first_store_is_resumed(bench: Bench) -> None:
    """Its configuration has a setting that is gone by now."""
    bench.store.close()
    bench.store = Store.open(unpacked(1, bench.home / "studio.db"))
    assert "labels" in json.loads(bench.store.value("SELECT config FROM runs"))["verifier"]
    bench.store.execute("UPDATE runs SET status = 'stopped'")
    bench.store.execute("DELETE FROM phases")  # the worker of these tests has other ones
    supervisor.resume(bench.store, "old-1")
    ended = bench.ended("old-1")
    assert ended.status is RunStatus.DONE, (ended.error, bench.log("old-1"))


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_told(bench: Bench) -> None:
    run_id = bench.make()
    folder = bench.store.run_dir(run_id)
    (folder / "config.toml").mkdir(parents=True)  # the engine cannot write its file there
    run = bench.run(run_id)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert "folder" in run.error.what
    shutil.rmtree(folder / "config.toml")
    assert bench.run(run_id).status is RunStatus.DONE


@pytest.mark.slow
def test_no_room_on_another_disk_is_told(bench: Bench) -> None:
    """A file of the worker's did not fit, though the data folder has room: some other disk is full."""
    run_id = bench.make()
    artefact = bench.store.run_dir(run_id) / "artefacts" / "phase-2.3"
    artefact.parent.mkdir(parents=True)
    artefact.with_name("phase-2.3.partial").symlink_to("/dev/full")
    run = bench.run(run_id, says=True)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.what == "The engine found no room for a file"
    assert "No space left on device" in run.error.why
    artefact.with_name("phase-2.3.partial").unlink()
    artefact.unlink(missing_ok=True)
    assert bench.run(run_id).status is RunStatus.DONE


def test_a_worker_that_hangs_is_noticed_and_started_again(bench: Bench, undisturbed: Numbers) -> None:
    run_id = bench.make(hang_seconds=1.5)
    run = bench.run(run_id, hang=[2, 3, 1])
    assert (run.status, run.restarts) == (RunStatus.DONE, 1)
    log = bench.log(run_id)
    assert "The engine worker hangs. It said nothing for" in log
    assert "get_nowhere" in log  # the stacks say where
    assert (bench.metrics(run_id), bench.rows(run_id)) == undisturbed
    assert bench.gone()


@pytest.mark.slow
def test_a_pause_is_no_hang(bench: Bench) -> None:
    run_id = bench.make(hang_seconds=0.5)
    bench.launch(run_id, hold=[7, 4], pause_ms=50)
    bench.until(run_id, lambda run: run.status is RunStatus.RUNNING)
    supervisor.pause(bench.store, run_id)
    bench.until(run_id, lambda run: run.status is RunStatus.PAUSED)
    beats = queries.get_run(bench.store, run_id).heartbeat_at or 0.0
    bench.until(run_id, lambda run: (run.heartbeat_at or 0.0) > beats + 2.0)
    assert queries.get_run(bench.store, run_id).restarts == 0
    supervisor.stop(bench.store, run_id)
    bench.ended(run_id)


def test_a_rule_ends_the_run_after_an_iteration(bench: Bench) -> None:
    config = RunConfig.model_validate(
        {"name": "fake", "seed": 3, "iterations": 4, "early_stop": {"flat_iterations": 1, "flat_gain": 1.0}}
    )
    run_id = runs.create_run(bench.store, config)
    run = bench.run(run_id)
    assert (run.status, run.progress) == (RunStatus.DONE, 1.0)
    assert max(iteration for iteration, _ in bench.metrics(run_id)) == 1
    assert [phase.status for phase in queries.phases(bench.store, run_id)] == ["done"] * 5
    assert "The run ends after iteration 1 of 4: over one iteration sampled accuracy rose" in bench.log(run_id)
    assert report(bench.store, run_id).stopped_early.startswith("over one iteration sampled accuracy rose")
