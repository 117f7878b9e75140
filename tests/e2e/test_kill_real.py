"""The same kills with the real worker on `lab-smoke`: what was trained, sampled and labeled comes out the same."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sapo_studio import paths, supervisor
from sapo_studio.config.overrides import configure
from sapo_studio.domain.runs import PhaseName, RunStatus
from sapo_studio.store import queries, runs

if TYPE_CHECKING:
    from conftest import Bench

    Numbers = dict[tuple[int, str], float]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="signals"),
]

SECONDS = 240.0
PARENT_MOMENTS = [
    (PhaseName.SFT, 0),
    (PhaseName.LABEL, 0),
    (PhaseName.EVALUATE, 0),
    (PhaseName.SAMPLE, 1),
    (PhaseName.LABEL, 1),
    (PhaseName.VERIFIER, 1),
    (PhaseName.ALIGN, 1),
]
WORKER_MOMENTS = [(PhaseName.LABEL, 1), (PhaseName.VERIFIER, 1), (PhaseName.ALIGN, 1)]
"""A run is killed at all of them, one after another: what any kill changes shows in the end all the same. Each phase is
among them once, but for the labels, of which the first are others: to start again is what takes time here."""


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.delenv("SAPO_ENGINE_WORKER")
    return bench


@pytest.fixture(scope="module")
def whole() -> dict[str, object]:
    """What an uninterrupted run ends with; filled by the first test that needs it."""
    return {}


def make(lab: Bench, *settings: str) -> str:
    preset, config = configure("lab-smoke", settings, seed=7, name=None)
    return runs.create_run(lab.store, config, preset)


def finish(lab: Bench, run_id: str) -> None:
    ended = supervisor.wait_until(
        lab.store,
        run_id,
        lambda run: not run.status.alive and not supervisor.engine_alive(lab.store, run_id),
        timeout=SECONDS,
    )
    assert ended is not None, lab.log(run_id)
    assert ended.status is RunStatus.DONE, (ended.error, lab.log(run_id))


def reach(lab: Bench, run_id: str, name: PhaseName, iteration: int) -> int:
    """Wait for a phase to have begun; a short one may end in the same commit. Returns the parent's process number."""

    def begun(run_id: str) -> bool:
        return any(
            (phase.name, phase.iteration) == (name, iteration) and phase.status != "pending"
            for phase in queries.phases(lab.store, run_id)
        )

    run = supervisor.wait_until(lab.store, run_id, lambda run: begun(run.id), timeout=SECONDS)
    assert run is not None, lab.log(run_id)
    assert run.pid is not None
    return run.pid


def numbers(lab: Bench, run_id: str) -> Numbers:
    """All metrics but the measured times, and what was computed."""
    found = {key: value for key, value in lab.metrics(run_id).items() if not key[1].endswith("_seconds")}
    for iteration, bill in queries.compute(lab.store, run_id).items():
        for whose, part in (("method", bill.method), ("warm-up", bill.warm_up), ("evaluation", bill.evaluation)):
            assert part is not None
            assert part.complete
            found |= {(iteration, f"{whose} {name}"): float(value) for name, value in asdict(part).items()}
    return found


def undisturbed(lab: Bench, whole: dict[str, object]) -> tuple[object, object]:
    if not whole:
        run_id = make(lab)
        supervisor.launch(lab.store, run_id)
        finish(lab, run_id)
        whole["numbers"], whole["rows"] = numbers(lab, run_id), lab.rows(run_id)
        assert whole["numbers"]
        assert whole["rows"]
        # It is the folder that the documentation describes.
        folder = lab.store.run_dir(run_id)
        assert folder.parent.parent == Path(os.environ[paths.HOME_VARIABLE])
        assert {"config.toml", "engine.log", "parent.log", "artefacts"} <= {path.name for path in folder.iterdir()}
    return whole["numbers"], whole["rows"]


def test_a_killed_parent(lab: Bench, whole: dict[str, object]) -> None:
    expected, rows = undisturbed(lab, whole)
    run_id = make(lab)
    supervisor.launch(lab.store, run_id)
    for name, iteration in PARENT_MOMENTS:
        os.kill(reach(lab, run_id, name, iteration), signal.SIGKILL)
        assert lab.gone()
        kept = lab.rows(run_id)
        assert kept <= rows, name
        assert supervisor.reconcile(lab.store) == [run_id]
        assert queries.get_run(lab.store, run_id).status is RunStatus.INTERRUPTED
        supervisor.resume(lab.store, run_id)
        assert kept <= lab.rows(run_id), name
    finish(lab, run_id)
    assert lab.rows(run_id) == rows
    assert numbers(lab, run_id) == pytest.approx(expected, abs=1e-6)
    assert lab.gone()


def test_pause_and_stop_and_then_a_killed_worker(lab: Bench, whole: dict[str, object]) -> None:
    expected, rows = undisturbed(lab, whole)
    run_id = make(lab, f"runtime.max_restarts={len(WORKER_MOMENTS)}")
    supervisor.launch(lab.store, run_id)
    reach(lab, run_id, PhaseName.SFT, 0)
    supervisor.pause(lab.store, run_id)
    assert supervisor.wait_until(lab.store, run_id, lambda run: run.status is RunStatus.PAUSED, timeout=SECONDS)
    supervisor.resume(lab.store, run_id)
    reach(lab, run_id, PhaseName.VERIFIER, 0)
    supervisor.stop(lab.store, run_id)
    assert supervisor.wait_until(lab.store, run_id, lambda run: run.status is RunStatus.STOPPED, timeout=SECONDS)
    assert lab.gone()
    supervisor.resume(lab.store, run_id)
    for times, (name, iteration) in enumerate(WORKER_MOMENTS):
        parent = reach(lab, run_id, name, iteration)
        (worker,) = (process for process in lab.processes() if process.ppid() == parent)
        worker.kill()
        lab.until(run_id, lambda run, times=times: run.restarts == times + 1)
    finish(lab, run_id)
    assert queries.get_run(lab.store, run_id).restarts == len(WORKER_MOMENTS)
    assert lab.rows(run_id) == rows
    assert numbers(lab, run_id) == pytest.approx(expected, abs=1e-6)
    assert lab.gone()
