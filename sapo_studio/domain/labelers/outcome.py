"""Outcome labels: no step is looked at, each gets the label of the final answer. The ablation without process
feedback."""

from __future__ import annotations

from sapo_studio.domain.labelers.base import Labeler

OUTCOME = Labeler(
    key="outcome",
    title="outcome",
    help="every step gets the final answer's label (the ablation without process feedback)",
    checks=None,
    cases={"outcome": "By outcome only"},
)
