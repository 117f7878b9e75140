"""Means over seeds with their intervals, and comparisons of methods over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.student_t import quantile, two_sided


@dataclass(frozen=True)
class Mean:
    """Mean over seeds with its 95 % t interval (none with one seed)."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Compared:
    """This method less the one that is compared with, over seeds. `p`: of the two-sided t test, None where there are
    too few seeds for one. `p_holm`: the same corrected for how many are printed beside it, where that was done
    (`holm`)."""

    difference: Mean
    p: float | None
    p_holm: float | None = None


def mean(values: Sequence[float]) -> Mean:
    """Mean and 95 % t interval."""
    data = np.asarray(values, dtype=np.float64)
    value = float(data.mean())
    if len(data) < 2:
        return Mean(value, None, None, len(data))
    half = quantile(len(data) - 1) * float(data.std(ddof=1)) / math.sqrt(len(data))
    return Mean(value, value - half, value + half, len(data))


def compared(pairs: Sequence[tuple[float, float]]) -> Compared:
    """Of (this, other) by seed: the paired t test."""
    differences = [a - b for a, b in pairs]
    found = mean(differences)
    if len(differences) < 2:
        return Compared(found, None)
    if max(differences) == min(differences):  # the test has no variance to go by
        return Compared(found, 1.0 if differences[0] == 0 else 0.0)
    error = math.sqrt(_error_squared(np.asarray(differences, dtype=np.float64)))
    return Compared(found, two_sided(found.value / error if error else math.inf, len(differences) - 1))


def unpaired(mine: Sequence[float], others: Sequence[float]) -> Compared:
    """Of this method's seeds and the other's, which do not belong together: Welch's t test. Both have two or more
    for a p; `difference.n` is how many there are in all."""
    a, b = np.asarray(mine, dtype=np.float64), np.asarray(others, dtype=np.float64)
    value, n = float(a.mean() - b.mean()), len(a) + len(b)
    if min(len(a), len(b)) < 2:
        return Compared(Mean(value, None, None, n), None)
    first, second = _error_squared(a), _error_squared(b)
    if first + second == 0.0:  # the test has no variance to go by
        return Compared(Mean(value, value, value, n), 1.0 if value == 0.0 else 0.0)
    freedom = (first + second) ** 2 / (first**2 / (len(a) - 1) + second**2 / (len(b) - 1))
    error = math.sqrt(first + second)
    half = quantile(freedom) * error
    return Compared(Mean(value, value - half, value + half, n), two_sided(value / error, freedom))


def _error_squared(data: NDArray[np.float64]) -> float:
    return float(data.var(ddof=1)) / len(data)


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979), in the order given: each bounds the probability that any of the
    differences whose corrected p is as small is none."""
    found = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda k: ps[k])):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        found[place] = highest
    return found


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's correlation; NaN where one of them does not vary."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])
