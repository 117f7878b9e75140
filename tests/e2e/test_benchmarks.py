"""People's judgements put to use, by `sapo` and real engines: as a benchmark, and as the next verifier's labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sapo_studio import supervisor
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.formats.registry import read_file
from sapo_studio.store import benchmarks, queries
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from tests.fixtures import command_line

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(folder))
    return folder


def sapo(*arguments: str) -> str:
    done = command_line.sapo(*arguments)
    assert done.returncode in (0, 3), (arguments, done.stdout, done.stderr)
    return done.stdout


def judge(store: Store, source: str, count: int) -> list[int]:
    """Say of some trajectories what is true, as a person would. Returns their ids."""
    rows = store.rows(
        "SELECT id, n_steps, truth FROM trajectories WHERE source = ? ORDER BY id LIMIT ?", (source, count)
    )
    for identity, n, truth in rows:
        annotate(store, identity, "ann", first_error_here(n, truth) if truth else no_error(n))
    return [identity for identity, *_ in rows]


def test_judged_during_a_run_and_after_it(home: Path, tmp_path: Path):
    begun = sapo(
        "run", "lab-smoke", "--set", "labeling.people=use", "--set", "runtime.device=cpu", "--detach", "--json"
    )
    run = json.loads(begun.splitlines()[-1])["run_id"]
    with Store.open() as store:
        # Stopped once there is something to judge, wherever the engine is by then.
        assert supervisor.wait_until(
            store,
            run,
            lambda _: bool(store.value("SELECT count(*) FROM trajectories WHERE source = 'sample'")),
            timeout=200,
        )
        supervisor.stop_after_phase(store, run, "test")
        assert supervisor.wait_until(store, run, lambda one: one.status.value == "stopped", timeout=200)
        first = judge(store, "sample", 12)
        sapo("resume", run, "--json")
        used = store.rows("SELECT verifier, trajectory_id, reasons FROM training_labels")
        assert {trajectory for _, trajectory, _ in used} == set(first)
        assert 1 in {verifier for verifier, *_ in used}
        assert all(set(reasons) == {"p"} for *_, reasons in used)
        found = queries.metrics(store, run)
        steps = int(
            store.value("SELECT sum(n_steps) FROM trajectories WHERE id IN (SELECT trajectory_id FROM annotations)")
        )
        assert found[1]["people_labels"].value == steps
        assert 0 <= found[1]["people_changed"].value <= steps

        judge(store, "process", 12)
        assert "24" in sapo("benchmark", "make", "judged", "--from", run, "--per-question", "99")
        sapo("benchmark", "make", "judged", "--from", run, "--held-out", "--split", "0")
        sapo("benchmark", "freeze", "judged")
        frozen = benchmarks.find_benchmark(store, "judged@2", frozen=True)
        assert frozen.rows == 12
        rows = benchmarks.solutions(frozen, benchmarks.read_rows(store, frozen))
    measured = json.loads(sapo("evaluate", run, "--benchmark", "judged@2", "--json"))
    assert measured["benchmark"]["solutions"] == 12
    assert "leaks" not in measured
    file = tmp_path / "judged.jsonl"
    sapo("benchmark", "export", "judged@2", "processbench", "-o", str(file))
    assert read_file(file) == rows
    assert json.loads(sapo("evaluate", run, "--benchmark", str(file), "--json"))["benchmark"] == measured["benchmark"]
    studied = json.loads(sapo("people-study", run, "--benchmark", "judged@2", "--json"))
    assert studied["judged"] == 12
    assert studied["with"]["solutions"] == 12
