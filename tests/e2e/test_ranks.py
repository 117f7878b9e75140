"""Several workers under one launcher: told apart, ended together, started again together."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from sapo_engine.parent import exit_reasons as deaths
from sapo_engine.parent.worker_process import worker_command
from sapo_studio import supervisor
from sapo_studio.config.schema import RunConfig, RuntimeConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Bench

pytestmark = pytest.mark.skipif(os.name != "posix", reason="several processes are refused on Windows")


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """Patient: a launcher takes seconds to load torch, more on a busy machine."""
    bench.seconds = 120.0
    return bench


def ranks(bench: Bench, run_id: str) -> dict[int, psutil.Process]:
    """The workers of a run by rank."""
    parent = psutil.Process(queries.get_run(bench.store, run_id).pid)
    found = [child for child in parent.children(recursive=True) if "RANK" in child.environ()]
    return {int(child.environ()["RANK"]): child for child in found}


def test_two_workers_pause_and_come_to_an_end(bench: Bench, undisturbed: tuple[object, object]) -> None:
    two = bench.make(processes=2)
    bench.launch(two, pause_ms=100)
    bench.until(two, lambda run: run.status is RunStatus.RUNNING)
    supervisor.pause(bench.store, two)
    bench.until(two, lambda run: run.status is RunStatus.PAUSED)
    supervisor.resume(bench.store, two)
    assert bench.ended(two).status is RunStatus.DONE
    assert (bench.metrics(two), bench.rows(two)) == undisturbed
    assert bench.gone()
    assert not (bench.store.run_dir(two) / "launch").exists()


REASONS = {
    signal.SIGKILL: "Engine worker 2 of 2 (rank 1) was killed by SIGKILL",
    "exit": "Engine worker 2 of 2 (rank 1) ended with exit code 7",
    "oom": "Engine worker 2 of 2 (rank 1) ran out of memory",
    "failed": "The device ran out of memory. In engine worker 2 of 2 (rank 1). It is small.",
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_worker_dies_and_all_start_again_each_time(bench: Bench, undisturbed: tuple[object, object]) -> None:
    bench.seconds *= 3  # five starts
    run_id = bench.make(processes=2, max_restarts=len(REASONS))
    run = bench.run(run_id, die=[2, 3, [*REASONS], len(REASONS)], die_rank=1)
    assert run.status is RunStatus.DONE
    assert run.restarts == len(REASONS)
    log = bench.log(run_id)
    for times, reason in enumerate(REASONS.values(), start=1):
        again = f"Starting it again ({times} of {len(REASONS)})"
        assert any(reason in line and again in line for line in log.splitlines()), log
    assert (bench.metrics(run_id), bench.rows(run_id)) == undisturbed
    assert bench.gone()


@pytest.mark.slow
def test_rank_0_dies(bench: Bench) -> None:
    run_id = bench.make(processes=2, max_restarts=0)
    run = bench.run(run_id, die=[2, 3, signal.SIGKILL, 1])
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.what == "Engine worker 1 of 2 (rank 0) was killed by SIGKILL"
    assert bench.gone()


@pytest.mark.slow
def test_a_killed_parent_takes_launcher_and_workers_with_it(bench: Bench) -> None:
    run_id = bench.make(processes=2)
    bench.launch(run_id, hold=[2, 3])
    parent = bench.at(run_id, 2, 3)
    assert set(ranks(bench, run_id)) == {0, 1}
    assert len(bench.processes()) == 4
    os.kill(parent.pid or 0, signal.SIGKILL)
    assert bench.gone()


@pytest.mark.slow
def test_a_stop_reaches_rank_0_and_a_killed_launcher_takes_the_workers_with_it(bench: Bench) -> None:
    run_id = bench.make(processes=2, max_restarts=0)
    bench.launch(run_id, hold=[2, 3])
    bench.at(run_id, 2, 3)
    supervisor.stop(bench.store, run_id)
    assert bench.ended(run_id).status is RunStatus.STOPPED
    assert bench.gone()
    bench.launch(run_id, hold=[2, 4])
    bench.at(run_id, 2, 4)
    psutil.Process(ranks(bench, run_id)[0].ppid()).kill()
    assert bench.ended(run_id).status is RunStatus.FAILED
    assert bench.gone()


# -- Refusals


def test_too_many_processes_for_the_cards(bench: Bench) -> None:
    run_id = bench.make(processes=2, device="cuda", gpus="0")
    run = bench.run(run_id)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.what.startswith("runtime.processes = 2, but there")
    assert run.restarts == 0


def test_several_are_refused_on_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert len(worker_command(RuntimeConfig(), tmp_path)) > 1
    with pytest.raises(InputError, match="Windows"):
        worker_command(RuntimeConfig(processes=2), tmp_path)


def test_the_launcher_is_left_out_for_one(tmp_path: Path) -> None:
    assert "sapo_engine.worker.launch" not in worker_command(RunConfig().runtime, tmp_path)
    command = worker_command(RuntimeConfig(processes=3, threads=2, device="cpu"), tmp_path)
    assert {"sapo_engine.worker.launch", "--processes=3", "--threads=2", "--device=cpu"} <= set(command)


# -- Reasons


def test_the_first_ranks_end_is_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text(f"a word before\n{deaths.rank_line(1, 4, -9)}\n")
    reason = deaths.explain(1, log, oom_kills_before=10**9)
    assert reason.what == "Engine worker 2 of 4 (rank 1) was killed by SIGKILL"
    assert "out of memory" in deaths.explain(1, log, oom_kills_before=-1).what
    log.write_text(f"RuntimeError: DefaultCPUAllocator: can't allocate memory\n{deaths.rank_line(3, 4, 1)}\n")
    assert deaths.explain(1, log).what == "Engine worker 4 of 4 (rank 3) ran out of memory"
