"""Do rewards and accuracy part? A reasoner that learns to please its verifier earns more and answers worse. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

EVALUATIONS = 3
"""How many evaluations in a row have to say so."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An iteration's mean reward, and its accuracy with the 95 % interval."""

    iteration: int
    reward: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Parted:
    """From `since` on rewards rise, and accuracy fell by `fall` (a fraction) with its 95 % interval."""

    since: int
    fall: float
    low: float
    high: float


def parted(evaluations: Sequence[Evaluated]) -> Parted | None:
    """Whether over the last evaluations the mean reward rises each time while accuracy falls by more than chance.

    The interval of the fall takes the two accuracies for independent. They are measured on the same questions, so that
    it is wider than need be, and the alarm late rather than false.
    """
    last = evaluations[-EVALUATIONS:]
    if len(last) < EVALUATIONS or any(b.reward <= a.reward for a, b in pairwise(last)):
        return None
    first, now = last[0], last[-1]
    fall = first.accuracy - now.accuracy
    half = math.hypot(first.high - first.low, now.high - now.low) / 2
    return Parted(first.iteration, fall, fall - half, fall + half) if fall > half else None
