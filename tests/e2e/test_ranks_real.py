"""Two real workers (gloo) on a small lab run: the numbers of one, also when they are disturbed on the way."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from sapo_studio import supervisor
from sapo_studio.config.overrides import configure
from sapo_studio.domain.runs import PhaseName, RunStatus
from sapo_studio.store import queries, runs

if TYPE_CHECKING:
    from conftest import Bench

    Numbers = dict[tuple[int, str], float]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="several processes are refused on Windows"),
]

SECONDS = 400.0
SETTINGS = ["iterations=2", "sampling.questions=300", "sampling.samples=2", "runtime.checkpoint_seconds=1"]
"""Two shards in each sample phase, which is long enough to be met while it is under way."""


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.delenv("SAPO_ENGINE_WORKER")
    bench.seconds = SECONDS
    return bench


def make(lab: Bench, *more: str) -> str:
    preset, config = configure("lab-smoke", [*SETTINGS, *more], seed=7, name=None)
    return runs.create_run(lab.store, config, preset)


def finish(lab: Bench, run_id: str) -> None:
    ended = lab.ended(run_id)
    assert ended.status is RunStatus.DONE, (ended.error, lab.log(run_id))


def numbers(lab: Bench, run_id: str) -> Numbers:
    """All metrics but the measured times."""
    return {key: value for key, value in lab.metrics(run_id).items() if not key[1].endswith("_seconds")}


def begun(lab: Bench, run_id: str, name: PhaseName, iteration: int) -> psutil.Process:
    """Wait for the phase to have begun; a short one may end before it is seen. Returns the run's parent."""

    def has_begun(run_id: str) -> bool:
        return any(
            (phase.name, phase.iteration) == (name, iteration) and phase.status != "pending"
            for phase in queries.phases(lab.store, run_id)
        )

    return psutil.Process(lab.until(run_id, lambda run: has_begun(run.id)).pid)


def rank_1(lab: Bench, run_id: str, parent: psutil.Process) -> psutil.Process:
    def ranks() -> list[psutil.Process]:
        found: list[psutil.Process] = []
        with suppress(psutil.Error):  # one ends, or another begins, while it is looked at
            found += [child for child in parent.children(recursive=True) if child.environ().get("RANK") == "1"]
        return found

    lab.until(run_id, lambda _: bool(ranks()))
    (found,) = ranks()
    return found


def test_two_are_stopped_killed_and_hang_and_come_to_the_same(lab: Bench) -> None:
    """One run of two is paused, stopped, loses a rank by a kill, and then has one that hangs."""
    alone, together = make(lab, "runtime.processes=1"), make(lab, "runtime.processes=2")
    for run_id in (alone, together):
        supervisor.launch(lab.store, run_id)
        finish(lab, run_id)
    assert numbers(lab, together) == pytest.approx(numbers(lab, alone), abs=0.02)

    run_id = make(lab, "runtime.processes=2", "runtime.hang_seconds=20")
    supervisor.launch(lab.store, run_id)
    begun(lab, run_id, PhaseName.SFT, 0)
    supervisor.pause(lab.store, run_id)
    lab.until(run_id, lambda run: run.status is RunStatus.PAUSED)
    supervisor.resume(lab.store, run_id)
    begun(lab, run_id, PhaseName.VERIFIER, 0)
    supervisor.stop(lab.store, run_id)
    assert lab.ended(run_id).status is RunStatus.STOPPED
    assert lab.gone()
    assert "did not stop within" not in lab.log(run_id)

    supervisor.resume(lab.store, run_id)
    rank_1(lab, run_id, begun(lab, run_id, PhaseName.SAMPLE, 1)).send_signal(signal.SIGKILL)
    lab.until(run_id, lambda run: run.restarts == 1)
    assert "Engine worker 2 of 2 (rank 1) was killed by SIGKILL" in lab.log(run_id)

    hung = rank_1(lab, run_id, begun(lab, run_id, PhaseName.SAMPLE, 2))
    hung.suspend()
    finish(lab, run_id)
    log = lab.log(run_id)
    assert "The engine worker hangs. It said nothing for" in log
    assert f"Process {hung.pid} was stopped" in log
    assert "process_group.py" in log, log  # where rank 0 waited for it

    assert queries.get_run(lab.store, run_id).restarts == 2
    assert lab.rows(run_id) == lab.rows(together)
    assert numbers(lab, run_id) == pytest.approx(numbers(lab, together), abs=1e-9)
    assert queries.compute(lab.store, run_id) == queries.compute(lab.store, together)
    assert lab.gone()
