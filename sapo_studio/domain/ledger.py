"""How much a run has computed, as one number that is fair to all methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPENT = (
    "sample_tokens",
    "label_tokens_sapo",
    "label_tokens_omega",
    "label_tokens_shepherd",
    "verifier_tokens",
    "align_tokens",
    "align_generated_tokens",
)
"""Metrics that are tokens generated or trained on. Scoring and evaluation are left out, and so is the warm-up, which
all methods share."""


def spent(metrics: Mapping[Any, Mapping[str, float]]) -> float:
    """Tokens generated and trained on after the warm-up. `metrics` by iteration and name, measured ones only: of the
    labelers' bills that of the run's own."""
    return sum(mine.get(name, 0.0) for mine in metrics.values() for name in SPENT)


def spent_until(metrics: Mapping[int, Mapping[str, float]]) -> dict[int, float]:
    """The same up to and including each iteration."""
    total = 0.0
    found: dict[int, float] = {}
    for iteration in sorted(metrics):
        total += spent({iteration: metrics[iteration]})
        found[iteration] = total
    return found
