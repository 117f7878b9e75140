"""How often tries from a prefix succeed where the chance of a success differs from prefix to prefix: the beta-binomial
distribution, fitted on a grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_MEANS = np.concatenate([[0.005, 0.01, 0.02, 0.03], np.arange(0.05, 0.96, 0.05), [0.97, 0.98, 0.99, 0.995]])
_SPREADS = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 64.0])
"""alpha + beta: the larger, the more alike prefixes are."""
_ALPHA = np.outer(_MEANS, _SPREADS).ravel()
_BETA = np.outer(1 - _MEANS, _SPREADS).ravel()

_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


class TryCounts:
    """Counts of tries at many places, and how likely they are under each distribution of the grid.

    The order of successes and failures does not matter, so tries that end at the first success count like any other.
    """

    def __init__(self, succeeded: NDArray[np.int64], made: NDArray[np.int64]) -> None:
        self._shape = made.shape
        pairs, code = np.unique(np.stack([succeeded.ravel(), made.ravel()]), axis=1, return_inverse=True)
        self._code = code.ravel()
        hits, tries = pairs.astype(np.float64)
        alpha, beta = _ALPHA[:, None] + hits, _BETA[:, None] + tries - hits
        self._log_chances = _log_beta(alpha, beta) - _log_beta(_ALPHA, _BETA)[:, None]

    def log_chances(self, which: int) -> NDArray[np.float64]:
        """Log likelihood of each place's tries under one distribution of the grid; 0 where none were made."""
        return self._log_chances[which][self._code].reshape(self._shape)

    def likeliest(self, weights: NDArray[np.float64], guess: float, pull: float) -> int:
        """The distribution under which the tries are likeliest, each place counted `weights` times, and `pull` tries of
        before among them, that succeeded with a chance of `guess`."""
        counts = np.bincount(self._code, weights.ravel(), self._log_chances.shape[1])
        before = pull * (guess * np.log(_ALPHA) + (1 - guess) * np.log(_BETA) - np.log(_ALPHA + _BETA))
        return int(np.argmax(self._log_chances @ counts + before))


def nearest(mean: float, spread: float) -> int:
    """The distribution of the grid that is closest to this mean, among those closest to this spread."""
    away = np.abs(np.log(_ALPHA + _BETA) - math.log(spread)) * 1000 + np.abs(_ALPHA / (_ALPHA + _BETA) - mean)
    return int(np.argmin(away))


def _log_beta(alpha: NDArray[np.float64], beta: NDArray[np.float64]) -> NDArray[np.float64]:
    return _log_gamma(alpha) + _log_gamma(beta) - _log_gamma(alpha + beta)
