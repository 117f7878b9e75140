"""Evaluation sets through `sapo run`: an untrained model (CoT) on other questions, also killed within a set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from sapo_studio import supervisor
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.tiny_models import write_model
from tests.fixtures.written_tasks import gsm8k_file

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals"), pytest.mark.timeout(600)]

SETS = 250
"""Questions of the larger set: three shards."""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    gsm8k_file(tmp_path / "train.jsonl", 100)
    gsm8k_file(tmp_path / "far.jsonl", SETS, seed=4)
    own = [{"question": f"What is {k} and {k}?", "answer": str(2 * k)} for k in range(20)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in own), encoding="utf-8")
    model = write_model(tmp_path / "model", "llama")
    file = tmp_path / "cot.toml"
    file.write_text(
        f"""
name = "cot"
iterations = 0
[task]
kind = "gsm8k"
train_data = "train.jsonl"
max_new_tokens = 32
train_questions = 50
development_questions = 20
test_questions = 20
[model]
source = {json.dumps(str(model))}
[warmup]
epochs = 0
[sampling]
questions = 10
start_questions = 10
[evaluation]
samples = 2
[[evaluation.sets]]
name = "own words"
kind = "jsonl"
data = "own.jsonl"
samples = 1
[[evaluation.sets]]
name = "far"
kind = "gsm8k"
data = "far.jsonl"
samples = 2
[runtime]
device = "cpu"
""",
        encoding="utf-8",
    )
    return file


def sapo(home: Path, *arguments: str, folder: Path) -> str:
    command = [sys.executable, "-m", "sapo_studio.cli", *arguments]
    env = {**os.environ, "SAPO_STUDIO_HOME": str(home)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def told(home: Path, folder: Path) -> dict[str, Any]:
    return json.loads(sapo(home, "report", "last", "--json", folder=folder))


def test_an_untrained_model_is_measured_and_a_kill_within_a_set_changes_nothing(toml: Path, tmp_path: Path) -> None:
    lines = [
        json.loads(line) for line in sapo(tmp_path / "whole", "run", toml.name, "--json", folder=tmp_path).splitlines()
    ]
    assert {line.get("set", "") for line in lines if line["kind"] == "metric"} == {"", "far", "own words"}
    whole = told(tmp_path / "whole", tmp_path)
    assert [len(rows) for rows in whole["sets"].values()] == [1, 1]
    assert whole["sets"]["far"][0]["n"]["greedy_accuracy"] == SETS
    written = sapo(tmp_path / "whole", "export", "last", "trajectories", "--source", "test", folder=tmp_path)

    home = tmp_path / "killed"
    sapo(home, "run", toml.name, "--detach", folder=tmp_path)
    with Store.open(home / "studio.db") as store:
        (run,) = queries.list_runs(store)

        def within_far(_: object) -> bool:
            return "far" in queries.sets_of(store, run.id)

        assert supervisor.wait_until(store, run.id, within_far, timeout=300) is not None
        engine = psutil.Process(queries.get_run(store, run.id).pid)
        engine.send_signal(signal.SIGKILL)
        engine.wait(30)
        done = store.value("SELECT count(*) FROM phases WHERE status = 'done'")
        supervisor.reconcile(store)
    assert done == 1, "it ended before it could be killed"
    sapo(home, "resume", "last", folder=tmp_path)
    rest = told(home, tmp_path)
    assert (rest["status"], rest["sets"], rest["iterations"]) == ("done", whole["sets"], whole["iterations"])
    assert sapo(home, "export", "last", "trajectories", "--source", "test", folder=tmp_path) == written
