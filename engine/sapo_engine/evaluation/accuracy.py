"""How often a reasoner is right, on a split of the run's questions or on an evaluation set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sapo_engine.grading.base import Grade
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.asked import Asked
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


Tick = Callable[[int, int], None]
"""Is told how many of how many are done."""

Solved = tuple[tuple[int, ...], Grade]
"""The tokens of a solution, and its verdict."""


def solve(
    asked: Asked,
    model: Reasoner,
    questions: Sequence[Question],
    path: str,
    samples: int,
    *,
    greedy: bool = False,
    tick: Tick | None = None,
) -> list[list[Solved]]:
    """`samples` graded solutions of each question. `path` names the purpose in the random keys; `tick(done, total)`
    counts solutions."""
    completions = asked.sampler.sample(model, questions, path, samples, greedy=greedy, tick=tick)
    grades = iter(
        asked.builder.grade([(q, c.tokens) for q, mine in zip(questions, completions, strict=True) for c in mine])
    )
    return [[(c.tokens, next(grades)) for c in mine] for mine in completions]


def accuracy(
    asked: Asked, model: Reasoner, split: str, path: str, samples: int, *, tick: Tick | None = None
) -> Sampled:
    """How many of `samples` solutions of each question of `split` are right. `tick`: see `solve`."""
    solved = solve(asked, model, asked.task.questions(split), path, samples, tick=tick)
    return Sampled([sum(grade.correct for _, grade in mine) for mine in solved], samples)
