"""Training as a run does it: as many token positions at a time as memory has room for, texts of many lengths end to
end, prompts of pairs read once, blocks compiled."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest import mock

import torch

from gpu_parts.check import Case, Check
from gpu_parts.models import PAD, QWEN, network, vocabulary
from gpu_parts.training import length
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.training import objectives, trainer
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.trainer import NullCallback, TrainingArgs

GROUP = "training as in a run"
STEPS = 2


class _Told(NullCallback):
    """Keeps what a training says of itself."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def log(self, message: str, level: str = "info") -> None:
        """See TrainingCallback."""
        self.words.append(message if level == "info" else f"{level}: {message}")


def pairs_of(check: Check, count: int, tokens: int) -> list[tuple[PromptCompletion, PromptCompletion]]:
    """Pairs with a prompt in common, of a vocabulary of so many tokens: texts from a quarter to all of the length."""
    generator = torch.Generator().manual_seed(0)
    most = length(check)

    def some(least: int, above: int) -> tuple[int, ...]:
        size = int(torch.randint(least, above, (1,), generator=generator))
        return tuple(torch.randint(2, tokens, (size,), generator=generator).tolist())

    found: list[tuple[PromptCompletion, PromptCompletion]] = []
    for _ in range(count):
        prompt = some(most // 8, most // 3)
        found.append(
            (PromptCompletion(prompt, some(most // 8, most // 2)), PromptCompletion(prompt, some(2, most // 2)))
        )
    return found


def as_in_a_run(check: Check, objective: str, *, compiled: bool = False) -> dict[str, Any]:
    """Tokens a second at Qwen2.5-0.5B's shape, in two steps of one batch each after as many that are not counted."""
    reasoner = Reasoner(network(check, QWEN, torch.float32))
    count = STEPS * (2 if check.dry else 64)
    pairs = pairs_of(check, count, vocabulary(reasoner.network))
    args = TrainingArgs(1e-5, 1, count // STEPS, 0, precision=check.precision, compile=compiled)
    told = _Told()

    def work() -> None:
        if objective == "orpo":
            objectives.orpo(reasoner.trainable(), pairs, args, told, beta=0.1, pad_id=PAD)
        else:
            objectives.sft(reasoner.trainable(), [winner for winner, _ in pairs], args, told, pad_id=PAD)

    # A check is too short for compiling to pay, which is what a run goes by.
    with mock.patch.object(trainer, "compiling_pays", return_value=compiled):
        work()
        began = check.clock()
        work()
        seconds = check.clock() - began
    tokens = sum(len(winner) + (len(loser) if objective == "orpo" else 0) for winner, loser in pairs)
    row: dict[str, Any] = {
        "tokens_a_second": round(tokens / seconds),
        "tflops": round(6 * reasoner.parameters_in_all() * tokens / seconds / 1e12, 1),
        "gradients_left": sum(p.grad is not None for p in reasoner.network.parameters()),
    }
    words = [word for word in told.words if word.startswith(("warning", "Trained on"))]
    return row | ({"told": words[-1]} if words else {})


CASES = (
    Case("train full as in a run", GROUP, 25, partial(as_in_a_run, objective="sft")),
    Case("train ORPO as in a run, prompts shared", GROUP, 25, partial(as_in_a_run, objective="orpo")),
    Case("train full as in a run, compiled", GROUP, 60, partial(as_in_a_run, objective="sft", compiled=True)),
)
