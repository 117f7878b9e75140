"""Whether some of the runs differ in nothing but their seed."""

from __future__ import annotations

import json

from sapo_studio.app.comparison.records import Comparison


def groupable(comparison: Comparison) -> bool:
    """Whether there are two runs whose settings are the same in every key that any two of them differ in."""
    rows = comparison.configuration.different
    found = [json.dumps([row.values[at] for row in rows]) for at in range(len(comparison.runs))]
    return len(set(found)) < len(found)
