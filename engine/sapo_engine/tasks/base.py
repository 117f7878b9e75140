"""What the loop needs to know of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypedDict

from sapo_engine.grading.base import Grade

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


GIVEN = 4_000_000
"""Numbers of the questions of a process benchmark that came with the data begin here."""


@dataclass(frozen=True)
class Question:
    """A question of the task. `number` is unique in the run; `steps` is the task's own solution (may be empty)."""

    number: int
    split: str
    text: str
    steps: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class WrittenSolution:
    """A solution of the process benchmark that came with the data: `first_error` is 1-based, 0 for none.

    `contradicts`: the answer is wrong, and yet no step is. `ungraded`: why other solutions of its question cannot be
    graded; empty where they can.
    """

    question: Question
    steps: tuple[str, ...]
    correct: bool
    first_error: int
    name: str = ""
    contradicts: bool = False
    ungraded: str = ""


class Message(TypedDict):
    """One turn of a chat prompt."""

    role: str
    content: str


class Segmenter(Protocol):
    """How a solution's lines are grouped into steps.

    Whether a line begins a step may depend on the lines before it and on nothing behind it: a prefix of a solution is
    cut as the whole is.
    """

    def starts(self, lines: Sequence[str]) -> list[bool]:
        """For each line, whether a step begins with it. Lines before the first start belong to the first step."""
        ...

    def clean(self, text: str) -> str:
        """A step as it is stored, from its lines as they were written. Empty where there is nothing in it."""
        ...


class Task(Protocol):
    """A source of questions with a grader. A completion ends at the end-of-text token."""

    max_new_tokens: int
    """Longest completion worth generating, in tokens."""
    runs_on: bool
    """Whether a completion may go on with a question of its own behind its answer; if not, `answer_end` is None."""

    @property
    def segmenter(self) -> Segmenter:
        """How solutions are cut into steps."""
        ...

    def questions(self, split: str) -> Sequence[Question]:
        """All questions of `split`: train, development, test or process. No question is in two splits."""
        ...

    def process_benchmark(self) -> Sequence[WrittenSolution] | None:
        """Solutions with known first errors that came with the data; None where the run writes its own."""
        ...

    def build_tokenizer(self) -> PreTrainedTokenizerBase:
        """A tokenizer for models that are made fresh for this task. InputError where the task has none."""
        ...

    def prompt(self, question: Question) -> str:
        """What the reasoner is given, as plain text."""
        ...

    def chat(self, question: Question) -> list[Message] | None:
        """What the reasoner is given as turns of a chat; None: `prompt` is to be used."""
        ...

    def join(self, steps: Sequence[str]) -> str:
        """The text of a solution from its steps."""
        ...

    def grade(self, items: Sequence[tuple[Question, str]]) -> list[Grade]:
        """Whether each written solution comes to the right answer (or passes the tests)."""
        ...

    def answer_end(self, text: str) -> int | None:
        """Where the first complete answer of a completion ends, if the completion goes on with a question of its own.

        None where it does not (yet). A sampler asks while the text grows, about whole lines, and stops where there is
        an end: it has to stay where it is, whatever comes after. `grade` looks at `text[:answer_end(text)]` alone.
        """
        ...

    def first_error(self, question: Question, steps: Sequence[str]) -> int | None:
        """The 1-based first wrong step, 0 if none is wrong, None where the task has no step oracle."""
        ...

    def close(self) -> None:
        """Give back what grading holds (processes). It may be called twice."""
        ...
