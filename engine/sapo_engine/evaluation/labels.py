"""How true labels are, where the task knows the truth of a step."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_engine.text.trajectory import LabeledRow
from sapo_studio.domain.metrics import Share, ratio_share


def label_accuracy(labeled: Sequence[LabeledRow]) -> Share:
    """Share of written labels that are true by the task's step oracle (n = 0 where it knows of none)."""
    right: list[int] = []
    total: list[int] = []
    for trajectory, labels in labeled:
        if trajectory.truth is None:
            continue
        error = trajectory.truth or trajectory.n + 1
        written = [(label == "1") == (step < error) for step, label in enumerate(labels, 1) if label != "?"]
        right.append(sum(written))
        total.append(len(written))
    return ratio_share(right, total)
