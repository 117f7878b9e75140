"""docs/results/gpu.md, from the document of a check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    ("weights_apart", "weights apart from those of a whole copy by {} of their change"),
    ("in_pause_gib", "{} GiB of the card taken in a pause"),
    ("told", 'told: "{}"'),
)
"""What the page says of a case, in this order, where the case has it."""


def page(found: Mapping[str, Any]) -> str:
    """The page of `document`'s."""
    machine = found["machine"]
    lines = ["# On a GPU", ""]
    lines += ["By `make gpu-check` ([what it measures](../gpu.md)); all as it came out: [gpu.json](gpu.json)."]
    lines += ["", f"* Card: {machine['card']}{_of(machine)}", f"* Processor: {machine['cores']} cores"]
    lines += [f"* {name}: {value}" for name, value in found["versions"].items()]
    lines += ["", "| what | result |", "|---|---|"]
    lines += [f"| {row['case']} | {told(row)} |" for row in found["cases"]]
    if times := _slots_beside_hf(found["cases"]):
        lines += ["", f"Slots write {times:.1f} times what `hf` does at 512 rows; AUTO_SLOTS in"]
        lines += ['`engine/sapo_engine/rollouts/choice.py` says whether `runtime.backend = "auto"` chooses them.']
    lines += ["", "**Did not run:**", ""]
    lines += [f"* {row['case']}: {row['why']}" for row in found["left_out"]] or ["* nothing was left out"]
    if not found["complete"]:
        lines += ["* whatever came after: the check was cut off"]
    return "\n".join(lines) + "\n"


def _slots_beside_hf(cases: Iterable[dict[str, Any]]) -> float:
    """How many times as fast; 0 where it was not measured."""
    paces = {row["case"]: row.get("tokens_a_second", 0) for row in cases}
    return paces.get("slots, 512 rows", 0) / (paces.get("sampler, 512 rows") or float("inf"))


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
