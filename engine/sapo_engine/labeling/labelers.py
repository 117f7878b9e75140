"""From checks to rollouts: runs any labeler over many trajectories at once.

A labeler (`sapo_studio.domain.labelers`) asks for one prefix at a time; here all trajectories' questions of the
moment go to the reasoner as one batch, in waves that stop at a prefix's first success. A prefix that was rolled
out before, in any trajectory, is answered from the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.base import Request, RolloutBackend
from sapo_engine.rollouts.keys import key_of
from sapo_engine.session import RunSession
from sapo_engine.tasks.base import Question
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.text.trajectory_builder import TrajectoryBuilder
from sapo_studio.config.schema import LabelingConfig
from sapo_studio.domain.labelers.base import WrongTrajectory
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.labels import Checks, Verdict
from sapo_studio.domain.ledger import Usage

Prefix = tuple[int, tuple[int, ...]]
"""A question's number and the completion tokens so far."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One continuation of a prefix: which trajectory first asked for it, from how many of its steps, and how it
    ended.
    """

    trajectory: int
    prefix: int
    tokens: tuple[int, ...]
    correct: bool


@dataclass(slots=True)
class PrefixResult:
    """What is known of one prefix."""

    succeeded: bool = False
    rollouts: list[Rollout] = field(default_factory=list)


@dataclass(slots=True)
class RolloutCost:
    """Rollouts and generated tokens that one trajectory's checks have cost (a cached prefix costs nothing)."""

    rollouts: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class LabeledTrajectory:
    """A trajectory with its verdict and what its checks have cost."""

    trajectory: Trajectory
    verdict: Verdict
    cost: RolloutCost


class MonteCarloChecker:
    """Estimates c_j by Monte Carlo (eq. 3-5) with one reasoner: 1 if one of `rollouts` continuations reaches a
    right answer.

    `request` makes a request (`Sampler.request`). Keys depend on the question, the prefix and the attempt alone, so
    the outcome of a prefix is the same whoever asks, in whatever order.
    """

    def __init__(
        self,
        backend: RolloutBackend,
        builder: TrajectoryBuilder,
        questions: Mapping[int, Question],
        request: Callable[[int, Sequence[int], tuple[int, ...]], Request],
        *,
        rollouts: int,
        wave: int,
        temperature: float,
        seed_path: tuple[int | str, ...],
    ) -> None:
        self.backend = backend
        self.builder = builder
        self.questions = questions
        self.request = request
        self.rollouts = rollouts
        self.wave = wave
        self.temperature = temperature
        self.seed_path = seed_path
        self.known: dict[Prefix, PrefixResult] = {}

    def check(self, asked: Sequence[tuple[Trajectory, int]], costs: dict[int, RolloutCost]) -> list[bool]:
        """c of each (trajectory, prefix). Costs are put down to the first trajectory that asked."""
        open_: dict[Prefix, tuple[Trajectory, int]] = {}
        for trajectory, prefix in asked:
            key = self._prefix(trajectory, prefix)
            if key not in self.known:
                self.known[key] = PrefixResult()
                open_[key] = (trajectory, prefix)
        tried = 0
        while open_ and tried < self.rollouts:
            wave = min(self.wave, self.rollouts - tried)
            requests = [self._request(key, tried, wave) for key in open_]
            answers = self.backend.generate(requests, temperature=self.temperature)
            grades = iter(
                self.builder.grade(
                    [
                        (self.questions[key[0]], key[1] + completion.tokens)
                        for key, completions in zip(open_, answers, strict=True)
                        for completion in completions
                    ]
                )
            )
            for (key, (trajectory, prefix)), completions in zip(list(open_.items()), answers, strict=True):
                checked = self.known[key]
                cost = costs[trajectory.number]
                for completion in completions:
                    correct = next(grades).correct
                    # What was written behind the first complete answer is no part of the solution; it was paid for.
                    written = self.builder.first_answer(key[1] + completion.tokens)[len(key[1]) :]
                    checked.rollouts.append(Rollout(trajectory.number, prefix, written, correct))
                    checked.succeeded |= correct
                    cost.rollouts += 1
                    cost.tokens += len(completion.tokens)
                if checked.succeeded:
                    del open_[key]
            tried += wave
        return [self.known[self._prefix(trajectory, prefix)].succeeded for trajectory, prefix in asked]

    def _prefix(self, trajectory: Trajectory, prefix: int) -> Prefix:
        end = trajectory.ends[prefix - 1] if prefix else 0
        return trajectory.question, trajectory.tokens[:end]

    def _request(self, key: Prefix, tried: int, wave: int) -> Request:
        question, tokens = key
        root = key_of(*self.seed_path, question, *tokens)
        return self.request(question, [key_of(root, attempt) for attempt in range(tried, tried + wave)], tokens)


def make_checks(
    config: LabelingConfig,
    labeler: str,
    trajectory: Trajectory,
    scores: Sequence[float] | None,
    predicted: int,
) -> Checks:
    """The checks that `labeler` makes on a wrong trajectory. `scores` (as probabilities) and `predicted` are for one
    that a verifier guides."""
    return LABELERS[labeler].make_checks(WrongTrajectory(trajectory.n, predicted, scores), config.limits)


def run_labeler(
    trajectories: Sequence[Trajectory],
    checks: Callable[[int, Trajectory], Checks],
    checker: MonteCarloChecker,
    tick: Callable[[int], None] | None = None,
) -> tuple[list[LabeledTrajectory], Usage]:
    """Label wrong `trajectories`, all side by side. `checks(index, trajectory)` starts the labeler on one.

    Returns them in order with their verdicts, and what it cost in all. `tick` hears how many are done after each round.
    """
    before = checker.backend.usage.copy()
    costs = {trajectory.number: RolloutCost() for trajectory in trajectories}
    running: dict[int, tuple[Checks, int]] = {}
    verdicts: dict[int, Verdict] = {}

    def advance(index: int, work: Checks, answer: bool | None) -> None:
        try:
            running[index] = (work, next(work) if answer is None else work.send(answer))
        except StopIteration as stop:
            running.pop(index, None)
            verdicts[index] = stop.value

    for index, trajectory in enumerate(trajectories):
        advance(index, checks(index, trajectory), None)
    while running:
        asked = [(trajectories[index], prefix) for index, (_, prefix) in running.items()]
        answers = checker.check(asked, costs)
        for (index, (work, _)), answer in zip(list(running.items()), answers, strict=True):
            advance(index, work, answer)
        if tick:
            tick(len(verdicts))
    labeled = [LabeledTrajectory(t, verdicts[index], costs[t.number]) for index, t in enumerate(trajectories)]
    return labeled, checker.backend.usage - before


def checker_for(session: RunSession, model: Reasoner, version: int, rollouts: int, wave: int) -> MonteCarloChecker:
    """Monte-Carlo estimates of c by reasoner M_`version`, with the run's random keys."""
    return MonteCarloChecker(
        session.pool.backend(model),
        session.builder,
        session.questions,
        session.sampler.request,
        rollouts=rollouts,
        wave=wave,
        temperature=session.config.labeling.temperature,
        seed_path=(session.config.seed, "rollout", version),
    )
