"""Aligning the reasoner: each optimiser is a loss over items of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel

from sapo_engine.batching import Text, pad
from sapo_engine.losses import orpo_losses, sequence_log_probs, token_log_probs
from sapo_engine.training import Recipe, Watcher, train


@dataclass(frozen=True)
class TextLoss:
    """Negative log-likelihood of completions, a token's mean. Implements training.Loss."""

    model: PreTrainedModel
    texts: Sequence[Text]
    pad_id: int
    sequences: int = 1

    def weigh(self, indices: Sequence[int]) -> float:
        """See Loss: the tokens that are predicted. A first token without a prompt before it is not."""
        return sum(len(text.completion) - (not text.prompt) for text in (self.texts[i] for i in indices))

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        batch = pad([self.texts[i] for i in indices], self.pad_id, self.model.device)
        logits = self.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
        return -token_log_probs(logits, batch.targets).sum(), {}


@dataclass(frozen=True)
class PairLoss:
    """The odds-ratio loss, a pair's mean (eq. 16-17). Implements training.Loss."""

    model: PreTrainedModel
    pairs: Sequence[tuple[Text, Text]]
    pad_id: int
    beta: float
    sequences: int = 2

    def weigh(self, indices: Sequence[int]) -> float:
        """See Loss: the pairs."""
        return len(indices)

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        chosen = [self.pairs[i] for i in indices]
        batch = pad([winner for winner, _ in chosen] + [loser for _, loser in chosen], self.pad_id, self.model.device)
        logits = self.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
        log_p = sequence_log_probs(logits, batch.targets)
        winner, loser = log_p[: len(chosen)], log_p[len(chosen) :]
        losses, margins = orpo_losses(winner, loser, self.beta)
        return losses.sum(), {"log_odds_ratio": margins.detach().sum(), "winner_nll": -winner.detach().sum()}


def sft(
    model: PreTrainedModel,
    texts: Sequence[Text],
    recipe: Recipe,
    watcher: Watcher,
    *,
    pad_id: int,
    state_file: Path | None = None,
    enough: Callable[[int], bool] | None = None,
    check_every: int = 0,
    cool_down: int = 0,
) -> int:
    """Supervised fine-tuning: mean token negative log-likelihood of the completions. Changes `model`; returns
    the steps made.
    """
    return train(
        model,
        [len(t) for t in texts],
        TextLoss(model, texts, pad_id),
        recipe,
        watcher,
        state_file=state_file,
        enough=enough,
        check_every=check_every,
        cool_down=cool_down,
    )


def orpo(
    model: PreTrainedModel,
    pairs: Sequence[tuple[Text, Text]],
    recipe: Recipe,
    watcher: Watcher,
    *,
    beta: float,
    pad_id: int,
    state_file: Path | None = None,
) -> int:
    """Odds-ratio preference optimisation on (winner, loser) pairs (eq. 16-17). Changes `model`; returns the
    steps made.
    """
    lengths = [max(len(winner), len(loser)) for winner, loser in pairs]
    return train(model, lengths, PairLoss(model, pairs, pad_id, beta), recipe, watcher, state_file=state_file)
