"""What is known of each step of a trajectory that ends in an incorrect answer, and what each source votes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from sapo_studio.domain.dawid_skene import NONE, RIGHT, WRONG, Votes, gather
from sapo_studio.domain.judgements import Judgement
from sapo_studio.domain.labels import detect, from_first_error

VERIFIER = "verifier"
PERSON = "person: "
"""Begins the name of a source that is a person."""
GRADER = "grader: "
"""Begins the name of a source that is somebody else's labels."""
HALVINGS = 40
"""1e-12 of a chance is more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Rollouts from a prefix: `succeeded` of `made` came to a correct answer."""

    succeeded: int
    made: int

    def interval(self) -> tuple[float, float]:
        """95 % of Beta(1 + k, 1 + n - k): where the chance of a success lies. Rollouts end at the first success, so it
        leans upwards where there was one."""
        return _beta_interval(self.succeeded, self.made)


@cache
def _beta_interval(succeeded: int, made: int) -> tuple[float, float]:
    """By halving, without scipy: its first import takes seconds on a busy machine, in which no row could be read."""
    return _beta_quantile(0.025, succeeded, made), _beta_quantile(0.975, succeeded, made)


def _beta_quantile(share: float, succeeded: int, made: int) -> float:
    """Where the distribution function of Beta(1 + k, 1 + n - k) is `share`. For whole numbers its value at x is the
    chance of more than k successes in n + 1 tries of chance x."""
    tries = made + 1
    ways = {
        count: math.lgamma(tries + 1) - math.lgamma(count + 1) - math.lgamma(tries - count + 1)
        for count in range(succeeded + 1, tries + 1)
    }
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        x = (low + high) / 2
        hit, miss = math.log(x), math.log1p(-x)
        below = sum(math.exp(log + count * hit + (tries - count) * miss) for count, log in ways.items())
        low, high = (x, high) if below < share else (low, x)
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class StepEvidence:
    """One trajectory. Steps are 1-based where they are keys, and a prefix is named by its number of steps.

    `labels`: as a labeler wrote them, one character a step. `scores`: of the verifier before; empty where it has not
    scored the trajectory. `rollouts`: by prefix. `graders`: labels of others, by name. `people`: judgements by name and
    step. `truth`: the first incorrect step by the task's oracle, 0 for none, None where it is unknown.
    """

    trajectory: int
    question: int
    labels: str
    scores: Sequence[float] = ()
    rollouts: Mapping[int, Tries] = field(default_factory=dict[int, Tries])
    graders: Mapping[str, str] = field(default_factory=dict[str, str])
    people: Mapping[str, Mapping[int, int]] = field(default_factory=dict[str, Mapping[int, int]])
    truth: int | None = None

    @property
    def n(self) -> int:
        """Number of steps."""
        return len(self.labels)


def votes_of(evidence: Sequence[StepEvidence]) -> Votes:
    """What rollouts, verifier, graders and people vote. The oracle's truth has no vote: estimates are held against it.

    The verifier calls the step of its largest drop the first error, as the method takes it (eq. 9-11): the level of its
    scores says less than where they fall.
    """
    judges: dict[str, list[list[int]]] = {}
    if any(one.scores for one in evidence):
        judges[VERIFIER] = [_predicted(one) for one in evidence]
    for name in sorted({name for one in evidence for name in one.graders}):
        judges[GRADER + name] = [_written(one.graders.get(name, "?" * one.n)) for one in evidence]
    for name in sorted({name for one in evidence for name in one.people}):
        judges[PERSON + name] = [
            [_judged(one.people.get(name, {}).get(step)) for step in range(1, one.n + 1)] for one in evidence
        ]
    rollouts = [
        {prefix - 1: (tries.succeeded, tries.made) for prefix, tries in one.rollouts.items()} for one in evidence
    ]
    return gather(judges, rollouts, [one.n for one in evidence], [one.question for one in evidence])


def _predicted(one: StepEvidence) -> list[int]:
    return _written(from_first_error(detect(one.scores), one.n)) if one.scores else [NONE] * one.n


def _written(labels: str) -> list[int]:
    return [{"1": RIGHT, "0": WRONG}.get(label, NONE) for label in labels]


def _judged(judgement: int | None) -> int:
    return {Judgement.RIGHT: RIGHT, Judgement.WRONG: WRONG}.get(Judgement(judgement or 0), NONE)
