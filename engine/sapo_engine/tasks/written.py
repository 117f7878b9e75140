"""A task over written problems: splits, prompts, steps and grading."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from sapo_engine.grading.base import Problem
from sapo_engine.tasks.base import GIVEN, Question, WrittenSolution
from sapo_engine.tasks.given_benchmark import GivenProblem, KnownQuestions, given_problem
from sapo_engine.tasks.golds import Golds, check_golds, refused_or_bad, without_any
from sapo_engine.tasks.kept_golds import keep_golds, kept_golds, key_of
from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_engine.tasks.problem_set import ProblemSet, gold_text, is_code
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError
from sapo_studio.formats.registry import read_file
from sapo_studio.paths import process_data_path

LEAST_TRAIN, LEAST_TEST = 10, 5


class WrittenTask(ProblemSet):
    """GSM8K, MATH, MBPP, HumanEval or the user's own questions. Implements Task.

    Test questions come from `test_data`, from the data set's own test split, or are held out of the training data;
    development questions and few-shot examples are held out of the training data. Which ones depends on `seed` alone.
    """

    def __init__(
        self, config: TaskConfig, seed: int, *, graders: int = 0, problems: Sequence[Problem] | None = None
    ) -> None:
        """`problems`: those of the training data, where they have been read already."""
        kind = KINDS[config.kind]
        address = config.train_data or kind.hub_train
        train = load_problems(kind, address, columns=config.fields) if problems is None else list(problems)
        apart = config.test_data or (kind.hub_test if not config.train_data else "")
        test = load_problems(kind, apart, columns=config.fields) if apart else []
        everything = [*train, *test]
        self.learned_from = [problem.question for problem in train]
        """The questions of all rows of the training data, in their order."""
        super().__init__(config, graders, code=is_code(everything))
        order = random.Random(f"{config.kind} {seed}")
        order.shuffle(train)
        if apart:
            order.shuffle(test)
            test = test[: config.test_questions]
        if config.prompt == "few-shot":
            self.shots = [problem for problem in train if problem.solution][: config.shots]
            train = [problem for problem in train if problem not in self.shots]
        # Held out: what was asked for, but never so much that too little is left to learn from.
        most = max(0, (len(train) - LEAST_TRAIN) // (2 if apart else 3))
        development = _take(train, min(config.development_questions, most))
        if not apart:
            test = _take(train, min(config.test_questions, most))
        train = train[: config.train_questions]
        if len(train) < LEAST_TRAIN or len(test) < LEAST_TEST or not development:
            raise InputError(
                f"There are too few questions: {len(train)} to learn from, {len(development)} for development, "
                f"{len(test)} to test on",
                why=f"At least {LEAST_TRAIN} to learn from and {LEAST_TEST} to test on are needed.",
                fix="Add questions to task.train_data, or name a file of test questions in task.test_data.",
            )
        self._splits: dict[str, list[Question]] = {"process": []}
        for split, problems in (("train", train), ("development", development), ("test", test)):
            self._splits[split] = [self._question(split, problem) for problem in problems]
        self._given: list[GivenProblem] = []
        self._benchmark = self._read_benchmark(config.process_data, everything) if config.process_data else None
        self.golds = Golds(0, (), 0)
        """The reference answers that are not graded as right; of programs only once `check_golds` was called."""
        if not self.is_code:
            self.check_golds()
            self.check_given()

    def check_golds(self, tick: Callable[[int], None] | None = None, kept_in: Path | None = None) -> Golds:
        """Grade the reference answer or program of every question, and do with the bad ones as `bad_golds` asks.

        The others keep their numbers and splits. Answers are checked when the task is made; programs take their time,
        so whoever makes the task asks for it (`tick` is called with how many are done). The folder `kept_in` keeps what
        is found of programs, so that they are run once. Raises InputError where the run must not begin.
        """
        asked = [*self.shots, *self._asked]
        if self.config.bad_golds == "keep":
            self.golds = without_any(asked)
        else:
            self.golds = self._golds_of(asked, tick, kept_in)
        self.leave_out(refused_or_bad(self.golds, self.config.bad_golds))
        return self.golds

    def _golds_of(self, problems: Sequence[Problem], tick: Callable[[int], None] | None, kept_in: Path | None) -> Golds:
        if kept_in is None or not self.is_code:
            return check_golds(self.kind, problems, self.config, self._graders, tick)
        from sapo_engine.grading.programs import probe

        key = key_of(problems, self.config, probe()[0])
        golds = kept_golds(kept_in, key, problems)
        if golds is None:
            golds = check_golds(self.kind, problems, self.config, self._graders, tick)
            keep_golds(kept_in, key, problems, golds)
        return golds

    def check_given(self) -> frozenset[Problem]:
        """Grade what the benchmark's questions are graded by, as far as `check_golds` does not: nothing is measured by
        rollouts of those that it fails. Returns them."""
        known = set[Problem]() if self.config.bad_golds == "keep" else {*self.shots, *self._asked}
        own = {one.source: None for one in self._given if one.source is not None and one.source not in known}
        bad = frozenset(gold.problem for gold in check_golds(self.kind, list(own), self.config, self._graders).bad)
        self.grade_nothing_by(bad)
        return bad

    def grade_nothing_by(self, problems: Collection[Problem]) -> None:
        """Measure nothing by rollouts of the benchmark's questions whose answer or tests are those of `problems`."""
        self._given = [one.without(problems) for one in self._given]
        if self._benchmark is not None:
            pairs = zip(self._benchmark, self._given, strict=True)
            self._benchmark = [replace(row, ungraded=one.ungraded) for row, one in pairs]

    @property
    def _asked(self) -> list[Problem]:
        """The problems of all splits."""
        return [problem for number, problem in self._problems.items() if number < GIVEN]

    def leave_out(self, problems: Collection[Problem]) -> None:
        """Ask these no more, and grade nothing by them. Raises InputError where too few questions are left."""
        if not problems:
            return
        self.shots = [problem for problem in self.shots if problem not in problems]
        self.grade_nothing_by(problems)
        bad = {number for number, problem in self._problems.items() if problem in problems}
        for split, questions in self._splits.items():
            self._splits[split] = [question for question in questions if question.number not in bad]
        if not all(self._splits[split] for split in ("train", "development", "test")):
            raise InputError(
                "Too few questions are left", why=self.golds.summary, fix="`sapo doctor --task` says what is wrong."
            )

    def _read_benchmark(self, file: str, data: Sequence[Problem]) -> list[WrittenSolution]:
        """The solutions in `file`. `data` are all problems that the task's data have."""
        found: list[WrittenSolution] = []
        known = KnownQuestions(data)
        for item in read_file(process_data_path(file)):
            number = GIVEN + len(found)
            given = given_problem(item, self.kind, known, code=self.is_code)
            self._given.append(given)
            problem = self._problems[number] = given.problem
            question = Question(number, "process", problem.question, (), gold_text(problem))
            right, error = item.ends_right, item.first_error or 0
            row = WrittenSolution(question, item.steps, right, error, item.id, item.contradicts, given.ungraded)
            found.append(row)
        return found

    def questions(self, split: str) -> Sequence[Question]:
        """See Task. No process questions: nobody here knows a step's truth."""
        return self._splits[split]

    def process_benchmark(self) -> Sequence[WrittenSolution] | None:
        """See Task."""
        return self._benchmark


def _take(problems: list[Problem], count: int) -> list[Problem]:
    """Take the last `count` out of `problems`."""
    taken = problems[len(problems) - count :]
    del problems[len(problems) - count :]
    return taken
