"""The numbers of rows in a run: blocks that never meet, so that a row's number is known before the row is made.

Block i + 1 belongs to iteration i, block 0 to the process benchmark and the task's own solutions. Stored runs hold
these numbers: they do not change.
"""

from __future__ import annotations

BLOCK = 10_000_000
"""Numbers an iteration. Trajectories, rollouts and pairs count from its beginning, each for themselves."""
SOLUTIONS = 5_000_000
"""Where the task's own solutions begin in block 0: the number of the question follows."""
EXPANSIONS = 5_000_000
"""Where trajectories made of rollouts (expansion) begin in an iteration's block."""
