"""A score for a whole solution out of the scores of its steps. Free of numpy, since requests name the ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

Aggregation = Literal["mean", "min", "last", "product"]

AGGREGATIONS: dict[Aggregation, Callable[[Sequence[float]], float]] = {
    "mean": lambda scores: sum(scores) / len(scores),
    "min": min,
    "last": lambda scores: scores[-1],
    "product": math.prod,
}
"""By name. SAPO's own is the mean (eq. 14)."""


def aggregate(name: Aggregation, scores: Sequence[float]) -> float:
    """The solution's score; 0 for one without steps."""
    return float(AGGREGATIONS[name](scores)) if scores else 0.0
