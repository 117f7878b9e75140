"""The questions of an evaluation set: a kind, data and a prompt of its own, asked beside the run's task."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from sapo_engine.grading.base import Problem
from sapo_engine.numbering import SETS
from sapo_engine.tasks.base import Question, WrittenSolution
from sapo_engine.tasks.columns import SET_FIELDS
from sapo_engine.tasks.golds import Golds, check_golds, refused_or_bad, without_any
from sapo_engine.tasks.kinds import KINDS, Kind, load_problems
from sapo_engine.tasks.problem_set import ProblemSet, is_code
from sapo_studio.config.schema import EvalSetConfig, TaskConfig
from sapo_studio.errors import InputError


def data_of(kind: Kind, data: str) -> str:
    """Where a set's questions are: `data`, else the kind's own test questions on the Hub (or all it has)."""
    return data or kind.hub_test or kind.hub_train


class EvalSetTask(ProblemSet):
    """The questions of one of `evaluation.sets`, in its one split "test". Implements Task.

    `task` is the run's own, which says how programs are run, how long solutions are and what becomes of bad reference
    answers. Of more than `config.questions` rows a seeded choice is asked; examples of a few-shot prompt are rows of
    the same data that are not asked. Raises InputError where the data cannot be had.
    """

    def __init__(self, config: EvalSetConfig, task: TaskConfig, seed: int, *, graders: int = 0) -> None:
        kind = KINDS[config.kind]
        address = data_of(kind, config.data)
        try:
            problems = load_problems(kind, address, columns=config.fields, key=SET_FIELDS)
        except InputError as error:
            raise InputError(f"Evaluation set {config.name}: {error.what}", why=error.why, fix=error.fix) from error
        self.rows = [problem.question for problem in problems]
        """The questions of all rows of its data, in their order."""
        super().__init__(config.as_task(task, address), graders, code=is_code(problems))
        self.name = config.name
        # The same in every set: keys are made of them, and another set beside it changes nothing in what is sampled.
        self._first = SETS
        order = random.Random(f"set {config.kind} {seed}")
        order.shuffle(problems)
        if self.config.prompt == "few-shot":
            self.shots = [problem for problem in problems if problem.solution][: self.config.shots]
        asked = [problem for problem in problems if problem not in self.shots][: config.questions]
        self._asked = [self._question("test", problem) for problem in asked]
        self.golds = Golds(0, (), 0)
        if not self.is_code:
            self.check_golds()

    def check_golds(self) -> Golds:
        """Grade the reference answers or programs of all questions and leave bad ones out, as `task.bad_golds` asks.
        Raises InputError where the run must not begin, or nothing is left to ask."""
        problems = [*self.shots, *self._problems.values()]
        if self.config.bad_golds == "keep":
            self.golds = without_any(problems)
        else:
            self.golds = check_golds(self.kind, problems, self.config, self._graders)
        self.leave_out(refused_or_bad(self.golds, self.config.bad_golds))
        return self.golds

    def leave_out(self, problems: Collection[Problem]) -> None:
        """Ask these no more. Raises InputError where nothing is left."""
        self.shots = [problem for problem in self.shots if problem not in problems]
        self._asked = [question for question in self._asked if self._problems[question.number] not in problems]
        if not self._asked:
            raise InputError(
                f"The evaluation set {self.name} has no questions to ask",
                why=self.golds.summary if self.golds.bad else "All rows of its data are examples of its prompt.",
                fix="Give it more data.",
            )

    def questions(self, split: str) -> Sequence[Question]:
        """See Task."""
        return self._asked if split == "test" else ()

    def process_benchmark(self) -> Sequence[WrittenSolution] | None:
        """See Task."""
        return None
