"""What the numbers of a run's iterations say by themselves. Pure: alarms ask with fixed limits (`alarms`), early stop
with those of the run (`early_stop`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol


class Measured(Protocol):
    """A number of an iteration with its 95 % interval, where there is one, and what it was measured on."""

    @property
    def value(self) -> float:
        """The number."""
        ...

    @property
    def low(self) -> float | None:
        """Where its interval begins."""
        ...

    @property
    def high(self) -> float | None:
        """Where it ends."""
        ...

    @property
    def n(self) -> int | None:
        """What it was measured on."""
        ...


Numbers = Mapping[int, Mapping[str, Measured]]
"""By iteration (0: before the first alignment) and name of the metric."""


def finite(numbers: Numbers) -> dict[int, dict[str, Measured]]:
    """The iterations in order, without values that are no numbers."""
    return {
        iteration: {name: value for name, value in row.items() if math.isfinite(value.value)}
        for iteration, row in sorted(numbers.items())
    }


def gap_widened(before: Measured, now: Measured) -> bool:
    """Whether the gap grew by more than chance: by the intervals of both, taken for independent, which errs on the
    late side. Not where one of the two is no number."""
    halves = [one.value - one.low for one in (before, now) if one.low is not None]
    return now.value - before.value > math.hypot(*halves)


def too_few_pairs(row: Mapping[str, Measured], least: int) -> bool:
    """Whether an iteration that learns from pairs had less than `least` to align on. Not where nobody counted."""
    return "pairs_used" in row and row["pairs_used"].value < least


def points(fraction: float) -> str:
    """A difference of two shares: `3.2 points`."""
    return f"{100 * fraction:.1f} points"
