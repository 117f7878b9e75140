"""To be worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sapo_studio.domain.calibration import auroc, expected_calibration_error, reliability
from sapo_studio.domain.metrics import (
    Share,
    predicted_first_error,
    processbench_f1,
    ratio_share,
    step_hits,
    wilson,
)

Scored = Sequence[tuple[Sequence[float], int]]
"""Scores of a solution's steps, and its first error."""


def on_benchmark(scored: Scored) -> dict[str, Any]:
    """Everything that is measured of a verifier on a process benchmark. Steps count up to and including the first
    error: whether a step behind one is right is nobody's to say."""
    hits = [step_hits(scores, truth) for scores, truth in scored]
    predicted = [predicted_first_error(scores) for scores, _ in scored]
    truths = [truth for _, truth in scored]
    flat = [
        (score, truth == 0 or step < truth)
        for scores, truth in scored
        for step, score in enumerate(scores[: truth or len(scores)], start=1)
    ]
    scores, right = [score for score, _ in flat], [truth for _, truth in flat]
    curve = reliability(scores, right)
    f1, on_wrong, on_right = processbench_f1(predicted, truths)
    exact = sum(p == t for p, t in zip(predicted, truths, strict=True))
    return {
        "solutions": len(truths),
        "steps": len(flat),
        "step_accuracy": share_row(ratio_share([h for h, _ in hits], [n for _, n in hits])),
        "first_error_accuracy": share_row(wilson(exact, len(truths))),
        "f1": _number(f1),
        "accuracy_on_wrong": _number(on_wrong),
        "accuracy_on_right": _number(on_right),
        "auroc": _number(auroc(scores, right)),
        "ece": _number(expected_calibration_error(curve)),
        "reliability": [asdict(point) for point in curve],
    }


def share_row(share: Share) -> dict[str, float]:
    """A share as JSON: value, interval and n."""
    return asdict(share)


def _number(value: float) -> float | None:
    return None if value != value else value
