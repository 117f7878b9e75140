"""vLLM as the program uses it: how fast it is on the samplers' prompts, beside vLLM alone; whether it writes the same
after it has slept, and whether a killed engine gives the card back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from gpu_parts.card_memory import card_taken
from gpu_parts.check import Case, Check
from gpu_parts.models import sampled_network, vocabulary
from gpu_parts.sampling import SAMPLES, Ground, exact, rate
from sapo_engine.models.precision import DTYPES
from sapo_engine.rollouts import Request, VllmBackend
from sapo_engine.rollouts.hand_over import HandOver
from sapo_engine.rollouts.vllm import PYTHON, engine_process_environment
from sapo_studio.errors import EngineError

GROUP = "vLLM"
ROWS = (512, 2048)
SHARE = 0.4
"""Of the card."""
BACK = 30.0
"""Seconds that the driver may take to take the memory back."""
SLACK = 0.1
"""GiB that may differ."""


TOLD = ("max_num_seqs", "max_num_batched_tokens", "gpu_memory_utilization")
"""Of the options, those that depend on the card."""


def model_folder(check: Check, folder: Path) -> Path:
    """The samplers' model as files."""
    model: Any = sampled_network(check)
    model.to(torch.bfloat16 if check.on_card else torch.float32).save_pretrained(folder)
    return folder


def settings(check: Check, precision: str) -> dict[str, Any]:
    """How an engine is made here. The end of a text is the last token that there is: with so many to draw from next to
    none ends early."""
    last = vocabulary(check.ground(Ground).model) - 1
    return {"eos": last, "memory_share": SHARE, "dtype": precision, "max_len": 64 if check.dry else 512}


@contextmanager
def engine(check: Check, precision: str = "") -> Generator[VllmBackend]:
    """vLLM with the samplers' model."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = check.model or model_folder(check, Path(scratch))
        backend = VllmBackend(folder, **settings(check, precision or check.precision))
        try:
            yield backend
        finally:
            backend.close()


class Measured:
    """What the program's engine was started with, and how fast it was: vLLM alone is asked to do the same."""

    def __init__(self, check: Check) -> None:
        del check
        self.options: dict[str, Any] = {}
        self.environment: dict[str, str] = {}
        self.rates: dict[int, float] = {}


def speed(check: Check) -> dict[str, Any]:
    """Tokens a second with 512 and 2,048 sequences asked for, and how long it took to start."""
    ground, measured = check.ground(Ground), check.ground(Measured)
    began = time.monotonic()
    row: dict[str, Any] = {}
    with engine(check) as backend:
        row |= {"start_seconds": round(time.monotonic() - began, 1), "version": backend.version}
        row |= {name: backend.options[name] for name in TOLD if name in backend.options}
        measured.options, measured.environment = backend.options, backend.environment
        for rows in ROWS:
            requests = ground.requests(rows)
            count = SAMPLES * len(requests)
            found = rate(
                check,
                count,
                count * ground.limit,
                lambda requests=requests: backend.generate(requests, temperature=1.0),
            )
            measured.rates[rows] = found["tokens"] / max(found["seconds"], 1e-9)
            row[f"tokens_a_second, {rows} rows"] = found["tokens_a_second"]
        began = time.monotonic()
    return row | {"close_seconds": round(time.monotonic() - began, 1)}


def alone(check: Check) -> dict[str, Any]:
    """The same prompts by vLLM's own `generate` with the same settings, and the program's engine as a part of it."""
    ground, measured = check.ground(Ground), check.ground(Measured)
    if not measured.options:
        raise EngineError("The program's own engine has not been measured, so there is nothing to compare")
    with tempfile.TemporaryDirectory() as scratch:
        folder = check.model or model_folder(check, Path(scratch) / "model")
        result = Path(scratch) / "result.json"
        order = {
            "options": measured.options | {"model": str(folder), "enable_sleep_mode": False},
            "environment": measured.environment,
            "prompts": ground.prompts,
            "samples": SAMPLES,
            "limit": ground.limit,
            "rows": ROWS,
            "result": str(result),
        }
        script = str(Path(__file__).with_name("vllm_alone.py"))
        subprocess.run(
            [os.environ.get(PYTHON) or sys.executable, "-P", script],
            input=json.dumps(order),
            text=True,
            stdout=sys.stderr,
            env=engine_process_environment(check.device.index),
            check=True,
        )
        found: dict[str, float] = json.loads(result.read_text(encoding="utf-8"))
    row: dict[str, Any] = {}
    for rows in ROWS:
        row[f"tokens_a_second, {rows} rows"] = round(found[str(rows)])
        row[f"ours_of_it, {rows} rows"] = round(measured.rates[rows] / found[str(rows)], 2)
    return row


