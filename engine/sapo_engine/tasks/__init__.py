"""What can be learned: each task makes or reads questions, cuts steps, grades answers and, where it can, knows
the truth of a step.
"""

from __future__ import annotations

from sapo_engine.tasks.base import Question, Task
from sapo_studio.config.schema import TaskConfig
from sapo_studio.domain.task_kinds import LAB

__all__ = ["Question", "Task", "make_task"]


def make_task(config: TaskConfig, seed: int, *, graders: int = 0) -> Task:
    """The task that `config` names, its questions drawn or divided with `seed`. `graders` processes grade (0: one a
    core). Raises InputError where its data cannot be had.
    """
    if config.kind == LAB:
        from sapo_engine.tasks.arithmetic import ArithmeticTask

        return ArithmeticTask(config, seed)
    from sapo_engine.tasks.written import WrittenTask

    return WrittenTask(config, seed, graders=graders)
