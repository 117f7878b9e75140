"""To be worded."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_engine.phases.context import Phase, send_share
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.domain.metrics import (
    ratio_share,
)


def label_accuracy(phase: Phase, labelled: Sequence[tuple[Trajectory, str]]) -> None:
    """Share of written labels that are true by the task's step oracle."""
    right: list[int] = []
    total: list[int] = []
    for trajectory, labels in labelled:
        if trajectory.truth is None:
            continue
        error = trajectory.truth or trajectory.n + 1
        written = [(label == "1") == (step < error) for step, label in enumerate(labels, 1) if label != "?"]
        right.append(sum(written))
        total.append(len(written))
    if total:
        send_share(phase, "label_accuracy", ratio_share(right, total))
