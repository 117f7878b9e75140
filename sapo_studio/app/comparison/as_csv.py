"""A comparison as CSV: one table, a row a number (docs/compare.md says which columns a row has)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from sapo_studio.app.comparison.metrics import SHOWN
from sapo_studio.app.comparison.records import Comparison, Point, QuestionByQuestion, Side

COLUMNS = (
    *("table", "run", "other", "set", "metric", "iteration", "flops", "seconds", "value", "low", "high", "n"),
    *("p", "p_holm", "test", "wins", "losses", "text"),
)
"""`table`: curve (of a run), mean (over the seeds of a side), paper, difference, or config."""
QUESTION_COLUMNS = (
    *("left", "right", "set", "place", "outcome", "gap", "question", "reference"),
    *(
        f"{side}_{what}"
        for side in ("left", "right")
        for what in ("trajectory", "correct", "answer", "mean_score", "samples_correct", "samples")
    ),
)


def comparison_csv(found: Comparison) -> Iterator[str]:
    """Line by line, the head first."""
    yield line(COLUMNS)
    for run in found.runs:
        for metric in (name for name in SHOWN if name in run.curves):
            for point in run.curves[metric]:
                yield _row("curve", run.key, found.set, metric, **_numbers(point))
    for group in found.groups:
        for metric in (name for name in SHOWN if group.several and name in group.curves):
            for point in group.curves[metric]:
                yield _row("mean", group.label, found.set, metric, **_numbers(point))
    for run in found.runs:
        for iteration, value in run.paper.items():
            yield _row("paper", run.key, "", "greedy_accuracy", iteration=iteration, value=value, text=run.paper_method)
    for one in found.differences:
        sides = [found.groups[place].label for place in (one.left, one.right)]
        yield _row(
            "difference",
            sides[0],
            found.set,
            one.metric,
            other=sides[1],
            value=one.value,
            low=one.low,
            high=one.high,
            n=one.n or None,
            p=one.p,
            p_holm=one.p_holm,
            test=one.test or None,
            wins=one.wins,
            losses=one.losses,
            text=one.refused or one.verdict,
        )
    for row in found.configuration.different:
        for run, value in zip(found.runs, row.values, strict=True):
            yield _row("config", run.key, "", row.key, text=json.dumps(value, ensure_ascii=False))


def _numbers(point: Point) -> dict[str, Any]:
    return {
        "iteration": point.iteration,
        "flops": point.flops,
        "seconds": point.seconds,
        "value": point.value,
        "low": point.low,
        "high": point.high,
        "n": point.n,
    }


def _row(table: str, run: str, set: str, metric: str, **cells: object) -> str:
    known = {"table": table, "run": run, "set": set, "metric": metric, **cells}
    return line([known.get(column) for column in COLUMNS])


def questions_csv(pages: Sequence[QuestionByQuestion]) -> Iterator[str]:
    """The questions of one pair of runs after the other, line by line."""
    yield line(QUESTION_COLUMNS)
    for found in pages:
        for row in found.rows:
            head = (str(found.left), str(found.right), found.set, row.place, row.outcome, row.gap, row.text)
            yield line((*head, row.reference, *_side(row.left), *_side(row.right)))


def _side(side: Side) -> tuple[object, ...]:
    return (side.trajectory, int(side.correct), side.answer, side.mean, side.samples_correct, side.samples)


def line(cells: Sequence[object]) -> str:
    """A line of CSV; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
