"""Which trajectories are worth a person's time: where those who judged the steps differ, and where the verifier wavers.
Pure.

An opinion on a step is a chance that it is right: 0 to 1, NaN where nothing is said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Opinions = NDArray[np.float32]
"""Trajectories x steps: one source's opinions, padded with NaN to the longest."""


def spoken(first_errors: NDArray[np.int64], n_steps: NDArray[np.int64], width: int) -> Opinions:
    """What a source that knows only first errors says of each step: right before the error, wrong from it on.

    A first error of 0 means none, a negative one that the source does not know: NaN, as behind the last step. `width`:
    steps of the longest.
    """
    steps = np.arange(1, width + 1)
    error = first_errors[:, None]
    right = np.where((error == 0) | (steps < error), np.float32(1), np.float32(0))
    unsaid = (error < 0) | (steps > n_steps[:, None])
    return np.where(unsaid, np.float32(np.nan), right)


def disagreement(sources: list[Opinions]) -> NDArray[np.float64]:
    """How far the sources are apart over each trajectory, 0 to 1: the range of their opinions on a step, averaged over
    the steps that two or more speak of. NaN where there is no such step.
    """
    told = np.stack(sources).astype(np.float64)
    silent = np.isnan(told)
    shared = (~silent).sum(axis=0) >= 2
    low = np.where(silent, np.inf, told).min(axis=0)
    high = np.where(silent, -np.inf, told).max(axis=0)
    return _mean(np.subtract(high, low, out=np.zeros_like(low), where=shared), shared)


def uncertainty(scores: Opinions) -> NDArray[np.float64]:
    """How undecided the verifier is, 0 to 1: 1 for a score of one half, 0 for 0 and 1, averaged over the steps. NaN
    where no step is scored.
    """
    scored = ~np.isnan(scores)
    doubt = 1.0 - np.abs(2.0 * np.where(scored, scores, 0.0).astype(np.float64) - 1.0)
    return _mean(np.where(scored, doubt, 0.0), scored)


def _mean(values: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean of each row over what is counted; the rest of `values` is 0."""
    n = counted.sum(axis=1)
    return np.divide(values.sum(axis=1), n, out=np.full(len(values), np.nan), where=n > 0)