def slept(check: Check) -> dict[str, Any]:
    """Whether greedy text is the same after the engine has given the card back: with its weights kept, and with them
    given up and handed over again; seconds of each."""
    ground = check.ground(Ground)
    requests = [Request(prompt, (0,), ground.limit) for prompt in ground.prompts[:16]]
    row: dict[str, Any] = {"equal": 0, "of": 2 * len(requests)}
    with tempfile.TemporaryDirectory() as scratch:
        hand_over = HandOver(Path(scratch) / "weights")
        dtype = DTYPES[check.precision]
        with ExitStack() as stack:
            stack.callback(hand_over.close)
            with hand_over.weights(ground.model, dtype) as folder:
                backend = stack.enter_context(
                    VllmBackend(folder, **settings(check, check.precision), hand_over=hand_over)
                )
            before = backend.generate(requests, temperature=0.0)
            for follow in (False, True):
                held = card_taken(check)
                backend.release(weights_follow=follow)
                given = held - card_taken(check)
                began = time.monotonic()
                if follow:
                    with hand_over.weights(ground.model, dtype) as folder:
                        backend.load(folder)
                found = backend.generate(requests, temperature=0.0)
                name = "handed over" if follow else "kept"
                row[f"seconds, {name}"] = round(time.monotonic() - began, 2)
                row[f"given_back_gib, {name}"] = round(given, 2)
                row["equal"] += sum(a == b for a, b in zip(before, found, strict=True))
    return row


def greedy(check: Check) -> dict[str, Any]:
    """Greedy text in fp32, vLLM's against the own sampler's."""
    ground = check.ground(Ground)
    requests = [Request(prompt, (0,), ground.limit) for prompt in ground.prompts[:16]]
    with engine(check, "fp32") as backend, exact():
        theirs = backend.generate(requests, temperature=0.0)
        ours = ground.backend(64, "fp32").generate(requests, temperature=0.0)
    equal = sum(a.tokens == b.tokens for (a,), (b,) in zip(ours, theirs, strict=True))
    return {"equal": equal, "of": len(requests)}


def killed(check: Check) -> dict[str, Any]:
    """The engine is killed as the kernel kills for memory: what the next call says, and when the card has its memory
    back."""
    ground = check.ground(Ground)
    before = card_taken(check)
    with engine(check) as backend:
        backend.generate(ground.requests(64), temperature=1.0)
        held = card_taken(check)
        os.kill(backend.pid, signal.SIGKILL)
        began = time.monotonic()
        told = "nothing"
        try:
            backend.generate(ground.requests(64), temperature=1.0)
        except EngineError as error:
            told = error.what
        while card_taken(check) > before + SLACK and time.monotonic() - began < BACK:
            time.sleep(0.1)
        back = time.monotonic() - began
    return {
        "held_gib": round(held - before, 2),
        "back_after_seconds": round(back, 1),
        "card_taken_gib": round(card_taken(check) - before, 2),
        "told": told,
    }


CASES = (
    Case("vLLM, speed", GROUP, 130, speed, needs=("vllm",)),
    Case("vLLM alone with the same settings", GROUP, 90, alone, needs=("vllm",)),
    Case("vLLM, the same text after sleeping", GROUP, 90, slept, needs=("vllm",)),
    Case("vLLM killed with kill -9", GROUP, 90, killed, needs=("vllm",)),
    Case("vLLM, greedy text equal to the sampler's, fp32", GROUP, 90, greedy, needs=("vllm",)),
)
