"""Aligning the reasoner: each optimiser is a loss over items of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel

from sapo_engine.batching import Text, pad
from sapo_engine.losses import orpo_loss, sequence_log_probs, token_log_probs
from sapo_engine.training import Recipe, Watcher, train


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

    def loss_of(indices: list[int]) -> tuple[torch.Tensor, dict[str, float]]:
        batch = pad([texts[i] for i in indices], pad_id, model.device)
        logits = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
        log_probs = token_log_probs(logits, batch.targets)
        return -log_probs.sum() / (batch.targets != -100).sum(), {}

    return train(
        model,
        [len(t) for t in texts],
        loss_of,
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

    def loss_of(indices: list[int]) -> tuple[torch.Tensor, dict[str, float]]:
        chosen = [pairs[i] for i in indices]
        batch = pad([winner for winner, _ in chosen] + [loser for _, loser in chosen], pad_id, model.device)
        logits = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False).logits
        log_p = sequence_log_probs(logits, batch.targets)
        loss, margin = orpo_loss(log_p[: len(chosen)], log_p[len(chosen) :], beta)
        return loss, {
            "log_odds_ratio": float(margin.detach()),
            "winner_nll": -float(log_p[: len(chosen)].detach().mean()),
        }

    lengths = [max(len(winner), len(loser)) for winner, loser in pairs]
    return train(model, lengths, loss_of, recipe, watcher, state_file=state_file)
