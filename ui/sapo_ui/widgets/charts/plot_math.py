"""The arithmetic behind the charts: round ticks, thinning that hides no spike, labels that keep clear of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round values (steps of 1, 2 or 5 times a power of ten) within `low`..`high`."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low or most < 1:
        return []
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten within `low`..`high` (both above 0), with 2 and 5 between them where there are few."""
    if low <= 0 or high <= low:
        return []
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1.0,) if last - first > 3 else (1.0, 2.0, 5.0)
    ticks = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
    return [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]


def padded(low: float, high: float, *, share: float = 0.08, least: float = 1e-6) -> tuple[float, float]:
    """A range a little wider than `low`..`high`, never of zero width."""
    span = max(high - low, least)
    return low - span * share, high + span * share


def thin(x: Floats, y: Floats, buckets: int) -> tuple[Floats, Floats]:
    """At most two points a bucket, the lowest and the highest in their order, so that no spike is lost; and one that is
    not finite for each run of buckets without any other, so that a gap stays a gap.

    `x` ascends. Few points come back as they are.
    """
    n = len(x)
    if n <= 2 * buckets or buckets < 1:
        return x, y
    size = -(-n // buckets)
    whole = n // size
    sound = np.isfinite(y)
    none = np.zeros(0, np.bool_)
    if sound.all():
        below = above = y
    else:
        below, above = np.where(sound, y, np.inf), np.where(sound, y, -np.inf)
        none = ~np.logical_or.reduceat(sound, np.arange(0, n, size))
    # All buckets but a shorter last one are rows of one table.
    rows = np.arange(whole) * size
    low = rows + below[: whole * size].reshape(whole, size).argmin(axis=1)
    high = rows + above[: whole * size].reshape(whole, size).argmax(axis=1)
    chosen = [np.array([0, n - 1]), low, high]
    if whole * size < n:
        rest = slice(whole * size, n)
        chosen.append(whole * size + np.array([below[rest].argmin(), above[rest].argmax()]))
    keep = np.unique(np.concatenate(chosen))
    if len(none):  # a value that is not finite only where its bucket has no other
        keep = keep[sound[keep] | none[keep // size]]
    return x[keep], y[keep]


def spread(wanted: Sequence[float], height: float, low: float, high: float) -> list[float]:
    """Positions near `wanted`, at least `height` apart and within `low`..`high` as far as there is room."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    edge = low
    for index in order:
        placed[index] = max(wanted[index], edge)
        edge = placed[index] + height
    edge = high
    for index in reversed(order):
        placed[index] = min(placed[index], edge)
        edge = placed[index] - height
    return placed
