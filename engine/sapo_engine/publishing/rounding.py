"""What becomes of a model's logits when its weights are merged or kept in fewer bits: measured, not promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from sapo_engine.models.precision import autocast
from sapo_engine.publishing.parts import Parts
from sapo_engine.text.prompts import plain_prompt

TEXTS = 16
"""Questions, with their own solutions where the data have them, that differences are measured on."""
POSITIONS = 16
"""The last tokens of each text at which logits are compared: those of a large vocabulary fill the memory."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """Differences of logits at `positions` tokens of `prompts` texts: the largest and the mean one; the mean divergence
    KL(before || after) in nats; and at what share of the tokens the likeliest next one is another."""

    prompts: int
    positions: int
    largest: float
    mean: float
    kl: float
    changed: float


def tried_texts(parts: Parts) -> list[tuple[int, ...]]:
    """Tokens of the texts to measure on."""
    asked = parts.asked(TEXTS)
    prompts = parts.recipe.prompts(parts.tokenizer, [question.text for question in asked])
    written = [plain_prompt(parts.tokenizer, parts.task.join(q.steps), special=False) for q in asked]
    return [(*prompt, *solution) for prompt, solution in zip(prompts, written, strict=True)]


@torch.inference_mode()
def last_logits(
    network: PreTrainedModel, texts: Sequence[tuple[int, ...]], precision: str = "fp32"
) -> list[torch.Tensor]:
    """The logits at the last positions of each text, in fp32 on the CPU, shape (POSITIONS or fewer, V)."""
    network.eval()
    found: list[torch.Tensor] = []
    for text in texts:
        ids = torch.tensor([text], device=network.device)
        with autocast(network.device, precision):
            logits = network(input_ids=ids, use_cache=False, logits_to_keep=POSITIONS).logits
        found.append(logits[0].float().cpu())
    return found


def compare(before: Sequence[torch.Tensor], after: Sequence[torch.Tensor]) -> Rounding:
    """How far `after` is from `before`, text by text."""
    first, second = torch.cat(list(before)), torch.cat(list(after))
    apart = (first - second).abs()
    was = first.log_softmax(-1)
    kl = (was.exp() * (was - second.log_softmax(-1))).sum(-1)
    return Rounding(
        prompts=len(before),
        positions=len(first),
        largest=float(apart.max()),
        mean=float(apart.mean()),
        kl=float(kl.mean().clamp(min=0.0)),
        changed=float((first.argmax(-1) != second.argmax(-1)).float().mean()),
    )
