"""vLLM as the program uses it: how fast it is on the samplers' prompts, and whether a killed engine gives the card
back."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gpu_parts.card_memory import card_taken
from gpu_parts.check import Case, Check
from gpu_parts.models import sampled_network, vocabulary
from gpu_parts.sampling import SAMPLES, Ground, exact, rate
from sapo_engine.rollouts import Request, VllmBackend
from sapo_studio.errors import EngineError

GROUP = "vLLM"
SHARE = 0.4
"""Of the card."""
BACK = 30.0
"""Seconds that the driver may take to take the memory back."""
SLACK = 0.1
"""GiB that may differ."""


@contextmanager
def engine(check: Check, precision: str = "") -> Generator[VllmBackend]:
    """vLLM with the samplers' model. The end of a text is the last token that there is: with so many to draw from next
    to none ends early."""
    model: Any = sampled_network(check)
    last = vocabulary(model) - 1
    with tempfile.TemporaryDirectory() as folder:
        if check.model is None:
            model.to(torch.bfloat16 if check.on_card else torch.float32).save_pretrained(folder)
        del model
        source = Path(folder) if check.model is None else check.model
        backend = VllmBackend(
            source, eos=last, memory_share=SHARE, dtype=precision or check.precision, max_len=64 if check.dry else 512
        )
        try:
            yield backend
        finally:
            backend.close()


def speed(check: Check) -> dict[str, Any]:
    """Tokens a second with 512 and 2,048 sequences asked for, and how long it took to start."""
    ground = check.ground(Ground)
    began = time.monotonic()
    row: dict[str, Any] = {}
    with engine(check) as backend:
        row |= {"start_seconds": round(time.monotonic() - began, 1), "version": backend.version}
        for rows in (512, 2048):
            requests = ground.requests(rows)
            count = SAMPLES * len(requests)
            found = rate(
                check,
                count,
                count * ground.limit,
                lambda requests=requests: backend.generate(requests, temperature=1.0),
            )
            row[f"tokens_a_second, {rows} rows"] = found["tokens_a_second"]
        began = time.monotonic()
    return row | {"close_seconds": round(time.monotonic() - began, 1)}


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
    Case("vLLM killed with kill -9", GROUP, 90, killed, needs=("vllm",)),
    Case("vLLM, greedy text equal to the sampler's, fp32", GROUP, 90, greedy, needs=("vllm",)),
)
