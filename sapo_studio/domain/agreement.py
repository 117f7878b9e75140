"""How far people agree, beyond what chance would give: Cohen's kappa and Krippendorff's alpha, with intervals.

All categories are nominal, first errors too: "step 2" and "step 3" are as different as "step 2" and "none". Intervals
are 95 % bootstrap intervals over trajectories, since the steps of one are not independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.metrics import wilson

Unit = Mapping[str, int]
"""What each person says of one thing (a step, or where a trajectory's first error is); who did not say is absent."""

Units = Sequence[Unit]
"""The units of one trajectory, which a bootstrap draws or leaves out together."""

RESAMPLES = 2000
LEAST_DEFINED = 0.95
"""Share of resamples that must have a value for their quantiles to be an interval."""

NOTHING_SHARED = "nothing was judged by both"
NOTHING_SHARED_BY_ANY = "nothing was judged by two people"
ONE_CATEGORY = "everybody always says the same, so that chance would agree as often"

_NUMBERS_AT_ONCE = 4_000_000
"""Weights of a batch of resamples: 32 MB."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A measure of agreement over `n` units. `value` is None where it is not defined, and `why` says why not.

    `low`, `high`: its 95 % interval; None where there is none: fewer than two trajectories, or no two resamples that
    differ (people who always agreed show nothing of how often they would not).
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


def cohen_kappa(trajectories: Sequence[Units], first: str, second: str, *, seed: int = 0) -> Coefficient:
    """Cohen's kappa (1960) of two people over the units that both of them judged."""
    shared = [
        [(unit[first], unit[second]) for unit in units if first in unit and second in unit] for units in trajectories
    ]
    shared = [pairs for pairs in shared if pairs]
    place = _places(said for pairs in shared for pair in pairs for said in pair)
    k = len(place)
    # What kappa is made of adds up over trajectories: agreements, and how often each of the two says what.
    parts = np.zeros((len(shared), 1 + 2 * k))
    for row, pairs in zip(parts, shared, strict=True):
        for a, b in pairs:
            row[0] += a == b
            row[1 + place[a]] += 1
            row[1 + k + place[b]] += 1

    def kappa(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        mine, theirs = sums[:, 1 : 1 + k], sums[:, 1 + k :]
        n, by_chance = mine.sum(axis=1), (mine * theirs).sum(axis=1)
        return _ratio(n * sums[:, 0] - by_chance, n**2 - by_chance)

    return _estimate(parts, kappa, sum(map(len, shared)), NOTHING_SHARED, seed)


def krippendorff_alpha(trajectories: Sequence[Units], *, seed: int = 0) -> Coefficient:
    """Krippendorff's alpha (2011), nominal, over the units that at least two people judged; any number of people, any
    of whom may be missing anywhere."""
    shared = [[list(unit.values()) for unit in units if len(unit) > 1] for units in trajectories]
    shared = [units for units in shared if units]
    place = _places(said for units in shared for unit in units for said in unit)
    # Agreements as in the diagonal of the coincidence matrix, and how often each category is said.
    parts = np.zeros((len(shared), 1 + len(place)))
    for row, units in zip(parts, shared, strict=True):
        for unit in units:
            counts = Counter(unit)
            row[0] += sum(count * (count - 1) for count in counts.values()) / (len(unit) - 1)
            for said, count in counts.items():
                row[1 + place[said]] += count

    def alpha(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = sums[:, 1:]
        n = counts.sum(axis=1)
        by_chance = (counts * (counts - 1)).sum(axis=1)
        return _ratio((n - 1) * sums[:, 0] - by_chance, n * (n - 1) - by_chance)

    return _estimate(parts, alpha, sum(map(len, shared)), NOTHING_SHARED_BY_ANY, seed)


def same_share(units: Units) -> Coefficient:
    """Share of the units judged by at least two people of which all of these say the same. Its interval is Wilson's: a
    share of 1 has none by bootstrap."""
    shared = [len({*unit.values()}) == 1 for unit in units if len(unit) > 1]
    if not shared:
        return Coefficient(None, None, None, 0, NOTHING_SHARED_BY_ANY)
    share = wilson(sum(shared), len(shared))
    return Coefficient(share.value, share.low, share.high, share.n)


def confusion(units: Units, first: str, second: str, categories: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """How often `first` says the category of a row while `second` says that of a column."""
    said = Counter((unit[first], unit[second]) for unit in units if first in unit and second in unit)
    return tuple(tuple(said[row, column] for column in categories) for row in categories)


def _places(said: Iterable[int]) -> dict[int, int]:
    return {category: place for place, category in enumerate(sorted({*said}))}


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN where `below` is 0: sums of counts, which are exact."""
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0)


def _estimate(
    parts: NDArray[np.float64],
    measure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    n: int,
    nothing: str,
    seed: int,
) -> Coefficient:
    """`measure` of the sum of `parts` (a row a trajectory), with its bootstrap interval."""
    if not n:
        return Coefficient(None, None, None, 0, nothing)
    value = float(measure(parts.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return Coefficient(None, None, None, n, ONE_CATEGORY)
    m = len(parts)
    # Trajectories that are alike are drawn together: how often any of them comes is what counts.
    kinds, counts = np.unique(parts, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn: list[NDArray[np.float64]] = []
    done, batch = 0, max(1, _NUMBERS_AT_ONCE // len(kinds))
    while done < RESAMPLES:
        weights = rng.multinomial(m, counts / m, size=min(batch, RESAMPLES - done))
        drawn.append(measure(weights @ kinds))
        done += len(weights)
    values = np.concatenate(drawn)
    values = values[~np.isnan(values)]
    if len(values) < LEAST_DEFINED * RESAMPLES or np.ptp(values) == 0:
        return Coefficient(value, None, None, n)
    low, high = (float(bound) for bound in np.quantile(values, (0.025, 0.975)))
    return Coefficient(value, low, high, n)
