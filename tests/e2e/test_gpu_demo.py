"""`make gpu-demo` without a card: stopped when its time is up, gone on with, and (slow) whole on a real model."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sapo_engine.models.loading import load_model, save_model
from sapo_engine.models.sources import gguf_folder
from sapo_studio.config.phase_plan import plan
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PhaseName, RunStatus
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from tests.fixtures.smollm2 import smollm2
from tests.fixtures.written_tasks import gsm8k_file

__all__ = ["smollm2"]

if TYPE_CHECKING:
    from conftest import Bench

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "benchmarks" / "gpu_demo.py")
SHARE = 0.01
SMALLER = {
    "task.max_new_tokens": 24,
    "warmup.epochs": 0.1,
    "warmup.batch_size": 4,
    "sampling.samples": 2,
    "labeling.rollouts": 2,
    "labeling.wave": 2,
    "verifier.epochs": 0.5,
    "verifier.batch_size": 4,
    "optimiser.epochs": 0.5,
    "optimiser.batch_size": 4,
    "optimiser.guard": "off",
    "evaluation.samples": 1,
    "evaluation.mce_rollouts": 1,
}
"""A hundredth of the sizes is no hundredth of the work on a CPU: what a card does side by side, it does one by one."""
BLOCKS = 2
"""Of SmolLM2's thirty, for the same reason. Vocabulary and tokenizer are whole."""


def shallow(file: Path, folder: Path) -> Path:
    """The model in a GGUF file with its first blocks alone."""
    network, tokenizer = load_model(gguf_folder(file))
    network.config.num_hidden_layers = BLOCKS
    del network.model.layers[BLOCKS:]
    folder.mkdir()
    save_model(network, tokenizer, folder)
    return folder


