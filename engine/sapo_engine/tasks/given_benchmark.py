"""A process benchmark that came with the data, and what solutions of its questions are graded by.

Rollouts from its steps say something only where it is known what is right: by the row's own `answer` or `tests`, or by
the task's own data, where the same question stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sapo_engine.grading.base import Problem
from sapo_engine.grading.extract import MARK, boxed_answer
from sapo_engine.tasks.kinds import Kind
from sapo_studio.domain.question_text import normalized
from sapo_studio.formats.base import LabeledSolution

UNKNOWN = "there is neither an answer nor a test, in the row or in the task's data"
AMBIGUOUS = "the task's data give the same question different answers"
BAD = "its answer or program is not graded as right itself"
OTHER = "it is to be graded by {}, and the task by {}"


@dataclass(frozen=True, slots=True)
class GivenProblem:
    """The problem of a benchmark's row. `source`: what its answer or tests were taken from (None: there are none).
    `ungraded`: why nothing can be graded by it; empty where it can."""

    problem: Problem
    source: Problem | None
    ungraded: str = ""

    def without(self, bad: Collection[Problem]) -> GivenProblem:
        """The same, not to be graded where its source is among the `bad`."""
        return replace(self, ungraded=BAD) if not self.ungraded and self.source in bad else self


class KnownQuestions:
    """The problems of a task's data by their questions' text (`normalized`)."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self._problems = problems

    @cached_property
    def _by_text(self) -> dict[str, list[Problem]]:
        found: dict[str, list[Problem]] = {}
        for problem in self._problems:
            for text in _texts_of(problem):
                found.setdefault(normalized(text), []).append(problem)
        return found

    def find(self, question: str) -> list[Problem]:
        """The gradable problems that ask `question`, one for each different answer (or tests)."""
        asked = [problem for problem in self._by_text.get(normalized(question), ()) if problem.gradable]
        return list({(problem.answer, problem.tests, problem.setup): problem for problem in asked}.values())


def given_problem(row: LabeledSolution, kind: Kind, known: KnownQuestions, *, code: bool) -> GivenProblem:
    """What is known of the problem of a benchmark's row; `code`: the task's solutions are programs."""
    bare = Problem(id=row.id, question=row.problem)
    own = replace(bare, answer=_final(row.answer, kind), tests=row.tests)
    if own.gradable:
        if own.is_code != code:
            words = ("tests", "answers") if own.is_code else ("an answer", "tests")
            return GivenProblem(bare, None, OTHER.format(*words))
        return GivenProblem(own if code else replace(own, tests=()), own)
    found = known.find(row.problem)
    if len(found) != 1:
        return GivenProblem(bare, None, AMBIGUOUS if found else UNKNOWN)
    (source,) = found
    # As it was put to the reasoner where a test, and with it the function's name, was shown with the question.
    question = row.problem if normalized(source.question) == normalized(row.problem) else source.question
    return GivenProblem(replace(source, id=row.id, question=question, solution=""), source)


def reasons(given: Iterable[GivenProblem]) -> dict[str, int]:
    """Why rows cannot be graded, and how many for each reason."""
    found: dict[str, int] = {}
    for one in given:
        if one.ungraded:
            found[one.ungraded] = found.get(one.ungraded, 0) + 1
    return found


def _texts_of(problem: Problem) -> tuple[str, ...]:
    """How a problem's question may stand in another file: as it is asked, and without the test that is shown."""
    shown = f"\n{problem.tests[0]}" if problem.tests else ""
    return tuple(dict.fromkeys((problem.question, problem.question.removesuffix(shown) if shown else problem.question)))


def _final(answer: str, kind: Kind) -> str:
    """The final answer in what a row calls its answer, which may be a whole solution."""
    whole = MARK in answer or boxed_answer(answer) is not None
    return (kind.extract(answer) if whole else answer).strip()
