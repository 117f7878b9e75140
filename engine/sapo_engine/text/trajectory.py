"""A trajectory as the engine holds it: token ids beside the text, steps cut once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sapo_engine.tasks.base import Question
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


@dataclass(frozen=True, slots=True)
class TrajectoryDraft:
    """A completion that is to become a trajectory."""

    question: Question
    tokens: tuple[int, ...]
    number: int
    iteration: int
    sample: int = 0
    source: str = "sample"
    copies: int = 1


LabeledRow = tuple[Trajectory, str]
"""A trajectory with its labels, one character a step: `1`, `0` or `?` (unknown)."""
