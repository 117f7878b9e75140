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
SETS = 1_000_000_000
"""Where questions and trajectories of evaluation sets begin, beyond the blocks of all iterations,"""
SET_ITERATION = 100_000_000
"""trajectories of an iteration, from iteration 0 on,"""
SET_TRAJECTORIES = 10_000_000
"""and a set's in it; a set's questions likewise."""
TESTS = 3_200_000_000
"""Where trajectories of the run's own test questions begin, a block of BLOCK an iteration: beyond those of all sets and
iterations. The questions have the run's numbers."""
