"""The same measurement on several runs (seeds), as one: in the shape of a single one, so that tables, pages and
pictures need not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sapo_studio.domain.statistics import mean
from sapo_studio.errors import InputError

Found = dict[str, Any]
SUMMED = ("trajectories", "checks", "rollouts", "tokens", "prefill_tokens", "flops", "seconds")


def studies(founds: Sequence[Found]) -> Found:
    """Label studies of several runs: costs are added up, accuracies weighted by steps and trajectories. Raises
    InputError where the runs were not studied alike."""
    if len(founds) == 1:
        return founds[0]
    _alike(founds, "iteration", "rollouts", "confidence")
    columns = zip(*(found["studies"] for found in founds), strict=True)
    return {
        **founds[0],
        "run": _names(founds),
        "studies": [
            {
                "length": column[0]["length"],
                "labelers": [_labeler(rows) for rows in zip(*(one["labelers"] for one in column), strict=True)],
            }
            for column in columns
        ],
    }


def _labeler(rows: Sequence[Found]) -> Found:
    counts = [row["trajectories"] for row in rows]
    steps = [row["trajectories"] * row["steps"] for row in rows]
    sure = [row["trajectories"] * (row.get("reached") or 0.0) for row in rows]
    return {
        **rows[0],
        **{name: sum(row[name] for row in rows) for name in SUMMED},
        "steps": sum(steps) / sum(counts),
        "step_accuracy": _weighted([row["step_accuracy"] for row in rows], steps),
        "first_error_accuracy": _weighted([row["first_error_accuracy"] for row in rows], counts),
        "least_checks": _weighted([row["least_checks"] for row in rows], counts),
        **{name: _weighted([row.get(name) for row in rows], counts) for name in ("promised", "reached")},
        "kept": _weighted([row.get("kept") for row in rows], sure),
    }


def evaluations(founds: Sequence[Found]) -> Found:
    """Evaluations of several runs' verifiers: means over runs with 95 % t intervals; of reliability, all steps
    together. Raises InputError where the runs were not evaluated alike."""
    if len(founds) == 1:
        return founds[0]
    _alike(founds, "verifier")
    benchmarks = [found["benchmark"] for found in founds]
    pooled: Found = {
        **founds[0],
        "run": _names(founds),
        "runs": len(founds),
        "benchmark": None if None in benchmarks else _benchmark(benchmarks),
    }
    if "best_of" in founds[0]:
        parts = [found["best_of"] for found in founds]
        alike = ("reasoner", "n", "aggregation")
        _alike(parts, *alike)
        pooled["best_of"] = {
            name: parts[0][name] if name in alike else _combined([part[name] for part in parts]) for name in parts[0]
        }
        pooled["best_of"]["questions"] = sum(part["questions"] for part in parts)
    if "matrix" in founds[0]:
        tables = [{(cell["verifier"], cell["reasoner"]): cell for cell in found["matrix"]} for found in founds]
        pooled["matrix"] = [
            {
                **cell,
                **{name: _combined([table[place][name] for table in tables]) for name in ("error", "error_on_wrong")},
            }
            for place, cell in tables[0].items()
            if all(place in table for table in tables)
        ]
    return pooled


def _benchmark(parts: Sequence[Found]) -> Found:
    other = ("reliability", "thresholds", "aggregations")
    pooled = {name: _combined([part[name] for part in parts]) for name in parts[0] if name not in other}
    pooled |= {name: _averaged([part[name] for part in parts]) for name in other[1:]}
    pooled |= {name: sum(part[name] for part in parts) for name in ("solutions", "steps")}
    bins: dict[float, list[Found]] = {}
    for point in (point for part in parts for point in part["reliability"]):
        bins.setdefault(point["low"], []).append(point)
    pooled["reliability"] = [
        {
            **points[0],
            "n": sum(point["n"] for point in points),
            "score": _weighted([point["score"] for point in points], [point["n"] for point in points]),
            "right": _weighted([point["right"] for point in points], [point["n"] for point in points]),
        }
        for _, points in sorted(bins.items())
    ]
    return pooled


def _combined(values: Sequence[Any]) -> Any:
    """Numbers and shares as their mean over runs, lists of them place by place; None where one is missing."""
    if any(value is None for value in values):
        return None
    if isinstance(values[0], dict):
        shares = cast("Sequence[Found]", values)
        found = mean([share["value"] for share in shares])
        low, high = found.low, found.high
        assert low is not None  # there are two runs at least
        assert high is not None
        ends = {"low": max(0.0, low), "high": min(1.0, high)}
        return {"value": found.value, **ends, "n": sum(share["n"] for share in shares)}
    if isinstance(values[0], list):
        return [_combined(place) for place in zip(*cast("Sequence[list[Any]]", values), strict=True)]
    return sum(values) / len(values)


def _averaged(values: Sequence[Any]) -> Any:
    """Numbers as their mean over runs, lists and objects of them place by place; None where one is missing."""
    if any(value is None for value in values):
        return None
    if isinstance(values[0], dict):
        return {key: _averaged([value[key] for value in values]) for key in values[0]}
    if isinstance(values[0], list):
        return [_averaged(place) for place in zip(*cast("Sequence[list[Any]]", values), strict=True)]
    return sum(values) / len(values)


def _weighted(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total and len(known) == len(values) else None


def _names(founds: Sequence[Found]) -> str:
    return ", ".join(str(found["run"]) for found in founds)


def _alike(founds: Sequence[Found], *names: str) -> None:
    for name in names:
        values = [found[name] for found in founds]
        if any(value != values[0] for value in values):
            raise InputError(
                "These runs cannot be pooled",
                why=f"They differ in {name}: {', '.join(map(str, values))}.",
                fix="Name runs of the same configuration, seeds apart.",
            )
