"""The slot loop on a card: tokens a second beside the other ways, with and without graphs, and what it promises."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from gpu_parts.check import Case, Check
from gpu_parts.models import PAD
from gpu_parts.sampling import SAMPLES, Ground, exact, rate
from sapo_engine.rollouts import Completion
from sapo_engine.rollouts.slots import SlotBackend

GROUP = "slots"
SLOTS = 64


def backend(check: Check, rows: int, *, precision: str = "", **how: Any) -> SlotBackend:
    """Slots on the check's network; no text ends early."""
    model = check.ground(Ground).model
    return SlotBackend(model, eos=-1, pad=PAD, batch=rows, precision=precision or check.precision, **how)


def equality(check: Check) -> dict[str, Any]:
    """Greedy and sampled text in fp32, the usual sampler's and the slots'."""
    ground = check.ground(Ground)
    requests = ground.requests(16 * SAMPLES)
    row: dict[str, Any] = {"of": sum(len(request.keys) for request in requests)}
    with exact():
        for name, temperature in (("equal", 0.0), ("equal_sampled", 1.0)):
            mine = backend(check, SLOTS, precision="fp32").generate(requests, temperature=temperature)
            usual = ground.backend(SLOTS, "fp32").generate(requests, temperature=temperature)
            row[name] = _same(mine, usual)
    return row


def no_wait(check: Check) -> dict[str, Any]:
    """Whether torch sees the host wait for the card within a step: then this case fails."""
    count = 0

    def watched(work: Callable[[], None]) -> Callable[[], None]:
        def strictly() -> None:
            nonlocal count
            count += 1
            if check.dry:
                work()
                return
            before = torch.cuda.get_sync_debug_mode()
            torch.cuda.set_sync_debug_mode("error")
            try:
                work()
            finally:
                torch.cuda.set_sync_debug_mode(before)

        return strictly

    slots = backend(check, SLOTS, capture=watched)
    slots.generate(check.ground(Ground).requests(4 * SAMPLES), temperature=1.0)
    return {"steps_watched": count}


def composition(check: Check) -> dict[str, Any]:
    """Texts of one prompt with nothing else in the batch and with much, in the check's precision."""
    ground = check.ground(Ground)
    positions = max(map(len, ground.prompts)) + ground.limit
    slots = backend(check, SLOTS, strict=True, positions=positions)
    requests = ground.requests(24 * SAMPLES)
    alone = [found for one in requests[:3] for found in slots.generate([one], temperature=1.0)]
    company = slots.generate(requests, temperature=1.0)[:3]
    return {"equal": _same(alone, company), "of": sum(map(len, alone))}


def new_weights(check: Check) -> dict[str, Any]:
    """Whether graphs that were captured with other weights write what fresh ones would."""
    ground = check.ground(Ground)
    requests = ground.requests(8 * SAMPLES)
    slots = backend(check, SLOTS)
    before = slots.generate(requests, temperature=1.0)
    kept = [parameter.detach().clone() for parameter in ground.model.parameters()]
    try:
        with torch.no_grad():
            for parameter in ground.model.parameters():
                parameter.mul_(1.05)
        slots.reasoner.weights_changed()
        after = slots.generate(requests, temperature=1.0)
        fresh = backend(check, SLOTS).generate(requests, temperature=1.0)
    finally:
        with torch.no_grad():
            for parameter, was in zip(ground.model.parameters(), kept, strict=True):
                parameter.copy_(was)
    return {"equal": _same(after, fresh), "of": sum(map(len, fresh)), "as_before": _same(after, before)}


def speed(check: Check, rows: int, *, graphs: bool = True) -> dict[str, Any]:
    """Tokens a second, as the other samplers are measured."""
    ground = check.ground(Ground)
    slots, requests = backend(check, rows, graphs=graphs), ground.requests(rows)
    count = SAMPLES * len(requests)
    row = rate(check, count, count * ground.limit, lambda: slots.generate(requests, temperature=1.0))
    # The first token of a text comes from its prompt's reading.
    row["slot_use"] = round((slots.usage.generated_tokens - slots.usage.sequences) / slots.slot_steps, 2)
    return row


def _same(some: list[list[Completion]], others: list[list[Completion]]) -> int:
    return sum(a == b for mine, theirs in zip(some, others, strict=True) for a, b in zip(mine, theirs, strict=True))


CASES = (
    Case("slots: greedy text equal to hf's", GROUP, 20, equality),
    Case("slots: a step waits for nothing", GROUP, 20, no_wait),
    Case("slots: strict text alone and in company", GROUP, 30, composition),
    Case("slots: graphs outlive weights", GROUP, 30, new_weights),
    Case("slots, 512 rows", GROUP, 40, partial(speed, rows=512)),
    Case("slots, 2048 rows", GROUP, 40, partial(speed, rows=2048)),
    Case("slots without graphs, 512 rows", GROUP, 60, partial(speed, rows=512, graphs=False)),
)
