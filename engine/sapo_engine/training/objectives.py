"""Aligning the reasoner: each optimiser is a loss over items of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import parameters_at_work
from sapo_engine.training.batching import PromptCompletion
from sapo_engine.training.losses import dpo_losses, orpo_losses
from sapo_engine.training.packing import predicted
from sapo_engine.training.reading import (
    log_likelihood,
    pack_for,
    positions_for,
    read_at_a_time,
    token_log_probs,
)
from sapo_engine.training.trainer import TrainingArgs, TrainingCallback, train
from sapo_studio.domain.ledger import Meter, read


@dataclass(frozen=True)
class SftLoss:
    """Negative log-likelihood of completions, a token's mean. Implements training.Loss."""

    model: PreTrainedModel
    texts: Sequence[PromptCompletion]
    pad_id: int

    def over(self, model: nn.Module) -> Self:
        """See Loss."""
        return replace(self, model=cast("PreTrainedModel", model))

    def positions(self, index: int) -> int:
        """See Loss."""
        return len(self.texts[index])

    def weigh(self, indices: Sequence[int]) -> float:
        """See Loss: the tokens that are predicted. A first token without a prompt before it is not."""
        return sum(predicted(self.texts[i]) for i in indices)

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        batch = pack_for(self.model, [self.texts[i] for i in indices])
        return -log_likelihood(self.model, batch, self.pad_id), {}


Pairs = Sequence[tuple[PromptCompletion, PromptCompletion]]
"""Winners with their losers."""


@dataclass(frozen=True)
class OrpoLoss:
    """The odds-ratio loss, a pair's mean (eq. 16-17). Implements training.Loss."""

    model: PreTrainedModel
    pairs: Pairs
    pad_id: int
    beta: float

    def over(self, model: nn.Module) -> Self:
        """See Loss."""
        return replace(self, model=cast("PreTrainedModel", model))

    def positions(self, index: int) -> int:
        """See Loss."""
        return positions_for(self.model, self.pairs[index])

    def weigh(self, indices: Sequence[int]) -> float:
        """See Loss: the pairs."""
        return len(indices)

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        total, count = _log_probs(self.model, [self.pairs[i] for i in indices], self.pad_id)
        winner, loser = total / count
        losses, margins = orpo_losses(winner, loser, self.beta)
        return losses.sum(), {"log_odds_ratio": margins.detach().sum(), "winner_nll": -winner.detach().sum()}


@dataclass(frozen=True)
class DpoLoss:
    """Direct preference optimisation, a pair's mean, and `nll` times the winner's mean token negative log-likelihood
    beside it: 0 is DPO, more is RPO (Pang et al. 2024, eq. 2). Implements training.Loss.

    `before` has log p(w) - log p(l) of each pair under the reasoner that the training begins with.
    """

    model: PreTrainedModel
    pairs: Pairs
    pad_id: int
    before: Sequence[float]
    beta: float
    nll: float = 0.0

    def over(self, model: nn.Module) -> Self:
        """See Loss."""
        return replace(self, model=cast("PreTrainedModel", model))

    def positions(self, index: int) -> int:
        """See Loss."""
        return positions_for(self.model, self.pairs[index])

    def weigh(self, indices: Sequence[int]) -> float:
        """See Loss: the pairs."""
        return len(indices)

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """See Loss."""
        total, count = _log_probs(self.model, [self.pairs[i] for i in indices], self.pad_id)
        before = torch.tensor([self.before[i] for i in indices], device=total.device)
        losses, margins = dpo_losses(total[0], total[1], before, self.beta)
        nll = -(total[0] / count[0])
        curves = {"preference_margin": margins.detach().sum(), "winner_nll": nll.detach().sum()}
        return (losses + self.nll * nll).sum(), curves


