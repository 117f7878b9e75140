"""`make gpu-check` itself, tried without a card: every case runs to its end with tiny sizes."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.fixtures.pretend_vllm import pretend_vllm

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "benchmarks" / "gpu.py")
RAN = {
    "lab-smoke",
    "lab-smoke, memory between phases",
    "greedy text equal to generate's",
    "text alone and in company, fp32",
    "text alone and in company",
    "waits in a token step",
    "sampler, 512 rows",
    "sampler, 2048 rows",
    "generate, 512 rows",
    "sampler with cuDNN's attention, 512 rows",
    "slots: greedy text equal to hf's",
    "slots: a step waits for nothing",
    "slots: strict text alone and in company",
    "slots: graphs outlive weights",
    "slots, 512 rows",
    "slots, 2048 rows",
    "slots without graphs, 512 rows",
    "train full",
    "train ORPO",
    "train LoRA",
    "train full, checkpointing",
    "train full without cuDNN's attention",
    "packs are right",
    "ORPO, packed, head in chunks",
    "ORPO, padded, head in chunks",
    "ORPO, padded, whole logits",
    "lab-smoke by LoRA",
}
OTHERS = {
    "TRL's SFT trainer": "trl and datasets",
    "TRL's ORPO trainer": "trl and datasets",
    "train QLoRA": "bitsandbytes",
    "lab-smoke by QLoRA": "bitsandbytes",
    "vLLM, speed": "vllm",
    "vLLM killed with kill -9": "vllm",
    "vLLM, greedy text equal to the sampler's, fp32": "vllm",
    "lab-smoke by vLLM, with development checks": "vllm",
}
"""Cases that need something which is not always installed, and what."""


def dry(folder: Path, *more: str, python: str = sys.executable, **environment: str) -> list[dict]:
    """The lines of a dry check, which ends well."""
    command = [python, SCRIPT, "--dry", "--out", str(folder), *more]
    # From elsewhere, and with nothing on the path: a bare checkout has to do.
    bare = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=bare)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in (folder / "gpu.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_every_case_runs_dry(tmp_path):
    rows = dry(tmp_path)
    by_name = {row["case"]: row for row in rows}
    assert set(by_name) == RAN | set(OTHERS) | {"machine", "end"}
    for name, row in by_name.items():
        if name in RAN:
            assert not {"error", "skipped"} & set(row), row
        elif name in OTHERS and "skipped" in row:
            assert row["skipped"].endswith(" not installed") or "make test-vllm" in row["skipped"]
    for name in ("greedy text equal to generate's", "text alone and in company, fp32"):
        assert by_name[name]["equal"] == by_name[name]["of"] > 0
    slots = {name: row for name, row in by_name.items() if name.startswith("slots")}
    assert all(row["equal"] == row["of"] > 0 for row in slots.values() if "of" in row)
    equal = slots["slots: greedy text equal to hf's"]
    assert equal["equal_sampled"] == equal["of"]
    assert slots["slots: graphs outlive weights"]["as_before"] < slots["slots: graphs outlive weights"]["of"]
    assert slots["slots: a step waits for nothing"]["steps_watched"] > 0
    assert by_name["train full"]["gradients_left"] == 0
    assert by_name["train full"]["forecast_gib"] > 0
    assert len(by_name["lab-smoke"]["metrics"]["gap"]) == 2
    phases = by_name["lab-smoke, memory between phases"]["between_phases_gib"]
    assert {"sft 0", "verifier 1", "align 1"} <= set(phases)
    assert by_name["end"]["failed"] == []
    page = (tmp_path / "gpu.md").read_text()
    for name, row in by_name.items():
        if name not in ("machine", "end"):
            assert (f"* {name}: {row['skipped']}" if "skipped" in row else f"| {name} |") in page


@pytest.mark.skipif(sys.platform != "linux", reason="vLLM is for Linux")
def test_vllm_is_measured_and_killed(tmp_path):
    """By a stand-in: what a real one does is for a card."""
    python = pretend_vllm(tmp_path)
    rows = dry(tmp_path, "--only", "vLLM: ", SAPO_VLLM_PYTHON=str(python))
    by_name = {row["case"]: row for row in rows}
    assert by_name["vLLM, speed"]["tokens_a_second, 2048 rows"] > 0
    killed = by_name["vLLM killed with kill -9"]
    assert "vLLM" in killed["told"]
    assert killed["card_taken_gib"] == 0
    assert by_name["vLLM, greedy text equal to the sampler's, fp32"]["of"] == 4


def test_without_a_card_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(SCRIPT, run_name="__main__")
    assert end.value.code == 2
    assert "no CUDA card" in capsys.readouterr().err
