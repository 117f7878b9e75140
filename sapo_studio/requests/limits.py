"""Defaults and limits of what can be asked, stated once: the requests (`kinds`) and the options of the commands read
them here. Free of pydantic, since `sapo --help` builds all options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Limits(Generic[Number]):
    """A number's default, and what it may be: `low` and `high` included, `above` not; None: no limit."""

    default: Number
    low: Number | None = None
    high: Number | None = None
    above: Number | None = None


BEST_OF = Limits(0, low=0, high=64)
"""Samples a question to choose among; 0: none."""
BEST_OF_PROPOSED = 16
"""What the window proposes to somebody who wants to choose among samples."""
QUESTIONS = Limits(200, low=1)
"""Test questions to choose samples for."""
TRAJECTORIES = Limits(300, low=10)
"""Trajectories that a measurement is made on."""
ITERATION = Limits(0, low=0)
"""0: the last that can be studied."""
SAMPLES = Limits(4, low=1, high=64)
"""Samples of a question by each model, for a process benchmark."""
CHECKED_ROLLOUTS = Limits(8, low=1, high=256)
"""Rollouts from each step, by which the first errors of a process benchmark are found."""
TEST_SECONDS = Limits(5.0, above=0.0, high=600.0)
"""Time for all tests of one program; as `task.test_seconds` of a run."""
PROCESSES = Limits(0, low=0)
"""Graders side by side; 0: one a core."""
SHOWN = Limits(2, low=0)
"""Solutions that a preview shows."""
SOLUTIONS = Limits(8, low=0, high=64)
"""Solutions of a question in the playground, beside the greedy one."""
ROLLOUTS = Limits(8, low=1, high=256)
"""Rollouts from a step that was changed, in the playground."""
TEMPERATURE = Limits(0.8, low=0.0, high=5.0)
"""What the playground samples at; 0: the most likely token each time."""
MAX_TOKENS = Limits(0, low=0, high=8192)
"""Longest solution in the playground, in tokens; 0: as the task has it. As `task.max_new_tokens` of a run."""
IDLE_SECONDS = Limits(300.0, above=0.0, high=86_400.0)
"""Without a request for so long the playground's engine gives its memory back."""

STEPS = "auto"
"""Where a step of a solution begins; as `task.steps` of a run."""
