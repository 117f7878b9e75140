"""How far a verifier's scores can be taken for probabilities, and how well they tell right from wrong steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """One point of the reliability curve: of `n` steps scored from `low` up to `high`, the mean score and the share
    that is right."""

    low: float
    high: float
    n: int
    score: float
    right: float


def reliability(scores: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """The reliability curve over `bins` equally wide bins of [0, 1]; empty ones are left out. 1 is in the last."""
    values, truths = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    found: list[Bin] = []
    for k in range(bins):
        mine = place == k
        if mine.any():
            mean, share = float(values[mine].mean()), float(truths[mine].mean())
            found.append(Bin(k / bins, (k + 1) / bins, int(mine.sum()), mean, share))
    return found


def expected_calibration_error(curve: Sequence[Bin]) -> float:
    """ECE: the mean distance between score and share right, over steps. NaN where there are none."""
    n = sum(point.n for point in curve)
    return sum(point.n * abs(point.score - point.right) for point in curve) / n if n else math.nan


def auroc(scores: Sequence[float], right: Sequence[bool]) -> float:
    """Probability that a right step is scored above a wrong one, ties counted half. NaN where one kind is missing."""
    values, truths = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=bool)
    positives = int(truths.sum())
    negatives = len(truths) - positives
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[place]  # of ties the mean rank
    return float((ranks[truths].sum() - positives * (positives + 1) / 2) / (positives * negatives))
