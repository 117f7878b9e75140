"""Solutions for a process benchmark, written by SmolLM2-135M and by a model that knows nothing, on GSM8K and MBPP: as
the paper built GSM_Process and MBPP_Process, at a size that a test can pay for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sapo_engine.grading.programs import probe
from sapo_studio.config.presets import to_toml
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.formats.registry import read_file
from sapo_studio.store import benchmarks, runs
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo
from tests.fixtures.smollm2 import smollm2
from tests.fixtures.tiny_models import write_model

__all__ = ["smollm2"]

SHARED = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
FILES = {"gsm8k": ("gsm8k_train.jsonl", "gsm8k_test.jsonl"), "mbpp": ("mbpp_train.jsonl", "mbpp_validation.jsonl")}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(not (SHARED / "gsm8k_test.jsonl").is_file(), reason=f"the shared data are not in {SHARED}"),
]


@pytest.fixture(params=["gsm8k", "mbpp"])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of task."""
    if request.param == "mbpp" and probe()[0] == "none":
        pytest.skip("there is no sandbox here")
    return request.param


@pytest.fixture
def like(kind: str, smollm2: Path) -> str:
    """A run that was set up and never began: its task, questions and prompt are all that is asked of it."""
    train, test = (str(SHARED / name) for name in FILES[kind])
    sizes = {"train_questions": 50, "development_questions": 20, "test_questions": 40}
    task = {"kind": kind, "train_data": train, "test_data": test, "prompt": "chat", "max_new_tokens": 64, **sizes}
    config = parse_config(
        {
            "name": kind,
            "iterations": 1,
            "task": task,
            "model": {"source": str(smollm2), "tuning": "lora", "lora_rank": 8},
            "sampling": {"questions": 10, "start_questions": 10},
            "verifier": {"base": "shared"},
            "runtime": {"rollout_batch": 32, "threads": 1, "device": "cpu"},
        }
    )
    with Store.open() as store:
        run = runs.create_run(store, config)
        store.run_dir(run).mkdir(parents=True)
        (store.run_dir(run) / "config.toml").write_text(to_toml(config))
    return run


@pytest.fixture
def models(smollm2: Path, tmp_path: Path) -> str:
    """One that writes steps, and one that knows nothing."""
    return f"{smollm2},{write_model(tmp_path / 'nothing', 'qwen2')}"


def test_left_to_people_and_made_a_benchmark(like: str, models: str, kind: str, smollm2: Path):
    told = sapo(
        *("benchmark", "sample", "judged", "--models", models, "--like", like, "--for-people", "--as", "ann"),
        *("--questions", "3", "--samples", "2", "--json"),
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["questions"] == 3
    assert 3 <= found["waiting"] <= 6
    assert found["solutions"] >= found["waiting"]
    test = {json.loads(line).get("question" if kind == "gsm8k" else "text") for line in _lines(FILES[kind][1])}
    with Store.open() as store:
        rows = store.rows(
            "SELECT t.id, t.n_steps, t.correct, q.text FROM trajectories t JOIN questions q ON q.id = t.question_id"
            " WHERE t.run_id = ?",
            (found["run_id"],),
        )
        assert {text.split("\n")[0] for *_, text in rows} <= {text.split("\n")[0] for text in test}
        for identity, n, correct, _ in rows[1:]:
            annotate(store, identity, "ann", no_error(n) if correct else first_error_here(n, n))
    made = json.loads(sapo("benchmark", "make", "judged", "--from", "judged", "--split", "0", "--json").stdout)
    assert (made["rows"], made["waiting"], made["trained"]) == (len(rows) - 1, 1, 0)
    assert sapo("benchmark", "freeze", "judged").returncode == 0
    with Store.open() as store:
        frozen = benchmarks.find_benchmark(store, "judged@1", frozen=True)
        kept = benchmarks.read_rows(store, frozen)
        measured, _ = benchmarks.write_files(store, frozen)
    assert {one.generator for one in kept} <= {smollm2.name, "nothing"}
    assert all(bool(one.tests) == (kind == "mbpp") for one in kept)
    assert all(bool(one.answer) == (kind == "gsm8k") for one in kept)
    assert len(read_file(measured)) == len(kept)


@pytest.mark.parametrize("kind", ["gsm8k"], indirect=True)  # from every line of a program they take many minutes
def test_labeled_by_rollouts(like: str, kind: str, smollm2: Path):
    told = sapo(
        *("benchmark", "sample", "labeled", "--models", str(smollm2), "--like", like),
        *("--questions", "2", "--samples", "1", "--rollouts", "2", "--split", "0", "--json"),
    )
    assert told.returncode == 0, told.stderr
    with Store.open() as store:
        rows = benchmarks.read_rows(store, benchmarks.find_benchmark(store, json.loads(told.stdout)["benchmark"]))
    assert len(rows) == 2
    for row in rows:
        assert row.first_error == 0 if row.correct else 1 <= row.first_error <= len(row.steps)
        assert row.generator == smollm2.name


def _lines(name: str) -> list[str]:
    return (SHARED / name).read_text().splitlines()
