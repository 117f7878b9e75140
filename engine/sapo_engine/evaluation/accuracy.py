"""To be worded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.session import Lab
from sapo_engine.tasks import Question
from sapo_studio.domain.metrics import (
    Share,
    mean_share,
    pass_at_k,
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Right samples of each question, out of `samples`; with a step oracle also those that are right at every step."""

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
    lab: Lab, model: Reasoner, split: str, path: str, samples: int, *, greedy: bool = False, steps: bool = False
) -> Sampled:
    """How many of `samples` solutions of each question of `split` are right; with `steps` and a step oracle also how
    many are so at every step."""
    questions = lab.task.questions(split)
    completions = lab.sample_many(model, questions, path, samples, greedy=greedy)
    grades = iter(
        lab.cutter.grade([(q, c.tokens) for q, mine in zip(questions, completions, strict=True) for c in mine])
    )
    right = [[c.tokens for c in mine if next(grades).correct] for mine in completions]
    counts = [len(mine) for mine in right]
    if not steps or lab.task.first_error(questions[0], questions[0].steps) is None:
        return Sampled(counts, samples)

    def sound(question: Question, tokens: tuple[int, ...]) -> bool:
        return lab.task.first_error(question, lab.cutter.cut(tokens)[1]) == 0

    found = [
        sum(copies for tokens, copies in Counter(mine).items() if sound(question, tokens))
        for question, mine in zip(questions, right, strict=True)
    ]
    return Sampled(counts, samples, found)
