"""How well scores of steps tell right from wrong on a process benchmark: what a run measures of its verifier and of the
Monte-Carlo ceiling, and what `sapo evaluate` measures of any verifier.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sapo_studio.domain.calibration import auroc, expected_calibration_error, reliability
from sapo_studio.domain.metrics import (
    Share,
    json_number,
    predicted_first_error,
    processbench_f1,
    ratio_difference,
    ratio_share,
    step_hits,
    wilson,
)
from sapo_studio.domain.process_measures import aggregation_rows, threshold_rows

Scored = Sequence[tuple[Sequence[float], int]]
"""Scores of a solution's steps (of labels: 1.0 and 0.0), and its first error (0: none)."""


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """What was measured of `scored`. Steps count up to and including the first error: whether a step behind one is
    right is nobody's to say. Intervals are over solutions.

    `f1`, `accuracy_on_wrong` and `accuracy_on_right` are NaN where there are no solutions of that kind.
    """

    scored: Scored
    hits: tuple[int, ...]
    """Of each solution the steps that are judged rightly,"""
    sizes: tuple[int, ...]
    """and the steps that count."""
    first_error_accuracy: Share
    f1: float
    accuracy_on_wrong: float
    accuracy_on_right: float

    @property
    def step_accuracy(self) -> Share:
        """Share of the steps that are judged rightly."""
        return ratio_share(self.hits, self.sizes)

    @property
    def calibration_error(self) -> float:
        """ECE of the steps' scores; NaN where there are none."""
        return expected_calibration_error(reliability(*self._steps()))

    def _steps(self) -> tuple[list[float], list[bool]]:
        """Scores of all steps up to the first error, and whether they are right."""
        flat = [
            (score, truth == 0 or step < truth)
            for scores, truth in self.scored
            for step, score in enumerate(scores[: truth or len(scores)], start=1)
        ]
        return [score for score, _ in flat], [truth for _, truth in flat]

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON, with calibration: AUROC and ECE of steps, and the reliability curve."""
        scores, right = self._steps()
        curve = reliability(scores, right)
        return {
            "solutions": len(self.scored),
            "steps": len(scores),
            "step_accuracy": share_row(self.step_accuracy),
            "first_error_accuracy": share_row(self.first_error_accuracy),
            "f1": json_number(self.f1),
            "accuracy_on_wrong": json_number(self.accuracy_on_wrong),
            "accuracy_on_right": json_number(self.accuracy_on_right),
            "auroc": json_number(auroc(scores, right)),
            "ece": json_number(expected_calibration_error(curve)),
            "reliability": [asdict(point) for point in curve],
        }


def step_metrics(scored: Scored) -> StepMetrics:
    """Measure a verifier, or labels, on a process benchmark."""
    counted = [step_hits(scores, truth) for scores, truth in scored]
    predicted = [predicted_first_error(scores) for scores, _ in scored]
    truths = [truth for _, truth in scored]
    f1, on_wrong, on_right = processbench_f1(predicted, truths)
    exact = sum(p == t for p, t in zip(predicted, truths, strict=True))
    return StepMetrics(
        scored=scored,
        hits=tuple(hits for hits, _ in counted),
        sizes=tuple(size for _, size in counted),
        first_error_accuracy=wilson(exact, len(truths)),
        f1=f1,
        accuracy_on_wrong=on_wrong,
        accuracy_on_right=on_right,
    )


def benchmark_rows(scored: Scored, groups: Sequence[Hashable] | None = None, tuning: Scored = ()) -> dict[str, Any]:
    """All that is measured of a verifier on a process benchmark, as JSON: `StepMetrics.to_json`, and what hangs on a
    threshold (`thresholds`) or on how steps become one score (`aggregations`). `groups`, `tuning`: see
    `threshold_rows`.
    """
    return {
        **step_metrics(scored).to_json(),
        "thresholds": threshold_rows(scored, groups, tuning),
        "aggregations": aggregation_rows(scored),
    }


def gap(ceiling: StepMetrics, verifier: StepMetrics) -> tuple[float, float, float]:
    """Step accuracy of `ceiling` less that of `verifier`, with its 95 % interval, which is paired: both are measured on
    the same steps. Value, low, high; as fractions.
    """
    return ratio_difference(ceiling.hits, verifier.hits, verifier.sizes)


def label_scores(labels: str) -> list[float]:
    """Labels as scores: 1.0 for a step labeled right, 0.0 for any other."""
    return [float(label == "1") for label in labels]


def share_row(share: Share) -> dict[str, float]:
    """A share as JSON: value, interval and n."""
    return asdict(share)
