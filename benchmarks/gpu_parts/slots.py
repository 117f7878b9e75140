"""The slot loop on a card: tokens a second beside the other ways, with and without graphs, and what it promises."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from sapo_engine.rollouts import Completion, HfBackend, Request, VllmBackend, key_of
from sapo_engine.rollouts.slots import SlotBackend

if TYPE_CHECKING:
    from gpu import Check, Sampling

PAD = 0
STRICT_SLOTS = 64


def cases(check: Check, ground: Sampling) -> None:
    """Every case of it; the ones that say whether it is right come first."""
    check.case("slots: greedy text equal to hf's", 20, lambda: equality(check, ground))
    check.case("slots: a step waits for nothing", 20, lambda: no_wait(check, ground))
    check.case("slots: strict text alone and in company", 30, lambda: composition(check, ground))
    check.case("slots: graphs outlive weights", 30, lambda: new_weights(check, ground))
    for rows in (32,) if check.dry else (512, 2048):
        check.case(f"slots, {rows} rows", 40, lambda rows=rows: speed(check, ground, rows))
    rows = 32 if check.dry else 512
    check.case(f"slots without graphs, {rows} rows", 60, lambda: speed(check, ground, rows, graphs=False))
    if find_spec("vllm") and not check.dry:
        check.case(f"vLLM, {rows} rows", 150, lambda: vllm_speed(check, ground, rows))


def backend(check: Check, ground: Sampling, rows: int, *, precision: str | None = None, **how: Any) -> SlotBackend:
    """Slots on the check's network; no text ends early."""
    return SlotBackend(ground.model, eos=-1, pad=PAD, batch=rows, precision=precision or check.precision, **how)


def requests_of(ground: Sampling, prompts: Sequence[tuple[int, ...]], samples: int) -> list[Request]:
    """Each prompt `samples` times, to the limit."""
    return [
        Request(prompt, tuple(key_of("check", number, k) for k in range(samples)), ground.limit)
        for number, prompt in enumerate(prompts)
    ]


def equality(check: Check, ground: Sampling) -> dict[str, Any]:
    """Greedy and sampled text in fp32, the usual sampler's and the slots'."""
    requests = requests_of(ground, ground.prompts[: 4 if check.dry else 16], 2)
    tf32, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, False
    usual = HfBackend(ground.model, eos=-1, pad=PAD, batch=64, precision="fp32")
    row: dict[str, Any] = {"of": 2 * len(requests)}
    try:
        for name, temperature in (("equal", 0.0), ("equal_sampled", 1.0)):
            mine = backend(check, ground, 64, precision="fp32").generate(requests, temperature=temperature)
            row[name] = _same(mine, usual.generate(requests, temperature=temperature))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = tf32
    return row


def no_wait(check: Check, ground: Sampling) -> dict[str, Any]:
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

    slots = backend(check, ground, STRICT_SLOTS, capture=watched)
    slots.generate(requests_of(ground, ground.prompts[:4], 4), temperature=1.0)
    return {"steps_watched": count}


def composition(check: Check, ground: Sampling) -> dict[str, Any]:
    """Texts of one prompt with nothing else in the batch and with much, in the check's precision."""
    positions = max(map(len, ground.prompts)) + ground.limit
    slots = backend(check, ground, STRICT_SLOTS, strict=True, positions=positions)
    requests = requests_of(ground, ground.prompts[: 4 if check.dry else 24], 4)
    alone = [found for one in requests[:3] for found in slots.generate([one], temperature=1.0)]
    company = slots.generate(requests, temperature=1.0)[:3]
    return {"equal": _same(alone, company), "of": sum(map(len, alone))}


def new_weights(check: Check, ground: Sampling) -> dict[str, Any]:
    """Whether graphs that were captured with other weights write what fresh ones would."""
    requests = requests_of(ground, ground.prompts[:8], 4)
    slots = backend(check, ground, STRICT_SLOTS)
    before = slots.generate(requests, temperature=1.0)
    with torch.no_grad():
        for parameter in ground.model.parameters():
            parameter.mul_(1.05)
    try:
        slots.reasoner.weights_changed()
        after = slots.generate(requests, temperature=1.0)
        fresh = backend(check, ground, STRICT_SLOTS).generate(requests, temperature=1.0)
    finally:
        with torch.no_grad():
            for parameter in ground.model.parameters():
                parameter.div_(1.05)
    return {"equal": _same(after, fresh), "of": sum(map(len, fresh)), "as_before": _same(after, before)}


def speed(check: Check, ground: Sampling, rows: int, *, graphs: bool = True) -> dict[str, Any]:
    """Tokens a second, as the other samplers are measured."""
    slots = backend(check, ground, rows, graphs=graphs)
    requests = requests_of(ground, ground.prompts[: max(1, rows // 8)], 8)
    row = ground.rate(lambda: slots.generate(requests, temperature=1.0), rows)
    # The first token of a text comes from its prompt's reading.
    row["slot_use"] = round((slots.usage.generated_tokens - slots.usage.sequences) / slots.slot_steps, 2)
    return row


def vllm_speed(check: Check, ground: Sampling, rows: int) -> dict[str, Any]:
    """vLLM as the program uses it, on the same weights."""
    requests = requests_of(ground, ground.prompts[: rows // 8], 8)
    longest = max(map(len, ground.prompts)) + ground.limit
    with tempfile.TemporaryDirectory() as folder:
        ground.model.save_pretrained(folder)
        # No text ends early: the token that would end it is none of the vocabulary's.
        never = int(ground.model.config.get_text_config().vocab_size)
        with VllmBackend(Path(folder), eos=never, max_len=longest, dtype=check.precision, memory_share=0.5) as engine:
            row = ground.rate(lambda: engine.generate(requests, temperature=1.0), rows)
            written = engine.usage.generated_tokens
    return row | {"wrote_to_the_limit": written == 2 * rows * ground.limit}


def _same(some: list[list[Completion]], others: list[list[Completion]]) -> int:
    return sum(a == b for mine, theirs in zip(some, others, strict=True) for a, b in zip(mine, theirs, strict=True))
