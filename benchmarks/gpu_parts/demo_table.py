"""What `make gpu-demo` shows: a row for each iteration of each method, as plain data and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sapo_studio.app.reports.run_report import IterationReport, Report

SHOWN = (
    ("greedy", "greedy_accuracy"),
    ("sampled", "sampled_accuracy"),
    ("gap", "gap"),
    ("verifier steps", "verifier_step_accuracy"),
    ("verifier F1", "process_f1"),
    ("self-verification error", "self_verification_error"),
)
"""Columns and the metrics in them: shares, as fractions in the data and in percent on the page."""


def rows_of(method: str, found: Report) -> list[dict[str, Any]]:
    """The iterations of a run, as far as it came. `flops`: what the method computed until then, None where that was not
    counted; `labels`: tokens written for labels by the run's labeler and, estimated, by others."""
    rows: list[dict[str, Any]] = []
    computed: int | None = 0
    for iteration in found.iterations:
        computed = _after(computed, iteration)
        row: dict[str, Any] = {"method": method, "iteration": iteration.iteration}
        for _, name in SHOWN:
            value = iteration.values.get(name)
            row[name] = None if value is None else round(value.value, 4)
        row["flops"] = computed
        row["labels"] = {
            name: {"tokens": cost.tokens, "rollouts": cost.rollouts, "estimate": cost.estimate}
            for name, cost in iteration.label_cost.items()
        }
        rows.append(row)
    return rows


def _after(before: int | None, iteration: IterationReport) -> int | None:
    """The reasoner after the warm-up has cost nothing of its own (docs/matrix.md)."""
    mine = iteration.compute.method
    return None if before is None or mine is None or not mine.complete else before + mine.flops


def at_equal_flops(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Sampled accuracy of both methods where the one that computed less had ended. None with one method alone."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row["sampled_accuracy"] is not None and row["flops"] is not None:
            spent = 0.0 if row["iteration"] == 0 else float(row["flops"])
            curves.setdefault(row["method"], []).append((spent, row["sampled_accuracy"]))
    if len(curves) < 2 or any(len(points) < 2 for points in curves.values()):
        return None
    flops = min(points[-1][0] for points in curves.values())
    found = {
        method: round(float(np.interp(flops, [x for x, _ in points], [y for _, y in points])), 4)
        for method, points in curves.items()
    }
    return {"flops": flops, "sampled_accuracy": found}


def page(told: dict[str, Any]) -> str:
    """docs/results/gpu-demo.md."""
    lines = ["# SAPO on a real model, in eight minutes on a card", ""]
    lines += [
        "By `make gpu-demo` ([what it does](../gpu.md)); the same as data: [gpu-demo.json](gpu-demo.json). In percent, "
        "FLOPs and labels aside.",
        "",
        *(f"* {name}: {value}" for name, value in told["about"].items()),
        *(f"* {note}" for note in told["notes"]),
        "",
    ]
    heads = ["method", "iteration", *(title for title, _ in SHOWN), "FLOPs", "tokens for labels"]
    lines += [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in told["rows"]:
        cells = [row["method"], str(row["iteration"])]
        cells += ["-" if row[name] is None else f"{100 * row[name]:.1f}" for _, name in SHOWN]
        cells += ["-" if row["flops"] is None else f"{row['flops']:.3g}", _bill(row["labels"])]
        lines.append(f"| {' | '.join(cells)} |")
    equal = told["at_equal_flops"]
    if equal:
        both = ", ".join(f"{method} {100 * value:.1f} %" for method, value in equal["sampled_accuracy"].items())
        lines += ["", f"Sampled accuracy at equal FLOPs ({equal['flops']:.3g}): {both}."]
    return "\n".join(lines) + "\n"


def _bill(labels: dict[str, Any]) -> str:
    parts = [
        f"{name} {'~' if cost['estimate'] else ''}{cost['tokens']:,}" for name, cost in labels.items() if cost["tokens"]
    ]
    return ", ".join(parts) or "-"
