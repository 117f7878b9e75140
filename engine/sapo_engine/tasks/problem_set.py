"""Written problems put as questions: prompts, steps and grading, whatever they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sapo_engine.grading.base import Grade, Grader, Problem
from sapo_engine.grading.first_answer import goes_on
from sapo_engine.tasks.base import Message, Question
from sapo_engine.tasks.kinds import KINDS, grader_for
from sapo_engine.tasks.segmenters import Pattern, segmenter_of
from sapo_studio.config.engine_limits import ANSWER_TOKENS, CODE_TOKENS
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class ProblemSet:
    """What tasks over written problems share of Task. `code`: solutions are programs (`is_code` says so of data).

    A subclass numbers its questions (`_question`), and fills `shots`, the worked examples of few-shot prompts.
    """

    def __init__(self, config: TaskConfig, graders: int, *, code: bool) -> None:
        self.config = config
        self.kind = KINDS[config.kind]
        self.is_code = code
        self.shots: list[Problem] = []
        self.segmenter = segmenter_of(
            ("block" if self.is_code else "line") if config.steps == "auto" else config.steps, config.step_pattern
        )
        self.runs_on = not self.is_code
        self.max_new_tokens = config.max_new_tokens or (CODE_TOKENS if self.is_code else ANSWER_TOKENS)
        self._graders = graders
        self._grader: Grader | None = None
        self._problems: dict[int, Problem] = {}
        self._first = 0
        """The first question's number."""

    def _question(self, split: str, problem: Problem) -> Question:
        number = self._first + len(self._problems)
        self._problems[number] = problem
        steps = self.steps_of(problem.solution)
        return Question(number, split, problem.question, steps, gold_text(problem))

    def problem(self, number: int) -> Problem | None:
        """What the question of this number is graded by; None where there is no such question."""
        return self._problems.get(number)

    def steps_of(self, solution: str) -> tuple[str, ...]:
        """A written solution as steps."""
        if not solution:
            return ()
        lines = solution.split("\n")
        groups: list[list[str]] = [[]]
        for line, begins in zip(lines, self.segmenter.starts(lines), strict=True):
            if begins and groups[-1]:
                groups.append([])
            groups[-1].append(line)
        return tuple(step for step in (self.segmenter.clean("\n".join(group)) for group in groups) if step)

    def build_tokenizer(self) -> PreTrainedTokenizerBase:
        """See Task."""
        raise InputError("This task has no tokenizer of its own", fix="Start from a model folder, GGUF or Hub model.")

    @property
    def instruction(self) -> str:
        """What the reasoner is told to do."""
        usual = (self.is_code and self.kind.code_instruction) or self.kind.instruction
        return self.config.instruction or usual

    def prompt(self, question: Question) -> str:
        """See Task: instruction, worked examples if asked for, question."""
        examples = [f"{_asked(problem.question)}{problem.solution}\n\n" for problem in self.shots]
        return f"{self.instruction}\n\n{''.join(examples)}{_asked(question.text)}"

    def chat(self, question: Question) -> list[Message] | None:
        """See Task."""
        if self.config.prompt != "chat":
            return None
        return [{"role": "system", "content": self.instruction}, {"role": "user", "content": question.text}]

    def join(self, steps: Sequence[str]) -> str:
        """See Task."""
        return "\n".join(steps)

    def grade(self, items: Sequence[tuple[Question, str]]) -> list[Grade]:
        """See Task."""
        if not items:
            return []
        if self._grader is None:
            self._grader = grader_for(self.kind, self.config, self._graders, code=self.is_code)
        return self._grader.grade([(self._problems[question.number], text) for question, text in items])

    def answer_end(self, text: str) -> int | None:
        """See Task: where a completion goes on with a question of its own. Programs have no such end."""
        return None if self.is_code else goes_on(text)

    def first_error(self, question: Question, steps: Sequence[str]) -> int | None:
        """See Task: nobody knows."""
        return None

    def close(self) -> None:
        """See Task."""
        if isinstance(self.segmenter, Pattern):
            self.segmenter.close()
        if self._grader is not None:
            self._grader.close()


def gold_text(problem: Problem) -> str:
    """What the store keeps as a question's answer: the answer itself, or the tests."""
    return problem.answer or "\n".join(problem.tests)


def _asked(question: str) -> str:
    return f"Question: {question}\nAnswer:\n"


def is_code(problems: Sequence[Problem]) -> bool:
    """Whether the problems of some data ask for programs: all do, or none does. Raises InputError where they differ."""
    code = sum(problem.is_code for problem in problems)
    if code not in (0, len(problems)):
        raise InputError(
            f"The data mix {code} programs and {len(problems) - code} answers",
            why="A run is graded by tests or by answers.",
            fix="Make two files of them.",
        )
    return code > 0
