"""How much a run has computed, as one number that is fair to all methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.metric_catalog import label_cost

SPENT = (
    "sample_tokens",
    *(label_cost("tokens", key) for key in COMPARED),
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


@dataclass(slots=True)
class Usage:
    """What generating has cost so far.

    Every sequence has a prompt: `prefill_tokens` are those of the prompts' tokens that were computed, `prefix_hits`
    those that were there already because another sequence had the same beginning.
    """

    sequences: int = 0
    generated_tokens: int = 0
    prefill_tokens: int = 0
    prefix_hits: int = 0

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.sequences - other.sequences,
            self.generated_tokens - other.generated_tokens,
            self.prefill_tokens - other.prefill_tokens,
            self.prefix_hits - other.prefix_hits,
        )

    def copy(self) -> Usage:
        """A snapshot to subtract later."""
        return replace(self)
