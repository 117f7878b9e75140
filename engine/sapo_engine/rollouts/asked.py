"""Questions with all that it takes to ask and to grade them: the run's own, and those of its evaluation sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sapo_engine.rollouts.sampler import Sampler
from sapo_engine.tasks.base import Task
from sapo_engine.text.trajectory_builder import TrajectoryBuilder


class Asked(Protocol):
    """A task, what samples solutions of its questions, and what grades and cuts them. A run's session is one."""

    @property
    def task(self) -> Task:
        """The questions, and the rules to grade by."""
        ...

    @property
    def sampler(self) -> Sampler:
        """Puts the task's questions to a reasoner."""
        ...

    @property
    def builder(self) -> TrajectoryBuilder:
        """Makes trajectories of what it wrote."""
        ...


@dataclass(frozen=True)
class EvalSet:
    """One of `evaluation.sets`: its place among them, its name, and how many samples a question are measured.

    Implements Asked; its questions are the task's split "test".
    """

    place: int
    name: str
    samples: int
    task: Task
    sampler: Sampler
    builder: TrajectoryBuilder
