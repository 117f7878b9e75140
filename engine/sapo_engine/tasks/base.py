"""What the loop needs to know of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Question:
    """A question of the task. `number` is unique in the run; `steps` is the task's own solution."""

    number: int
    split: str
    text: str
    steps: tuple[str, ...]
    answer: str


class Task(Protocol):
    """A source of questions with a grader. A prompt is `prompt(q)`, a completion ends at the end-of-text token."""

    max_new_tokens: int
    """Longest completion worth generating, in tokens."""

    def questions(self, split: str) -> Sequence[Question]:
        """All questions of `split`: train, development, test or process. No question is in two splits."""
        ...

    def build_tokenizer(self) -> PreTrainedTokenizerBase:
        """A tokenizer for models that are made fresh for this task."""
        ...

    def prompt(self, question: Question) -> str:
        """What the reasoner is given."""
        ...

    def join(self, steps: Sequence[str]) -> str:
        """The text of a solution from its steps."""
        ...

    def ends_step(self, token_text: str) -> bool:
        """Whether a token with this text ends a step (the end-of-text token always does)."""
        ...

    def grade(self, question: Question, steps: Sequence[str]) -> tuple[bool, str]:
        """Whether the final answer of a written solution is right, and that answer as text."""
        ...

    def first_error(self, question: Question, steps: Sequence[str]) -> int | None:
        """The 1-based first wrong step, 0 if none is wrong, None where the task has no step oracle."""
        ...
