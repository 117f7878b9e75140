"""Whole runs of the lab: by the command line, and in this process, where what lies on the card can be seen between any
two phases."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import torch

from gpu_parts.card_memory import card_taken
from gpu_parts.check import GIB, Case, Check
from sapo_engine.loop import run
from sapo_engine.phases.context import RunContext
from sapo_engine.session import RunSession
from sapo_studio.config.overrides import configure
from sapo_studio.config.phase_plan import plan
from sapo_studio.events.kinds import Event, Metric, PhaseFinished
from sapo_studio.paths import HOME_VARIABLE

GROUP = "whole runs"
NAMES = ("greedy_accuracy", "sampled_accuracy", "verifier_step_accuracy", "mce", "gap")
LORA: dict[str, Any] = {"model.tuning": "lora", "model.lora_rank": 8}
QLORA: dict[str, Any] = LORA | {"model.tuning": "qlora", "verifier.base": "shared"}
VLLM: dict[str, Any] = {"runtime.backend": "vllm", "runtime.vllm_memory": 0.3}
CHECKS: dict[str, Any] = {"warmup.epochs": 1, "warmup.stop_at": 0.99}
"""Development questions are looked at while the reasoner is trained."""
TINY: dict[str, Any] = {
    # What takes time is tokens one after another. The bundled reasoner knows no problems as short as these, but what it
    # answers does not matter here.
    "task.min_steps": 2,
    "task.max_steps": 2,
    "task.train_questions": 50,
    "task.test_questions": 20,
    "task.process_solutions": 20,
    "sampling.questions": 10,
    "sampling.start_questions": 10,
    "sampling.samples": 2,
    "labeling.trajectories": 10,
    "labeling.start_trajectories": 10,
    "labeling.rollouts": 1,
    "verifier.max_trajectories": 12,
    "optimiser.max_pairs": 10,
    "optimiser.guard": "off",
    "evaluation.samples": 1,
    "evaluation.mce_rollouts": 1,
}


def _settings(check: Check, changes: dict[str, Any]) -> list[str]:
    device = {"runtime.device": "cuda:0" if check.on_card else "cpu"}
    return [f"{key}={json.dumps(value)}" for key, value in ((TINY if check.dry else {}) | device | changes).items()]


def by_command_line(check: Check) -> dict[str, Any]:
    """lab-smoke as people start it: how it ended, its numbers, and what of the card is still taken after it."""
    taken = card_taken(check)
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {HOME_VARIABLE: home, "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "sapo_studio.cli"]
        sets = [part for setting in _settings(check, {}) for part in ("--set", setting)]
        began = time.monotonic()
        done = subprocess.run(
            [*command, "run", "lab-smoke", "--json", *sets],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        seconds = time.monotonic() - began
        row: dict[str, Any] = {"exit": done.returncode, "seconds": round(seconds, 1)}
        if done.returncode:
            logs = [log.read_text(encoding="utf-8", errors="replace") for log in Path(home).rglob("engine.log")]
            return row | {"said": (done.stderr.strip() or "".join(logs).strip())[-1500:]}
        told = subprocess.run(
            [*command, "report", "last", "--json"], capture_output=True, text=True, env=environment, check=True
        )
    iterations = json.loads(told.stdout)["iterations"]
    row["metrics"] = {name: [round(one[name], 3) for one in iterations if one.get(name) is not None] for name in NAMES}
    return row | _still_taken(check, taken)


def in_this_process(check: Check, changes: dict[str, Any]) -> dict[str, Any]:
    """lab-smoke with `changes`, without store and parent: its numbers, and what networks hold between two phases."""
    taken = card_taken(check)
    between: dict[str, float] = {}
    metrics: dict[str, list[float]] = {}
    _, config = configure("lab-smoke", _settings(check, changes), seed=0, name=None)
    phases = plan(config)

    def hear(event: Event) -> None:
        if isinstance(event, PhaseFinished):
            phase = phases[event.ordinal]
            between[f"{phase.name} {phase.iteration}"] = _held(check)
        elif isinstance(event, Metric) and event.name in NAMES:
            metrics.setdefault(event.name, []).append(round(event.value, 3))

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        session = RunSession(config, Path(folder), check.device)
        try:
            run(RunContext(session, phases, hear))
        finally:
            session.close()
    row: dict[str, Any] = {"seconds": round(time.monotonic() - began, 1), "metrics": metrics}
    row |= {"most_between_phases_gib": max(between.values()), "between_phases_gib": between}
    return row | _still_taken(check, taken)


def _held(check: Check) -> float:
    """GiB: what torch holds on the card, without one what the process has."""
    gc.collect()
    held = torch.cuda.memory_allocated() if check.on_card else psutil.Process().memory_info().rss
    return round(held / GIB, 3)


def _still_taken(check: Check, before: float) -> dict[str, Any]:
    """GiB of the card that were free before and are not any more."""
    if not check.on_card:
        return {}
    gc.collect()
    torch.cuda.empty_cache()
    return {"card_taken_gib": round(card_taken(check) - before, 2)}


FIRST = (
    Case("lab-smoke", GROUP, 50, by_command_line, needs=("typer", "rich")),
    Case("lab-smoke, memory between phases", GROUP, 40, partial(in_this_process, changes=CHECKS)),
)
"""What shows that the program works at all on this card."""
CASES = (
    Case("lab-smoke by LoRA", GROUP, 40, partial(in_this_process, changes=LORA)),
    Case("lab-smoke by QLoRA", GROUP, 50, partial(in_this_process, changes=QLORA), needs=("bitsandbytes",)),
    Case(
        "lab-smoke by vLLM, with development checks",
        GROUP,
        120,
        partial(in_this_process, changes=VLLM | CHECKS),
        needs=("vllm",),
        card="vLLM on a CPU takes minutes: make test-vllm",
    ),
)
