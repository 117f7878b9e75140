"""To be worded."""

from __future__ import annotations

BLOCK = 10_000_000
"""Numbers in the run: block i + 1 belongs to iteration i, block 0 to the benchmark and the task's own solutions."""


SOLUTIONS = 5_000_000


EXPANSIONS = 5_000_000
