"""Batches of like length, padded on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sapo_engine.training.losses import IGNORE


@dataclass(frozen=True, slots=True)
class PromptCompletion:
    """Prompt and completion of one training sequence."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    """ids, mask and targets of a batch, each of shape (B, L). Targets are IGNORE outside the completion.

    `first` is the first position that any row's target follows: what is before it has nothing to predict, and over a
    large vocabulary that is worth leaving out.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor
    first: int

    @property
    def predicting(self) -> torch.Tensor:
        """The positions, for every row the same, whose next tokens are wanted. Shape (L - 1 - first,)."""
        return torch.arange(self.first, self.ids.shape[1] - 1, device=self.ids.device)

    @property
    def after(self) -> torch.Tensor:
        """What follows at the `predicting` positions, shape (B, L - 1 - first)."""
        return self.targets[:, self.first + 1 :]


def pad(sequences: Sequence[PromptCompletion], pad_id: int, device: torch.device) -> PaddedBatch:
    """Right-padded tensors on `device`."""
    width = max(len(sequence) for sequence in sequences)
    ids = np.full((len(sequences), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(sequences), width), dtype=np.int64)
    targets = np.full((len(sequences), width), IGNORE, dtype=np.int64)
    for row, sequence in enumerate(sequences):
        begin, end = len(sequence.prompt), len(sequence)
        ids[row, :end] = sequence.prompt + sequence.completion
        mask[row, :end] = 1
        targets[row, begin:end] = sequence.completion
    first = max(0, min(len(sequence.prompt) for sequence in sequences) - 1)
    return PaddedBatch(*(torch.from_numpy(array).to(device) for array in (ids, mask, targets)), first=first)


def epoch_batches(lengths: Sequence[int], batch: int, seed: int, epoch: int) -> list[list[int]]:
    """One epoch's batches of indices: shuffled, but with like lengths together so that little is padding, in
    random order.

    A batch's members change from epoch to epoch, since lengths are blurred before sorting.
    """
    rng = np.random.default_rng([seed, epoch])
    blurred = np.asarray(lengths, dtype=np.float64) + rng.uniform(0, 6, len(lengths))
    order = np.argsort(blurred, kind="stable")
    batches = [order[at : at + batch].tolist() for at in range(0, len(order), batch)]
    rng.shuffle(batches)
    return batches


def plain_batches(lengths: Sequence[int], batch: int) -> list[list[int]]:
    """Every index once, like lengths together, in a fixed order (for scoring)."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    return [order[at : at + batch].tolist() for at in range(0, len(order), batch)]
