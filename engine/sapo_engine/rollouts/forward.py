"""What the program's own sampler needs of a network: scores for the next token of sequences that are written side by
side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch


class Forward(Protocol):
    """A network's pass over sequences that begin together and leave one by one. Scores have the shape (sequences,
    vocabulary); they may be written over at the next step."""

    def read(self, prompts: Sequence[tuple[int, ...]], counts: Sequence[int], more: int) -> torch.Tensor:
        """Read each prompt once for as many sequences as `counts` says, which go on for `more` tokens at most; the
        scores for the first of these."""
        ...

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Go on by one token in each sequence, shape (sequences,); the scores for the next."""
        ...

    def keep(self, sequences: torch.Tensor) -> None:
        """Go on with these sequences alone: their places in order, in a tensor on the network's device."""
        ...

    def close(self) -> None:
        """Nothing more is asked. What was taken is given back."""
        ...


def padded(prompts: Sequence[tuple[int, ...]], pad: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts with `pad` to their left, shape (prompts, longest), and how many of it each has, shape (prompts,)."""
    width = max(map(len, prompts))
    ids = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    return torch.tensor(ids, device=device), torch.tensor([width - len(p) for p in prompts], device=device)