@pytest.fixture
def parts(monkeypatch):
    """The modules of the demo by name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield lambda name: importlib.import_module(f"gpu_parts.{name}")
    for name in [name for name in sys.modules if name.split(".")[0] == "gpu_parts"]:
        del sys.modules[name]


@pytest.mark.slow
def test_a_run_whose_time_is_up_is_stopped_and_gone_on_with(bench: Bench, parts, monkeypatch):
    demo, table = parts("demo_run"), parts("demo_table")
    config = RunConfig.model_validate({"name": "demo", "seed": 3, "iterations": 2})
    heard: list[str] = []
    run_id = demo.find_or_make(bench.store, config, "")
    (hold,) = (p.ordinal for p in plan(config) if (p.name, p.iteration) == (PhaseName.SAMPLE, 1))
    monkeypatch.setenv("SAPO_FAKE", json.dumps({"hold": [hold, 0]}))
    soon = time.monotonic() + demo.STOPPING

    def told(line: str) -> None:
        heard.append(line)
        if line.endswith("sample 1"):  # it holds there: that is when its time is up
            monkeypatch.setattr(demo, "STOPPING", 1e9)

    found = demo.follow(bench.store, run_id, soon + bench.seconds, told)
    assert found.status is RunStatus.STOPPED
    first, *_ = table.rows_of("SAPO", found)
    assert first["iteration"] == 0
    assert first["greedy_accuracy"] is not None
    assert bench.gone()
    assert demo.find_or_make(bench.store, config, "") == run_id
    other = config.model_copy(update={"seed": 4})
    assert demo.find_or_make(bench.store, other, "") != run_id

    monkeypatch.setattr(demo, "STOPPING", 15.0)
    monkeypatch.setenv("SAPO_FAKE", "{}")
    found = demo.follow(bench.store, run_id, time.monotonic() + bench.seconds + demo.STOPPING, heard.append)
    assert found.status is RunStatus.DONE
    rows = table.rows_of("SAPO", found)
    assert [row["iteration"] for row in rows] == [0, 1, 2]
    assert rows[1]["flops"] < rows[2]["flops"]
    assert demo.follow(bench.store, run_id, time.monotonic() + 60, heard.append).status is RunStatus.DONE


def row(method: str, iteration: int, sampled: float, flops: float) -> dict:
    return {"method": method, "iteration": iteration, "sampled_accuracy": sampled, "flops": flops}


def test_methods_are_compared_where_the_cheaper_one_ended(parts):
    compared = parts("demo_table").at_equal_flops
    sapo = [row("SAPO", 0, 0.02, 50.0), row("SAPO", 1, 0.04, 200.0)]
    assert compared(sapo) is None
    rft = [row("RFT", 0, 0.02, 0.0), row("RFT", 1, 0.06, 100.0)]
    assert compared([*sapo, *rft]) == {"flops": 100.0, "sampled_accuracy": {"SAPO": 0.03, "RFT": 0.06}}


@pytest.mark.parametrize("missing", ["--model", "--benchmark"])
def test_a_file_that_is_not_there_is_named(tmp_path, missing):
    there = gsm8k_file(tmp_path / "there.jsonl", 3)
    names = ("--model", "--train", "--test", "--benchmark")
    given = [part for name in names for part in (name, str(tmp_path / "nowhere" if name == missing else there))]
    command = [sys.executable, SCRIPT, *given, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"argument {missing}: there is no" in done.stderr
    assert not (tmp_path / "out").exists()


def benchmark_file(path: Path, train: Path) -> Path:
    """Solutions of questions in `train` as ProcessBench has them: every second one with a wrong last step."""
    rows = []
    for number, line in enumerate(train.read_text(encoding="utf-8").splitlines()[:6]):
        told = json.loads(line)
        steps = [step for step in told["answer"].split("\n") if not step.startswith("####")]
        wrong = number % 2 == 1
        rows.append(
            {
                "id": f"gsm8k-{number}",
                "generator": "somebody",
                "problem": told["question"],
                "steps": [*steps, "So it is 7654321." if wrong else f"So it is {told['answer'].split('#### ')[1]}."],
                "final_answer_correct": not wrong,
                "label": len(steps) if wrong else -1,
            }
        )
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_dress_rehearsal_on_a_real_model(smollm2, tmp_path):
    model = shallow(smollm2, tmp_path / "model")
    train, test = gsm8k_file(tmp_path / "train.jsonl", 80), gsm8k_file(tmp_path / "test.jsonl", 20)
    files = {"model": model, "train": train, "test": test, "benchmark": benchmark_file(tmp_path / "b.json", train)}
    command = [sys.executable, SCRIPT, "--device", "cpu", "--share", str(SHARE)]
    command += [part for name, file in files.items() for part in (f"--{name}", str(file))]
    command += [part for key, value in SMALLER.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    command += ["--home", str(tmp_path / "demo"), "--out", str(tmp_path / "out")]
    bare = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SAPO_ENGINE_WORKER")}

    def go(seconds: float) -> tuple[int, dict]:
        ways = {"capture_output": True, "text": True, "env": bare, "cwd": tmp_path}
        done = subprocess.run([*command, "--seconds", str(seconds)], check=False, **ways)
        assert (tmp_path / "out" / "gpu-demo.json").is_file(), done.stderr
        return done.returncode, json.loads((tmp_path / "out" / "gpu-demo.json").read_text())

    code, told = go(20)
    assert code == 3
    assert any("the same command goes on" in note for note in told["notes"])
    code, told = go(1200)
    assert code == 0, told
    assert [row["iteration"] for row in told["rows"] if row["method"] == "SAPO"] == [0, 1, 2, 3]
    for one in told["rows"][:4]:
        assert 0 <= one["greedy_accuracy"] <= 1
        assert 0 <= one["verifier_step_accuracy"] <= 1
        assert one["gap"] is not None
        assert one["flops"] > 0
    assert told["rows"][1]["labels"]["sapo"]["estimate"] is False
    assert told["rows"][1]["labels"]["shepherd"]["estimate"] is True
    page = (tmp_path / "out" / "gpu-demo.md").read_text()
    assert "the figures mean nothing" in page
    assert page.count("| SAPO |") == 4
    with Store.open(tmp_path / "demo" / "studio.db") as store:
        assert len([run for run in queries.list_runs(store) if run.name == "gsm8k-smollm2-card"]) == 1
