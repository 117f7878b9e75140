"""docs/results/gpu.json: all that a check has found, as one JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sapo_studio.files import write_atomic

FORMAT = 1
MACHINE = ("card", "memory_gib", "cores", "day")


def document(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document of the lines that a check has said so far.

    `format`; `machine` (card, memory_gib, cores, day); `versions` by package; `cases`, those that ran, with their
    figures; `left_out`, those that did not, and why; `failed`, by name; `complete`: whether the check came to its end.
    """
    machine = next(row for row in rows if row["case"] == "machine")
    known = ("case", "at", *MACHINE)
    cases = [row for row in rows if row["case"] not in ("machine", "end")]
    return {
        "format": FORMAT,
        "machine": {name: machine[name] for name in MACHINE if name in machine},
        "versions": {name: value for name, value in machine.items() if name not in known},
        "cases": [row for row in cases if "skipped" not in row],
        "left_out": [
            {"case": row["case"], "group": row.get("group", ""), "why": row["skipped"]}
            for row in cases
            if "skipped" in row
        ],
        "failed": failed(cases),
        "complete": any(row["case"] == "end" for row in rows),
    }


def failed(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The cases that went wrong."""
    return [row["case"] for row in rows if "error" in row or row.get("exit")]


def write_document(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """The document in place of the one before: whole, at whatever moment the check is cut off."""
    write_atomic(file, (json.dumps(document(rows), indent=1) + "\n").encode())
