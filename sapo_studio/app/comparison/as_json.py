"""A comparison as plain data for `--json` (docs/compare.md says what each key is)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sapo_studio.app.comparison.records import (
    ComparedRun,
    Comparison,
    ConfigRow,
    PairedDifference,
    Point,
    QuestionByQuestion,
    RunGroup,
    Side,
)
from sapo_studio.app.reports.run_report import compute_json
from sapo_studio.domain.statistics import Mean
from sapo_studio.store.records import MetricValue


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Shares are fractions, intervals 95 % ones; runs are named by their keys, sides by their places."""
    keys = [run.key for run in found.runs]
    told = found.configuration
    return {
        "set": found.set,
        "sets": list(found.sets),
        "questions": found.questions,
        "metrics": list(found.metrics),
        "tested": list(found.tested),
        "baseline": found.baseline,
        "runs": [_run(run) for run in found.runs],
        "groups": [_group(group) for group in found.groups],
        "differences": [_difference(found.groups, one) for one in found.differences],
        "configuration": {
            "different": [_row(row, keys) for row in told.different],
            "equal": {row.key: row.values[0] for row in told.equal},
            "identities": [
                {
                    "what": one.what,
                    "values": dict(zip(keys, one.values, strict=True)),
                    "by": one.by,
                    "same": one.same,
                    "note": one.note,
                }
                for one in told.identities
            ],
        },
        "notes": list(found.notes),
    }


def _run(run: ComparedRun) -> dict[str, Any]:
    return {
        "key": run.key,
        "run_id": run.run_id,
        "name": run.name,
        "label": run.label,
        "group": run.group,
        "seed": run.seed,
        "status": run.status.value,
        "going": run.going,
        "iteration": run.iteration,
        "iterations": run.iterations,
        "metrics": {name: _value(value) for name, value in run.values.items()},
        "curves": _curves(run.curves),
        "compute": compute_json(run.compute),
        "seconds": run.seconds,
        "questions": run.questions,
        "paper": {"method": run.paper_method, "greedy_accuracy": run.paper} if run.paper else None,
        "config_changes": [asdict(change) for change in run.changes],
        "notes": list(run.notes),
    }


def _group(group: RunGroup) -> dict[str, Any]:
    return {
        "label": group.label,
        "runs": list(group.runs),
        "seeds": list(group.seeds),
        "iteration": group.iteration,
        "metrics": {name: _value(value) for name, value in group.values.items()},
        "curves": _curves(group.curves),
    }


def _value(value: MetricValue | Mean) -> dict[str, Any]:
    return {"value": value.value, "low": value.low, "high": value.high, "n": value.n}


def _curves(curves: Mapping[str, Sequence[Point]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(point) for point in points] for name, points in curves.items()}


def _difference(groups: Sequence[RunGroup], one: PairedDifference) -> dict[str, Any]:
    return {
        "left": one.left,
        "right": one.right,
        "left_label": groups[one.left].label,
        "right_label": groups[one.right].label,
        "metric": one.metric,
        "difference": one.value,
        "low": one.low,
        "high": one.high,
        "p": one.p,
        "p_holm": one.p_holm,
        "test": one.test or None,
        "n": one.n,
        "wins": one.wins,
        "losses": one.losses,
        "questions": {"left": one.n_left, "right": one.n_right, "common": one.n_common},
        "verdict": one.verdict or None,
        "refused": one.refused or None,
        "common_helps": one.common_helps,
        "notes": list(one.notes),
    }


def _row(row: ConfigRow, keys: Sequence[str]) -> dict[str, Any]:
    return {
        "key": row.key,
        "values": dict(zip(keys, row.values, strict=True)),
        "unlike": [key for key, unlike in zip(keys, row.unlike, strict=True) if unlike],
        "changes": {key: [asdict(change) for change in found] for key, found in row.changes.items()},
    }


def questions_json(found: QuestionByQuestion) -> dict[str, Any]:
    """The same of two runs question by question."""
    return {
        "left": str(found.left),
        "right": str(found.right),
        "set": found.set,
        "questions": {"left": found.n_left, "right": found.n_right, "common": found.n_common, "compared": found.n},
        "both": found.both,
        "left_only": found.left_only,
        "right_only": found.right_only,
        "neither": found.neither,
        "refused": found.refused or None,
        "common_helps": found.common_helps,
        "gap_by": found.gap_by or None,
        "total": found.total,
        "offset": found.offset,
        "rows": [
            {
                "place": row.place,
                "question": row.text,
                "reference": row.reference,
                "outcome": row.outcome,
                "gap": row.gap,
                "left": _side(row.left),
                "right": _side(row.right),
            }
            for row in found.rows
        ],
    }


def _side(side: Side) -> dict[str, Any]:
    return {**asdict(side), "scores": [round(score, 4) for score in side.scores]}
