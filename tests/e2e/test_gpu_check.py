"""`make gpu-check` itself, tried without a card: every case runs to its end with tiny sizes."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys

import pytest
import torch

CASES = {
    "machine",
    "lab-smoke",
    "greedy text equal to generate's",
    "sampler, 32 rows",
    "sampler with cuDNN's attention, 32 rows",
    "generate, 32 rows",
    "slots: greedy text equal to hf's",
    "slots: a step waits for nothing",
    "slots: strict text alone and in company",
    "slots: graphs outlive weights",
    "slots, 32 rows",
    "slots without graphs, 32 rows",
    "train full",
    "train full without cuDNN's attention",
    "train full, checkpointing",
    "train ORPO",
    "train LoRA",
    "lab-smoke by LoRA",
    "end",
}


@pytest.mark.slow
def test_every_case_runs_dry(tmp_path):
    command = [sys.executable, "benchmarks/gpu.py", "--dry", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert {row["case"] for row in rows} == CASES
    by_name = {row["case"]: row for row in rows}
    assert not [row for row in rows if "error" in row or "skipped" in row or row.get("exit")]
    greedy = by_name["greedy text equal to generate's"]
    assert greedy["equal"] == greedy["of"] > 0
    slots = {name: row for name, row in by_name.items() if name.startswith("slots")}
    assert all(row["equal"] == row["of"] > 0 for row in slots.values() if "of" in row)
    equal = slots["slots: greedy text equal to hf's"]
    assert equal["equal_sampled"] == equal["of"]
    assert slots["slots: graphs outlive weights"]["as_before"] < slots["slots: graphs outlive weights"]["of"]
    assert slots["slots: a step waits for nothing"]["steps_watched"] > 0
    assert by_name["train full"]["gradients_left"] == 0
    assert by_name["end"]["failed"] == []
    assert len(by_name["lab-smoke"]["metrics"]["gap"]) == 2


def test_without_a_card_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    monkeypatch.syspath_prepend("benchmarks")
    with pytest.raises(SystemExit) as end:
        runpy.run_path("benchmarks/gpu.py", run_name="__main__")
    assert end.value.code == 2
    assert "no CUDA card" in capsys.readouterr().err
