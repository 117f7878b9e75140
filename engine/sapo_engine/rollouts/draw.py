"""One token a row from scores over the vocabulary, without a look at what is in them: nothing here waits for a card."""

from __future__ import annotations

import torch


def draw(logits: torch.Tensor, temperature: float, noise: torch.Tensor | None) -> torch.Tensor:
    """One token a row by inverting the cumulative distribution at `noise`; the most likely one where `noise` is
    None.
    """
    if noise is None:
        return logits.argmax(dim=-1)
    cumulative = torch.softmax(logits.float() / temperature, dim=-1).cumsum(dim=-1)
    threshold = noise[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(1).clamp(max=logits.shape[-1] - 1)


def log_probs_of(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """log p of each row's token, as the network has it: at temperature 1. Shape (rows,)."""
    return torch.log_softmax(logits.float(), dim=-1).gather(1, tokens[:, None]).squeeze(1)
