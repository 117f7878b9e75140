"""What a grader is given and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Problem:
    """A question as its data set has it.

    `id` names it in messages and in the data set's own files. A problem has an `answer` (graded by equality) or
    `tests` (graded by running them against the written program, after `setup`). `entry_point` is the function that
    the tests call, `header` the code that a completion goes on from (HumanEval); both are empty where there is none.
    """

    id: str
    question: str
    solution: str = ""
    answer: str = ""
    tests: tuple[str, ...] = ()
    setup: str = ""
    entry_point: str = ""
    header: str = ""

    @property
    def is_code(self) -> bool:
        """Whether programs are asked for."""
        return bool(self.tests)


@dataclass(frozen=True, slots=True)
class Grade:
    """A verdict. `answer` is the final answer as it was read (programs: empty), `reason` why it is wrong."""

    correct: bool
    answer: str = ""
    reason: str = ""


class Grader(Protocol):
    """Grades written solutions. Nothing that is written in one can raise, hang or stop a run."""

    def grade(self, items: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """A verdict for each (problem, completion), in order; they are worked on side by side."""
        ...

    def close(self) -> None:
        """Give back processes and files. It may be called twice."""
        ...
