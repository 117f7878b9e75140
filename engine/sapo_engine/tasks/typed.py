"""Questions that somebody types, put, cut and graded as those of a run's task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sapo_engine.grading.base import Grade, Problem
from sapo_engine.grading.escape import shown
from sapo_engine.tasks.arithmetic import ArithmeticTask
from sapo_engine.tasks.base import Question, Task
from sapo_engine.tasks.lab_question import amounts_of
from sapo_engine.tasks.problem_set import ProblemSet
from sapo_engine.tasks.written import WrittenTask
from sapo_studio.config.schema import TaskConfig
from sapo_studio.domain.task_kinds import LAB, TASK_KINDS

SPLIT = "typed"
FIRST = 2**40
"""Their numbers begin behind all of a run's own."""
_SMALL = {"train_questions": 50, "development_questions": 20, "test_questions": 20, "process_solutions": 20}
"""Of the lab's own questions none is asked here: as few are made as may be."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A question, and what its solutions are to be graded by: an answer, or tests after `setup`, or neither. `number`:
    the question's own in its run's task, where it comes from there."""

    text: str
    answer: str = ""
    tests: tuple[str, ...] = ()
    setup: str = ""
    number: int | None = None


class TypedTask(Task, Protocol):
    """A Task whose questions are typed. `grade` reads the answer also where there is nothing to grade it by."""

    def ask(self, typed: Typed) -> Question:
        """The question, from now on one of the task's. The same one always has the same number."""
        ...

    def gradable(self, question: Question) -> bool:
        """Whether there is something to grade its solutions by; else what `grade` says of them means nothing."""
        ...

    @property
    def is_code(self) -> bool:
        """Whether solutions are programs."""
        ...


def typed_task(config: TaskConfig, seed: int, run_dir: Path | None = None) -> TypedTask:
    """Questions as the run's task in `run_dir` has them (None: there is no run). Raises InputError where its data are
    needed and cannot be had: worked examples of few-shot prompts, and whether programs are asked for where only the
    data say so."""
    return TypedLab(config) if config.kind == LAB else TypedProblems(config, seed, run_dir)


class TypedLab(ArithmeticTask):
    """Typed questions of the arithmetic lab: it works out the answer, and the truth of each step, where they are worded
    as its own. Implements TypedTask."""

    is_code = False

    def __init__(self, config: TaskConfig) -> None:
        super().__init__(config.model_copy(update={**_SMALL, "process_data": ""}), seed=0)
        self._typed: dict[tuple[str, str], Question] = {}

    def ask(self, typed: Typed) -> Question:
        """See TypedTask."""
        text = " ".join(typed.text.split())
        amounts = amounts_of(text)
        answer = typed.answer.strip() or ("" if amounts is None else str(amounts[-1]))
        known = self._typed.get((text, answer))
        if known is None:
            known = self._typed[text, answer] = Question(FIRST + len(self._typed), SPLIT, text, (), answer)
            if amounts is not None:
                self._truth[known.number] = amounts
        return known

    def gradable(self, question: Question) -> bool:
        """See TypedTask."""
        return bool(question.answer)


class TypedProblems(ProblemSet):
    """Typed questions of a kind of written task. Implements TypedTask."""

    def __init__(self, config: TaskConfig, seed: int, run_dir: Path | None) -> None:
        self._seed = seed
        self._run_config = config
        self._own: WrittenTask | None = None
        solutions = TASK_KINDS[config.kind].solutions
        if run_dir is None:
            code = solutions == "programs"
        else:
            code = self._of_run().is_code if solutions == "either" else solutions == "programs"
        super().__init__(config, 0, code=code)
        if config.prompt == "few-shot" and run_dir is not None:
            # As the run had them: those whose own answer is not graded as right were left out of it.
            task = WrittenTask(config.model_copy(update={"process_data": ""}), seed)
            if code:
                task.check_golds(kept_in=run_dir)
            self.shots = task.shots
            task.close()
        self._first = FIRST
        self._typed: dict[Typed, Question] = {}

    def _of_run(self) -> WrittenTask:
        """The run's own questions, with their answers and tests."""
        if self._own is None:
            update = {"bad_golds": "keep", "process_data": ""}
            self._own = WrittenTask(self._run_config.model_copy(update=update), self._seed)
        return self._own

    def ask(self, typed: Typed) -> Question:
        """See TypedTask. InputError where the data of a question of the run's own cannot be had any more."""
        known = self._typed.get(typed)
        if known is None:
            known = self._typed[typed] = self._question(SPLIT, self._problem_of(typed))
        return known

    def _problem_of(self, typed: Typed) -> Problem:
        own = self._of_run().problem(typed.number) if typed.number is not None and self.is_code else None
        if own is not None and own.question == typed.text.strip():
            return own if not typed.tests else replace(own, tests=typed.tests, setup=typed.setup or own.setup)
        text = typed.text.strip()
        if not self.is_code:
            return Problem("typed", text, answer=typed.answer.strip())
        # As the data sets have it: the first test tells the function's name; a header is what is gone on from.
        shows = self.config.kind == "mbpp" and typed.tests and typed.tests[0] not in text
        asked = f"{text}\n{typed.tests[0]}" if shows else text
        header = text if self.config.kind == "humaneval" else ""
        return Problem("typed", asked, tests=typed.tests, setup=typed.setup, header=header)

    def gradable(self, question: Question) -> bool:
        """See TypedTask."""
        problem = self._problems[question.number]
        return problem.gradable and problem.is_code == self.is_code

    def grade(self, items: Sequence[tuple[Question, str]]) -> list[Grade]:
        """See TypedTask."""
        known = [(question, text) for question, text in items if self.gradable(question)]
        graded = iter(super().grade(known))
        return [next(graded) if self.gradable(question) else self._read(text) for question, text in items]

    def _read(self, text: str) -> Grade:
        return Grade(False) if self.is_code else Grade(False, shown(self.kind.extract(text)))

    def questions(self, split: str) -> Sequence[Question]:
        """See Task: those that were typed."""
        return list(self._typed.values()) if split == SPLIT else []

    def process_benchmark(self) -> None:
        """See Task: there is none."""

    def close(self) -> None:
        """See Task."""
        super().close()
        if self._own is not None:
            self._own.close()
