"""A trajectory as the engine holds it: token ids beside the text, steps cut once and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedTokenizerBase

from sapo_engine.tasks.base import Question, Task
from sapo_studio.events.kinds import TrajectoryRow


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A written solution.

    `tokens` are the completion's ids, end-of-text included where it was written; `ends[j]` is where step j+1
    ends in them (exclusive), so that v_{j+1} is read at token `ends[j] - 1`.
    """

    number: int
    question: int
    iteration: int
    sample: int
    source: str
    tokens: tuple[int, ...]
    ends: tuple[int, ...]
    steps: tuple[str, ...]
    correct: bool
    answer: str
    truth: int | None
    copies: int = 1

    @property
    def n(self) -> int:
        """Number of steps."""
        return len(self.steps)

    def row(self) -> TrajectoryRow:
        """What the store keeps of it."""
        return TrajectoryRow(
            number=self.number,
            question=self.question,
            iteration=self.iteration,
            sample=self.sample,
            source=self.source,
            steps=list(self.steps),
            correct=self.correct,
            answer=self.answer,
            truth=self.truth,
            tokens=len(self.tokens),
            copies=self.copies,
        )

    def to_json(self) -> list[Any]:
        """A compact form for shards."""
        return [
            self.number,
            self.question,
            self.iteration,
            self.sample,
            self.source,
            self.tokens,
            self.ends,
            self.steps,
            self.correct,
            self.answer,
            self.truth,
            self.copies,
        ]

    @classmethod
    def from_json(cls, data: list[Any]) -> Trajectory:
        """The trajectory that `to_json` wrote."""
        number, question, iteration, sample, source, tokens, ends, steps, correct, answer, truth, copies = data
        return cls(
            number,
            question,
            iteration,
            sample,
            source,
            tuple(tokens),
            tuple(ends),
            tuple(steps),
            correct,
            answer,
            truth,
            copies,
        )


@dataclass(slots=True)
class Cutter:
    """Cuts completions into steps at the tokens that end one, as the task says."""

    task: Task
    tokenizer: PreTrainedTokenizerBase
    _text: dict[int, str] = field(default_factory=dict)

    def text_of(self, token: int) -> str:
        """The text of one token."""
        text = self._text.get(token)
        if text is None:
            text = self._text[token] = str(self.tokenizer.decode([token]))
        return text

    def cut(self, tokens: Sequence[int]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Where each step ends (exclusive token index), and the steps' texts. Empty lines belong to the step before."""
        ends: list[int] = []
        steps: list[str] = []
        begin = 0
        eos = self.tokenizer.eos_token_id
        for index, token in enumerate(tokens):
            last = index + 1 == len(tokens)
            if token != eos and not last and not self.task.ends_step(self.text_of(token)):
                continue
            body = tokens[begin : index + (token != eos)]
            text = str(self.tokenizer.decode(list(body))).strip()
            if text or not steps:
                ends.append(index + 1)
                steps.append(text)
            else:
                ends[-1] = index + 1
            begin = index + 1
            if token == eos:
                break
        return tuple(ends), tuple(steps)

    def trajectory(
        self,
        question: Question,
        tokens: Sequence[int],
        *,
        number: int,
        iteration: int,
        sample: int = 0,
        source: str = "sample",
        copies: int = 1,
    ) -> Trajectory:
        """Cut, graded and, where the task can, checked step by step."""
        ends, steps = self.cut(tokens)
        correct, answer = self.task.grade(question, steps)
        return Trajectory(
            number=number,
            question=question.number,
            iteration=iteration,
            sample=sample,
            source=source,
            tokens=tuple(tokens),
            ends=ends,
            steps=steps,
            correct=correct,
            answer=answer,
            truth=self.task.first_error(question, steps),
            copies=copies,
        )
