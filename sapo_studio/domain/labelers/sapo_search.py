"""SAPO with as many checks as it wants: a search that begins with what the verifier believes (domain/search)."""

from __future__ import annotations

from sapo_studio.domain.labelers.base import CheckLimits, Labeler, WrongTrajectory
from sapo_studio.domain.labels import Checks
from sapo_studio.domain.search import search


def searching(trajectory: WrongTrajectory, limits: CheckLimits) -> Checks:
    """The search, from the trajectory's scores. Without scores every step is as likely as any other."""
    n, scores = trajectory.n, trajectory.scores
    return search(
        scores or [1 - step / n for step in range(1, n + 1)],
        max_checks=limits.max_checks,
        confidence=limits.confidence,
        price=limits.price,
        predicted=trajectory.predicted if scores else 0,
    )


SEARCH = Labeler(
    key="search",
    title="SAPO search",
    help="`sapo` with `labeling.max_checks` above 2, under a name of its own for the label study",
    checks=searching,
    guided=True,
    series=5,
    configured=False,
)
