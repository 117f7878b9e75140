"""Whether the answers and programs that a data set calls right are graded as right: before anything is trained on them.

An answer must be found and be equal to itself where a solution ends with it as the task asks; a reference program must
pass its own tests. A question that nothing can answer rightly only says to a reasoner that all it does is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sapo_engine.grading.base import Grader, Problem
from sapo_engine.grading.equality import is_read
from sapo_engine.grading.escape import cut, shown
from sapo_engine.grading.extract import MARK, final_number
from sapo_engine.tasks.kinds import Kind, grader_for
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError

CHUNK = 50
NAMED = 10
"""Bad golds that a message names."""


@dataclass(frozen=True, slots=True)
class BadGold:
    """A question whose own answer or program is not graded as right, and why."""

    problem: Problem
    reason: str


@dataclass(frozen=True, slots=True)
class Golds:
    """What `check_golds` found. `by_signs`: answers that are no mathematics, to which only the same signs are equal."""

    checked: int
    bad: tuple[BadGold, ...]
    by_signs: int

    @property
    def summary(self) -> str:
        """One sentence on the bad ones, with their names."""
        named = ", ".join(cut(gold.problem.id) for gold in self.bad[:NAMED])
        more = f" and {len(self.bad) - NAMED} more" if len(self.bad) > NAMED else ""
        what = "answer or program is" if len(self.bad) == 1 else "answers or programs are"
        return f"{len(self.bad)} of {self.checked} reference {what} not graded as right: {named}{more}"


def check_golds(
    kind: Kind,
    problems: Sequence[Problem],
    config: TaskConfig,
    graders: int = 0,
    tick: Callable[[int], None] | None = None,
) -> Golds:
    """Grade each problem's own answer (or, for programs, its own solution; those without one are not checked).

    `tick` is called with how many are done. Raises InputError where programs cannot be graded on this machine.
    """
    checked = [problem for problem in problems if problem.solution or not problem.is_code]
    found = list(without_any(checked).bad)
    kept: dict[bool, Grader] = {}
    try:
        for begin in range(0, len(checked), CHUNK):
            chunk = checked[begin : begin + CHUNK]
            for code in {problem.is_code for problem in chunk}:
                mine = [problem for problem in chunk if problem.is_code == code and problem.gradable]
                if code not in kept:
                    kept[code] = grader_for(kind, config, graders, code=code)
                grades = kept[code].grade([(problem, _reference(kind, problem)) for problem in mine])
                for problem, grade in zip(mine, grades, strict=True):
                    if not grade.correct:
                        found.append(BadGold(problem, _reason(kind, problem, grade.reason, grade.answer)))
            if tick is not None:
                tick(begin + len(chunk))
    finally:
        for grader in kept.values():
            grader.close()
    by_signs = sum(not problem.is_code and not is_read(problem.answer) for problem in checked)
    return Golds(len(checked), tuple(found), by_signs)


def without_any(problems: Sequence[Problem]) -> Golds:
    """What can be said of the reference answers without grading one: which problems have none."""
    bad = tuple(BadGold(problem, "there is no answer") for problem in problems if not problem.gradable)
    return Golds(len(problems), bad, 0)


def refused_or_bad(golds: Golds, how: str) -> frozenset[Problem]:
    """The problems to leave out, as `task.bad_golds` asks. Raises InputError for "refuse" where there are any."""
    if golds.bad and how == "refuse":
        raise InputError(
            golds.summary,
            why="\n".join(f"{cut(gold.problem.id)}: {gold.reason}" for gold in golds.bad[:NAMED]),
            fix='Correct them, or set task.bad_golds = "leave_out" to go on without them.',
        )
    return frozenset(gold.problem for gold in golds.bad)


def _reference(kind: Kind, problem: Problem) -> str:
    """A completion that gives the reference as the task asks for it."""
    if problem.is_code:
        return problem.solution
    return f"\\boxed{{{problem.answer}}}" if kind.name == "math" else f"{MARK} {problem.answer}"


def _reason(kind: Kind, problem: Problem, reason: str, answer: str) -> str:
    if problem.is_code:
        return shown(reason)
    if not answer and kind.extract is final_number:
        return "there is no answer"
    if not answer:
        return f"no answer is found in {cut(problem.answer)!r}"
    return f"{cut(problem.answer)!r} is read as {cut(answer)!r}"
