"""How often a reasoner is right on a split of the questions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.session import RunSession
from sapo_engine.tasks import Question
from sapo_studio.domain.metrics import (
    Share,
    mean_share,
    pass_at_k,
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Right samples of each question, out of `samples`; with a step oracle also those that are fully correct: right at
    every step."""

    right: list[int]
    samples: int
    sound: list[int] | None = None

    @property
    def accuracy(self) -> Share:
        """Sampled accuracy: the mean over questions."""
        return mean_share([c / self.samples for c in self.right])

    def pass_at(self, k: int) -> Share:
        """pass@k."""
        return mean_share([pass_at_k(self.samples, c, k) for c in self.right])


def accuracy(
    session: RunSession,
    model: Reasoner,
    split: str,
    path: str,
    samples: int,
    *,
    greedy: bool = False,
    steps: bool = False,
) -> Sampled:
    """How many of `samples` solutions of each question of `split` are right; with `steps` and a step oracle also how
    many are so at every step."""
    questions = session.task.questions(split)
    completions = session.sampler.sample(model, questions, path, samples, greedy=greedy)
    grades = iter(
        session.builder.grade([(q, c.tokens) for q, mine in zip(questions, completions, strict=True) for c in mine])
    )
    right = [[c.tokens for c in mine if next(grades).correct] for mine in completions]
    counts = [len(mine) for mine in right]
    if not steps or session.task.first_error(questions[0], questions[0].steps) is None:
        return Sampled(counts, samples)

    def sound(question: Question, tokens: tuple[int, ...]) -> bool:
        return session.task.first_error(question, session.builder.cut(tokens)[1]) == 0

    found = [
        sum(copies for tokens, copies in Counter(mine).items() if sound(question, tokens))
        for question, mine in zip(questions, right, strict=True)
    ]
    return Sampled(counts, samples, found)
