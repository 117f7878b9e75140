"""Two reasoners on the same questions: exactly and by resampling questions, and their difference where questions cannot
be paired. Shares are fractions; intervals are 95 % ones. Pure; the same numbers give the same results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.metrics import Z95, wilson

DRAWS = 10_000
"""Resamples of the bootstrap."""
_SEED = 0
_AT_ONCE = 2_000_000
"""Counts that are drawn at a time."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two means with its interval and the p value of the two-sided test."""

    value: float
    low: float
    high: float
    p: float


def mcnemar(wins: int, losses: int) -> float:
    """The exact two-sided p of McNemar's test: `wins` questions that one alone has right, `losses` the other alone.
    Where both are as good, each of these falls to either like a fair coin."""
    n, less = wins + losses, min(wins, losses)
    if wins == losses:
        return 1.0
    k = np.arange(less + 1)
    # log of (n over k) by sums of logarithms: the numbers themselves have thousands of digits.
    steps = np.concatenate([[0.0], np.log((n - k[1:] + 1) / k[1:])])
    logs = np.cumsum(steps) - n * math.log(2)
    top = float(logs.max())
    return min(1.0, 2.0 * math.exp(top) * float(np.exp(logs - top).sum()))


def bootstrap(
    differences: Sequence[float] | NDArray[np.float64], sizes: Sequence[float] | NDArray[np.float64] | None = None
) -> Difference:
    """The mean of one difference a question (each from -1 to 1), over DRAWS resamples of the questions: the percentile
    interval, and twice the share of resamples on the other side of 0. A question counts as one, however many samples
    its difference is the mean of: they are not independent. With `sizes` (all above 0) the difference of a question is
    a sum over so many, and the mean is over all of these: sum(differences) / sum(sizes).

    No fewer than k questions that differ can show more than a sign test of k can: p is at least 2^(1-k). Where all
    differ alike, they do not vary but a further one might: as often as Wilson's interval says.
    """
    data = np.asarray(differences, dtype=np.float64)
    weights = np.ones(len(data)) if sizes is None else np.asarray(sizes, dtype=np.float64)
    n = len(data)
    if n == 0:
        raise ValueError("there is no question")
    pairs, counts = np.unique(np.stack([data, weights]), axis=1, return_counts=True)
    value = float(data.sum() / weights.sum())
    differing = int(np.count_nonzero(data))
    if np.ptp(pairs[0] / pairs[1]) == 0.0:
        one_more = wilson(0, n).high
        low, high = value - one_more * (1.0 + value), value + one_more * (1.0 - value)
        return Difference(value, low, high, _at_least(0.0, differing))
    # The other way round the draws are the same, mirrored: left less right must say what right less left does.
    table = [*zip(*pairs.tolist(), counts.tolist(), strict=True)]
    mirrored = sorted((-difference, size, count) for difference, size, count in table)
    if mirrored < table:
        back = np.array([row[:2] for row in mirrored]).T
        means = -_resampled(back, np.array([row[2] for row in mirrored]))
    else:
        means = _resampled(pairs, counts)
    low, high = (float(edge) for edge in np.quantile(means, (0.025, 0.975)))
    # A mean of 0 may come out as one a rounding away from it.
    near = 1e-12
    beyond = min(int((means <= near).sum()), int((means >= -near).sum()))
    return Difference(value, low, high, _at_least(2.0 * (beyond + 1) / (DRAWS + 1), differing))


def _at_least(p: float, differing: int) -> float:
    return min(1.0, max(p, 2.0 ** (1 - differing))) if differing else 1.0


def _resampled(pairs: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means of DRAWS resamples of `counts` questions of each pair of a difference and its size (the two rows of
    `pairs`). How often each is drawn is multinomial: there are far fewer of them than questions."""
    rng = np.random.default_rng(_SEED)
    n = int(counts.sum())
    chances = counts / n
    part = max(1, _AT_ONCE // len(counts))
    found: list[NDArray[np.float64]] = []
    for at in range(0, DRAWS, part):
        sums = rng.multinomial(n, chances, size=min(part, DRAWS - at)) @ pairs.T
        found.append(sums[:, 0] / sums[:, 1])
    return np.concatenate(found)


def apart(left: tuple[float, float, float], right: tuple[float, float, float]) -> Difference:
    """The difference of two numbers with intervals, (value, low, high), of which nobody knows how they go together: as
    if of different questions (Newcombe's method 10; the test is by the intervals' widths). Of the same questions they
    mostly rise and fall together: the interval is then wider than it need be, and p larger."""
    (a, a_low, a_high), (b, b_low, b_high) = left, right
    value = a - b
    low = value - math.hypot(a - a_low, b_high - b)
    high = value + math.hypot(a_high - a, b - b_low)
    error = math.hypot(a_high - a_low, b_high - b_low) / (2 * Z95)
    if error == 0.0:
        return Difference(value, low, high, 1.0 if value == 0.0 else 0.0)
    return Difference(value, low, high, math.erfc(abs(value) / error / math.sqrt(2)))
