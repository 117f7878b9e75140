"""`make gpu-check` itself, tried without a card: every case runs to its end with tiny sizes."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

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
    "train full, divided (one rank)",
    "train full as in a run",
    "train ORPO as in a run, prompts shared",
    "train full as in a run, compiled",
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
    "vLLM alone with the same settings": "vllm",
    "vLLM, the same text after sleeping": "vllm",
    "vLLM killed with kill -9": "vllm",
    "vLLM, greedy text equal to the sampler's, fp32": "vllm",
    "lab-smoke by vLLM, with development checks": "vllm",
}
"""Cases that need something which is not always installed, and what."""


@pytest.fixture
def check(monkeypatch, tmp_path):
    """The check in this process, where everything that it needs is loaded already: its document, and its cases by
    name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setenv("SAPO_STUDIO_HOME", "")
    verbosity, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()

    def dry(*more: str) -> dict[str, Any]:
        assert importlib.import_module("gpu").main(["--dry", "--out", str(tmp_path), *more]) == 0
        return json.loads((tmp_path / "gpu.json").read_text())

    yield dry
    transformers.logging.set_verbosity(verbosity)
    if bars:
        transformers.logging.enable_progress_bar()
    for name in [name for name in sys.modules if name.split(".")[0] in ("gpu", "gpu_parts")]:
        del sys.modules[name]


def test_the_cases_are_the_known_ones_and_one_is_measured(check, tmp_path):
    found = check("--only", "packs are right")
    cases = sys.modules["gpu_parts.cases"].CASES
    assert sorted(case.name for case in cases) == sorted(RAN | set(OTHERS))
    assert [row["case"] for row in found["cases"]] == ["packs are right"]
    assert found["failed"] == []
    assert found["complete"]
    assert found["machine"]["cores"] > 0
    assert "| packs are right |" in (tmp_path / "gpu.md").read_text()


@pytest.mark.slow  # whole runs of the lab among them
def test_every_case_runs_dry(check, tmp_path):
    found = check()
    by_name = {row["case"]: row for row in found["cases"]}
    left_out = {row["case"]: row["why"] for row in found["left_out"]}
    assert set(by_name) | set(left_out) == RAN | set(OTHERS)
    assert set(by_name) >= RAN
    for name, why in left_out.items():
        assert why == f"{OTHERS[name]} not installed" or "make test-vllm" in why
    assert found["failed"] == []
    assert found["complete"]
    assert torch.__version__.startswith(found["versions"]["torch"])
    assert found["machine"]["cores"] > 0
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
    page = (tmp_path / "gpu.md").read_text()
    assert all(f"| {name} |" in page for name in by_name)
    assert all(f"* {name}: {why}" in page for name, why in left_out.items())


@pytest.mark.slow  # processes that load torch
@pytest.mark.skipif(sys.platform != "linux", reason="vLLM is for Linux")
def test_a_bare_checkout_measures_and_kills_vllm(tmp_path):
    """From elsewhere, and with nothing on the path. vLLM is a stand-in: what a real one does is for a card."""
    command = [sys.executable, SCRIPT, "--dry", "--out", str(tmp_path), "--only", "vLLM: "]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    bare["SAPO_VLLM_PYTHON"] = str(pretend_vllm(tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=bare)
    assert done.returncode == 0, done.stdout + done.stderr
    by_name = {row["case"]: row for row in json.loads((tmp_path / "gpu.json").read_text())["cases"]}
    assert by_name["vLLM, speed"]["tokens_a_second, 2048 rows"] > 0
    alone = by_name["vLLM alone with the same settings"]
    assert alone["tokens_a_second, 2048 rows"] > 0
    assert "ours_of_it, 2048 rows" in alone
    slept = by_name["vLLM, the same text after sleeping"]
    assert slept["equal"] == slept["of"] > 0
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
