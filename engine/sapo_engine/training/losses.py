"""The losses, as functions of tensors: one number an item, in fp32 whatever the model is in."""

from __future__ import annotations

import torch
from torch.nn import functional


def next_log_probs(logits: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """log p of the tokens `after` (T,) under `logits` (T, V) of the very positions that they follow."""
    return -functional.cross_entropy(logits.float(), after, reduction="none")


def orpo_losses(winner: torch.Tensor, loser: torch.Tensor, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """L = NLL(w) - beta * log sigmoid(log odds(w) - log odds(l)) of each pair (eq. 16-17).

    `winner` and `loser` are length-normalised sequence log-probabilities, shape (B,). Returns the losses and the
    log odds ratios.
    """
    margins = log_odds(winner) - log_odds(loser)
    return -winner - beta * functional.logsigmoid(margins), margins


def dpo_losses(
    winner: torch.Tensor, loser: torch.Tensor, before: torch.Tensor, beta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """-log sigmoid(beta * margin) of each pair, the margin being by how much log p(w) - log p(l) has grown (Rafailov et
    al. 2023, eq. 7).

    `winner` and `loser` are summed sequence log-probabilities, `before` the difference of those of the reasoner that
    the training began with. All of shape (B,). Returns the losses and the margins.
    """
    margins = winner - loser - before
    return -functional.logsigmoid(beta * margins), margins


def log_odds(log_p: torch.Tensor) -> torch.Tensor:
    """log(p / (1 - p)) from log p, without leaving log space. p = 1 is held just below."""
    held = log_p.clamp(max=-1e-6)
    return held - torch.log(-torch.expm1(held))


def step_errors(scores: torch.Tensor, labels: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Each trajectory's mean squared error of v_j against c_j over the labeled steps (eq. 6).
    All of shape (B, S); `known` marks the steps that have a label. Returns shape (B,)."""
    weight = known.float()
    return (((scores.float() - labels) ** 2) * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)
