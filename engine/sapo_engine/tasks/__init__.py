"""What can be learned: each task makes or reads questions, cuts steps, grades answers and, where it can, knows
the truth of a step.
"""

from __future__ import annotations

from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.tasks.base import Question, Task
from sapo_studio.config.schema import TaskConfig

__all__ = ["Question", "Task", "make_task"]


def make_task(config: TaskConfig, seed: int) -> Task:
    """The task that `config` names, its questions drawn with `seed`."""
    return ArithmeticTask(config, seed)