def _log_probs(model: PreTrainedModel, pairs: Pairs, pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed log-probabilities of the completions, and how many tokens they have. Both of shape (2, B), winners
    first."""
    batch = pack_for(model, [text for pair in pairs for text in pair])
    total = batch.by_text(token_log_probs(model, batch, pad_id))
    return total.view(-1, 2).T, batch.counts.clamp(min=1).view(-1, 2).T


@torch.inference_mode()
def preferences(model: PreTrainedModel, pairs: Pairs, args: TrainingArgs, *, pad_id: int) -> list[float]:
    """log p(w) - log p(l) of each pair under `model`. Divided among the recipe's processes, who all get all."""
    model.eval()
    args.meter.add(read(sum(len(winner) + len(loser) for winner, loser in pairs), parameters_at_work(model)))

    def work(indices: Sequence[int]) -> list[float]:
        mine = [pairs[i] for i in indices]
        order = sorted(range(len(mine)), key=lambda k: len(mine[k][0]) + len(mine[k][1]))
        found = [0.0] * len(mine)
        for rows in read_at_a_time(model, mine, order, args.micro_tokens):
            with autocast(model.device, args.precision):
                total, _ = _log_probs(model, [mine[k] for k in rows], pad_id)
            for k, value in zip(rows, (total[0] - total[1]).tolist(), strict=True):
                found[k] = value
        return found

    return args.group.map(range(len(pairs)), work, [float(len(winner) + len(loser)) for winner, loser in pairs])


@torch.inference_mode()
def log_probs(
    model: PreTrainedModel,
    texts: Sequence[PromptCompletion],
    *,
    pad_id: int,
    precision: str = "fp32",
    meter: Meter | None = None,
) -> list[list[float]]:
    """log p of each token of each completion under `model`, which reads a text at once. No prompt may be empty."""
    model.eval()
    if meter is not None:
        meter.add(read(sum(map(len, texts)), parameters_at_work(model)))
    found: list[list[float]] = [[] for _ in texts]
    order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
    for rows in read_at_a_time(model, [[text] for text in texts], order):
        with autocast(model.device, precision):
            values = token_log_probs(model, pack_for(model, [texts[k] for k in rows]), pad_id)
        for k, part in zip(rows, values.split([predicted(texts[k]) for k in rows]), strict=True):
            found[k] = part.tolist()
    return found


def sft(
    model: PreTrainedModel,
    texts: Sequence[PromptCompletion],
    args: TrainingArgs,
    callback: TrainingCallback,
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
        SftLoss(model, texts, pad_id),
        args,
        callback,
        state_file=state_file,
        enough=enough,
        check_every=check_every,
        cool_down=cool_down,
    )


def orpo(
    model: PreTrainedModel,
    pairs: Pairs,
    args: TrainingArgs,
    callback: TrainingCallback,
    *,
    beta: float,
    pad_id: int,
    state_file: Path | None = None,
) -> int:
    """Odds-ratio preference optimisation on (winner, loser) pairs (eq. 16-17). Changes `model`; returns the
    steps made.
    """
    lengths, tokens = _sizes(pairs)
    loss = OrpoLoss(model, pairs, pad_id, beta)
    return train(model, lengths, loss, args, callback, tokens=tokens, state_file=state_file)


def dpo(
    model: PreTrainedModel,
    pairs: Pairs,
    args: TrainingArgs,
    callback: TrainingCallback,
    *,
    before: Sequence[float],
    beta: float,
    nll: float = 0.0,
    pad_id: int,
    state_file: Path | None = None,
) -> int:
    """Direct preference optimisation on (winner, loser) pairs, with `nll` > 0 RPO. `before` is what `preferences` gave
    for the reasoner that the training began with. Changes `model`; returns the steps made.
    """
    lengths, tokens = _sizes(pairs)
    loss = DpoLoss(model, pairs, pad_id, before, beta, nll)
    return train(model, lengths, loss, args, callback, tokens=tokens, state_file=state_file)


def _sizes(pairs: Pairs) -> tuple[list[int], list[int]]:
    """How long each pair is beside others, and how many tokens it has."""
    sides = [(len(winner), len(loser)) for winner, loser in pairs]
    return [max(each) for each in sides], [sum(each) for each in sides]
