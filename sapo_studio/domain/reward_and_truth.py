"""Do rewards and accuracy part? A reasoner that learns to please its verifier earns more and answers worse. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sapo_studio.domain.iteration_numbers import Numbers

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


def evaluations(numbers: Numbers) -> list[Evaluated]:
    """The iterations that have both a mean reward and a greedy accuracy, in order."""
    found: list[Evaluated] = []
    for iteration, row in sorted(numbers.items()):
        reward, accuracy = row.get("mean_reward"), row.get("greedy_accuracy")
        if reward is not None and accuracy is not None:
            low = accuracy.value if accuracy.low is None else accuracy.low
            high = accuracy.value if accuracy.high is None else accuracy.high
            found.append(Evaluated(iteration, reward.value, accuracy.value, low, high))
    return found


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
