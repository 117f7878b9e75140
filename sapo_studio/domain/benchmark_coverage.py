"""On how much of a supplied process benchmark MCE and gap are measured: rollouts need something to be graded by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

GRADED = "mce_solutions"
LEFT_OUT = "mce_left_out"
"""The metrics that hold the two counts."""

FROM_BEFORE = (
    "MCE and gap of this run say nothing: an earlier version graded rollouts of the benchmark's questions without "
    "knowing their answers."
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Solutions of a process benchmark whose questions can be graded, and those that cannot."""

    graded: int
    left_out: int

    @property
    def note(self) -> str:
        """What to say beside MCE and gap; empty where all can be graded."""
        whole = self.graded + self.left_out
        if not self.left_out:
            return ""
        if not self.graded:
            return (
                f"MCE and gap are not measured: none of the {whole:,} solutions of the process benchmark has a question"
                " with a known answer or tests."
            )
        return (
            f"MCE and gap are measured on {self.graded:,} of the {whole:,} solutions of the process benchmark: of the "
            f"other {self.left_out:,} no answer and no tests are known."
        )


class Valued(Protocol):
    """A stored number."""

    @property
    def value(self) -> float:
        """The number."""
        ...


Metrics = Mapping[int, Mapping[str, Valued]]
"""A run's numbers by iteration and name."""


def coverage_of(metrics: Metrics) -> Coverage | None:
    """What a run's metrics say of it, in the last iteration that says it; None where none does."""
    said = [row for _, row in sorted(metrics.items()) if GRADED in row and LEFT_OUT in row]
    return Coverage(round(said[-1][GRADED].value), round(said[-1][LEFT_OUT].value)) if said else None


def note_of(metrics: Metrics, *, supplied: bool) -> str:
    """What to say beside a run's MCE and gap, perhaps nothing. `supplied`: its benchmark came with the data."""
    found = coverage_of(metrics)
    if found is not None:
        return found.note
    return FROM_BEFORE if supplied and any("mce" in row for row in metrics.values()) else ""
