"""Means over seeds with their intervals, and paired comparisons of methods."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Mean:
    """Mean over seeds with its 95 % t interval (none with one seed)."""

    value: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Compared:
    """This method less the one that is compared with; over seeds, paired. `p`: of the two-sided paired t test, None
    with one seed. `p_holm`: the same corrected for how many are printed beside it, where that was done (`holm`)."""

    difference: Mean
    p: float | None
    p_holm: float | None = None


def mean(values: Sequence[float]) -> Mean:
    """Mean and 95 % t interval."""
    data = np.asarray(values, dtype=np.float64)
    value = float(data.mean())
    if len(data) < 2:
        return Mean(value, None, None, len(data))
    from scipy import stats

    half = float(stats.t.ppf(0.975, len(data) - 1)) * float(data.std(ddof=1)) / math.sqrt(len(data))
    return Mean(value, value - half, value + half, len(data))


def compared(pairs: Sequence[tuple[float, float]]) -> Compared:
    """Of (this, other) by seed."""
    differences = [a - b for a, b in pairs]
    found = mean(differences)
    if len(differences) < 2:
        return Compared(found, None)
    if max(differences) == min(differences):  # the test has no variance to go by
        return Compared(found, 1.0 if differences[0] == 0 else 0.0)
    from scipy import stats

    test: Any = stats.ttest_rel([a for a, _ in pairs], [b for _, b in pairs])
    return Compared(found, float(test.pvalue))


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
