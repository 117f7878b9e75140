"""Texts of many lengths in packs, beside the same texts padded and with whole logits: right, fast, and in how much
memory."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from transformers import PreTrainedModel

from gpu_parts.check import GIB, Case, Check
from gpu_parts.models import PAD, QWEN, network, vocabulary
from gpu_parts.training import length
from sapo_engine.models.precision import autocast
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.objectives import OrpoLoss, Pairs
from sapo_engine.training.reading import pack_for, remember, way_of

GROUP = "packs"
PAIRS, TURNS = 12, 3


def pairs_of(check: Check, tokens: int) -> Pairs:
    """Winners and losers with one prompt, from a fifth of the usual length to all of it."""
    draw = torch.Generator().manual_seed(0)
    whole = length(check)

    def text(few: int, many: int) -> tuple[int, ...]:
        count = int(torch.randint(few, many + 1, (1,), generator=draw))
        return tuple(torch.randint(2, tokens, (count,), generator=draw).tolist())

    found: list[tuple[PromptCompletion, PromptCompletion]] = []
    for _ in range(PAIRS):
        prompt = text(whole // 5, whole // 3)
        winner, loser = (PromptCompletion(prompt, text(whole // 5, 2 * whole // 3)) for _ in range(2))
        found.append((winner, loser))
    return found


def _step(model: PreTrainedModel, pairs: Pairs, check: Check, precision: str) -> tuple[float, torch.Tensor]:
    """Loss and gradient of one part of a batch, the gradient of the first and last block alone: all of it as fp32 twice
    would not leave room for what is measured."""
    model.zero_grad(set_to_none=True)
    with autocast(check.device, precision):
        loss, _ = OrpoLoss(model, pairs, PAD, 0.1).part(range(len(pairs)))
    loss.backward()
    layers: Any = model.base_model.layers
    kept = [p.grad for layer in (layers[0], layers[-1]) for p in layer.parameters() if p.grad is not None]
    return float(loss.detach()), torch.cat([gradient.flatten() for gradient in kept]).clone()


def right(check: Check) -> dict[str, Any]:
    """Loss and gradient of packs and of padded rows, both in the check's precision, against padded rows in fp32."""
    model = network(check, QWEN, torch.float32)
    pairs = pairs_of(check, vocabulary(model))
    with autocast(check.device, check.precision):
        way = way_of(model)
        by_ends = pack_for(model, [winner for winner, _ in pairs]).rows.ends is not None
    packed = _step(model, pairs, check, check.precision)
    remember(model, replace(way, packed=False))
    padded = _step(model, pairs, check, check.precision)
    loss, gradient = _step(model, pairs, check, "fp32")
    row: dict[str, Any] = {"packed": way.packed, "by_ends": by_ends}
    for name, (value, mine) in (("packed", packed), ("padded", padded)):
        row[f"{name}_loss_apart"] = abs(value - loss) / abs(loss)
        row[f"{name}_gradient_apart"] = float((mine - gradient).norm() / gradient.norm())
    return row


def pace(check: Check, *, packed: bool, chunks: bool) -> dict[str, Any]:
    """Tokens of the texts a second, forward and backward, and the peak of memory above the weights."""
    model = network(check, QWEN, torch.float32)
    pairs = pairs_of(check, vocabulary(model))
    with autocast(check.device, check.precision):
        way = way_of(model)
    remember(model, replace(way, packed=packed and way.packed, head=way.head if chunks else None))
    _step(model, pairs, check, check.precision)
    before = 0
    if check.on_card:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    began = check.clock()
    for _ in range(TURNS):
        _step(model, pairs, check, check.precision)
    seconds = check.clock() - began
    row: dict[str, Any] = {"tokens_a_second": round(TURNS * sum(len(t) for pair in pairs for t in pair) / seconds)}
    if check.on_card:
        row["above_gib"] = round((torch.cuda.max_memory_allocated() - before) / GIB, 2)
    return row


CASES = (
    Case("packs are right", GROUP, 15, right),
    Case("ORPO, packed, head in chunks", GROUP, 12, partial(pace, packed=True, chunks=True)),
    Case("ORPO, padded, head in chunks", GROUP, 12, partial(pace, packed=False, chunks=True)),
    Case("ORPO, padded, whole logits", GROUP, 12, partial(pace, packed=False, chunks=False)),
)
