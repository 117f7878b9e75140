"""People's word as labels: it outranks what was written by rollouts, step by step. Pure."""

from __future__ import annotations

from collections.abc import Mapping

BY_PEOPLE = "p"
"""Why a label is what it is: people say so, or it follows from what they say (beside the reasons in `consensus`)."""


def outranked(labels: str, reasons: str, correct: Mapping[int, bool]) -> tuple[str, str]:
    """`labels` and `reasons`, one character a step, with what people say of steps (from 1 on) in place of what was
    written.

    A label says whether a path leads on from here to a correct answer, so it never rises again: no step from the first
    one on that is called incorrect is correct, and every step before one that is called correct before that is. Steps
    between the two that nobody judged keep their labels.
    """
    n = len(labels)
    wrong = min((step for step, ok in correct.items() if not ok), default=n + 1)
    right = max((step for step, ok in correct.items() if ok and step < wrong), default=0)
    marks = [(("1" if step <= right else "0"), BY_PEOPLE) for step in range(1, n + 1)]
    kept = [
        mark if step <= right or step >= wrong else written
        for step, (mark, written) in enumerate(zip(marks, zip(labels, reasons, strict=True), strict=True), start=1)
    ]
    return "".join(label for label, _ in kept), "".join(reason for _, reason in kept)
