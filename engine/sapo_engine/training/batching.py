"""What is trained on, and batches of like length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class PromptCompletion:
    """Prompt and completion of one training sequence."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


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
