"""How far a verifier's scores can be taken for probabilities, how to make them some, and how well they tell right from
wrong steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


def reliability(scores: Sequence[float], right: Sequence[bool] | Sequence[float], bins: int = BINS) -> list[Bin]:
    """The reliability curve over `bins` equally wide bins of [0, 1]; empty ones are left out. 1 is in the last. `right`
    may be the chance that a step is right, where nobody knows."""
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


OFF = 0.05
"""By how much mean score and share right of a bin may differ before anything is said of it."""
FEWEST = 10
"""Scores in a bin, at least, before anything is said of it."""


def in_words(curve: Sequence[Bin]) -> str:
    """Where scores are above the share that is right and where below, as one sentence."""
    sure = _ranges([point for point in curve if point.n >= FEWEST and point.score - point.right > OFF])
    doubtful = _ranges([point for point in curve if point.n >= FEWEST and point.right - point.score > OFF])
    parts = [f"{word} {places}" for word, places in (("too sure", sure), ("too doubtful", doubtful)) if places]
    if not parts:
        return f"Scores lie within {100 * OFF:.0f} points of the share that is correct."
    return "Scores are " + ", ".join(parts) + "."


def _ranges(points: Sequence[Bin]) -> str:
    """Bins as ranges of the score; neighbors become one."""
    found: list[list[float]] = []
    for point in points:
        if found and abs(found[-1][1] - point.low) < 1e-9:
            found[-1][1] = point.high
        else:
            found.append([point.low, point.high])
    return " and ".join(f"from {low:.1f} to {high:.1f}" for low, high in found)


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


@dataclass(frozen=True, slots=True)
class Platt:
    """A score as a probability: sigmoid(slope * logit(score) + shift). As it is made, it changes nothing."""

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, scores: Sequence[float]) -> list[float]:
        """The probabilities of these scores."""
        if self == Platt():
            return list(scores)
        return _sigmoid(self.slope * _logit(scores) + self.shift).tolist()


PULL = 1.0
"""Weight of the pull towards no change, in steps: few labels are not to turn scores into certainties."""
ENOUGH = 1e-9


def fit_platt(scores: Sequence[float], right: Sequence[bool]) -> Platt:
    """The map that makes `right` likeliest (Platt 1999; Newton's method). No change where one kind is missing, and
    never one that turns the order of the scores round.
    """
    truths = np.asarray(right, dtype=np.float64)
    if not 0 < truths.sum() < len(truths):
        return Platt()
    places = np.stack([_logit(scores), np.ones(len(truths))], axis=1)
    start = found = np.array([1.0, 0.0])
    for _ in range(50):
        chance = _sigmoid(places @ found)
        slope = places.T @ (chance - truths) + PULL * (found - start)
        bend = (places * (chance * (1 - chance))[:, None]).T @ places + PULL * np.eye(2)
        step = np.linalg.solve(bend, slope)
        # Far from the end a whole step may overshoot.
        found = found - step * min(1.0, 2.0 / float(np.abs(step).max() + ENOUGH))
        if np.abs(step).max() < ENOUGH:
            break
    return Platt(max(0.0, float(found[0])), float(found[1]))


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """A map that is fitted to held-out scores, and the calibration error (ECE) of these scores as they were (`before`)
    and by maps of the other folds (`after`), over so many `steps`. NaN where there were none."""

    map: Platt = Platt()
    before: float = math.nan
    after: float = math.nan
    steps: int = 0


def cross_fitted(folds: Sequence[Sequence[tuple[float, bool]]]) -> CrossFitted:
    """From folds of (score, right), each scored by somebody who has not seen the fold. What `after` measures is held
    out twice: each fold goes through a map that is fitted to the others.
    """
    every = [step for fold in folds for step in fold]
    scores, right = [score for score, _ in every], [mark for _, mark in every]
    mapped: list[float] = []
    for number, fold in enumerate(folds):
        others = [step for place, other in enumerate(folds) if place != number for step in other]
        found = fit_platt([score for score, _ in others], [mark for _, mark in others])
        mapped += found([score for score, _ in fold])
    before, after = (expected_calibration_error(reliability(values, right)) for values in (scores, mapped))
    return CrossFitted(fit_platt(scores, right), before, after, len(every))


def _logit(scores: Sequence[float]) -> NDArray[np.float64]:
    values = np.clip(np.asarray(scores, dtype=np.float64), 1e-4, 1 - 1e-4)
    return np.log(values / (1 - values))


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(values, -500, 500)))
