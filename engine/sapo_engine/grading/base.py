"""What a grader is given and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sapo_engine.grading.escape import cut
from sapo_studio.errors import InputError


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

    @property
    def gradable(self) -> bool:
        """Whether there is something to grade a solution by."""
        return all(map(_tests_something, self.tests)) if self.tests else bool(self.answer.strip())


def _tests_something(test: str) -> bool:
    return any(line.strip() and not line.strip().startswith("#") for line in test.split("\n"))


@dataclass(frozen=True, slots=True)
class Grade:
    """A verdict. `answer` is the final answer as it was read (programs: empty), `reason` why it is wrong."""

    correct: bool
    answer: str = ""
    reason: str = ""


def check_gradable(problems: Iterable[Problem], *, code: bool) -> None:
    """Raise InputError where one of `problems` has nothing that its solutions could be graded by (`code`: by tests,
    else by an answer). Whatever was written would otherwise count as wrong, or as right."""
    for problem in problems:
        if not problem.gradable or problem.is_code != code:
            named = cut(problem.id) or cut(problem.question, 60)
            raise InputError(
                f"Nothing is known to grade solutions of {named!r} by",
                why=f"It has no {'tests' if code else 'answer'}.",
                fix="Give the question its answer or tests, or leave it out.",
            )


class Grader(Protocol):
    """Grades written solutions. Nothing that is written in one can raise, hang or stop a run; a problem that has
    nothing to grade by is refused (`check_gradable`)."""

    def grade(self, items: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """A verdict for each (problem, completion), in order; they are worked on side by side."""
        ...

    def close(self) -> None:
        """Give back processes and files. It may be called twice."""
        ...
