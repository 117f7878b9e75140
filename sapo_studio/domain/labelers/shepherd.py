"""Shepherd: rollouts from every step (Math-Shepherd's), which takes nothing for granted and costs most."""

from __future__ import annotations

from sapo_studio.domain.labelers.base import Labeler
from sapo_studio.domain.labels import Checks, Verdict, monotone


def shepherd(n: int) -> Checks:
    """A check of every prefix but the last, whose label is known."""
    labels = ""
    for step in range(1, n):
        labels += "1" if (yield step) else "0"
    labels = monotone(labels + "0")
    return Verdict(labels, "swept", 0, labels.index("0") + 1)


SHEPHERD = Labeler(
    key="shepherd",
    title="Shepherd",
    help="rollouts from every step",
    checks=lambda trajectory, _: shepherd(trajectory.n),
    cases={"swept": "Swept (Shepherd)"},
    series=1,
)
