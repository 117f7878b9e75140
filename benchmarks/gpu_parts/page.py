"""docs/results/gpu.md, from the lines of a check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

FIGURES = (
    ("tokens_a_second", "{:,} tokens/s"),
    ("tflops", "{} TFLOP/s"),
    ("start_seconds", "started in {} s"),
    ("tokens_a_second, 512 rows", "{:,} tokens/s at 512 rows"),
    ("tokens_a_second, 2048 rows", "{:,} tokens/s at 2,048"),
    ("waits_a_step", "{} waits a token step"),
    ("seconds", "{} s"),
    ("peak_gib", "peak {} GiB"),
    ("forecast_over_peak", "forecast {} of it"),
    ("gradients_left", "{} gradients left"),
    ("most_between_phases_gib", "{} GiB at most between phases"),
    ("held_gib", "held {} GiB"),
    ("back_after_seconds", "back after {} s"),
    ("card_taken_gib", "{} GiB of the card taken afterwards"),
    ("told", 'told: "{}"'),
)
"""What the page says of a case, in this order, where the case has it."""


def page(rows: Sequence[dict[str, Any]], note: str = "") -> str:
    """The page. `note` is what is to be said beside the figures, a paragraph."""
    machine = next(row for row in rows if row["case"] == "machine")
    cases = [row for row in rows if row["case"] not in ("machine", "end")]
    ran = [row for row in cases if "skipped" not in row]
    known = ("case", "group", "at", "card", "cores", "memory_gib", "day")
    lines = ["# On a GPU", ""]
    lines += ["By `make gpu-check` ([what it measures](../gpu.md)); every line as it came out: [gpu.jsonl](gpu.jsonl)."]
    lines += ["", f"* Card: {machine['card']}{_of(machine)}", f"* Processor: {machine['cores']} cores"]
    lines += [f"* {name}: {value}" for name, value in machine.items() if name not in known]
    if note:
        lines += ["", note]
    lines += ["", "| what | result |", "|---|---|"]
    lines += [f"| {row['case']} | {told(row)} |" for row in ran]
    lines += ["", "**Did not run:**", ""]
    lines += [f"* {row['case']}: {row['skipped']}" for row in cases if "skipped" in row] or ["* nothing was left out"]
    if not any(row["case"] == "end" for row in rows):
        lines += ["* whatever came after: the check was cut off"]
    return "\n".join(lines) + "\n"


def _of(machine: dict[str, Any]) -> str:
    memory = f", {machine['memory_gib']} GiB" if "memory_gib" in machine else ""
    return memory + (f", {machine['day']}" if "day" in machine else "")


def told(row: dict[str, Any]) -> str:
    """What a case came to, in a line."""
    if "error" in row:
        return f"**failed**: {_cell(row['error'])}"
    if row.get("exit"):
        return f"**failed** with exit code {row['exit']}: {_cell(row.get('said', ''))}"
    parts = [f"{row['equal']} of {row['of']} equal"] if "of" in row else []
    parts += [form.format(row[name]) for name, form in FIGURES if name in row]
    parts += [f"{name.replace('_', ' ')} {_values(values)}" for name, values in row.get("metrics", {}).items()]
    return _cell("; ".join(parts) or "done")


def _values(values: Iterable[float]) -> str:
    return " -> ".join(f"{value:g}" for value in values)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
