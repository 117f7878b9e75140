"""What labeling costs: measured from the checks that were made, estimated for the other labelers on the same
trajectories, or expected before there is a run (forecast/labeling). All three count checks alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.domain.labelers.base import CheckLimits, Labeler, WrongTrajectory


@dataclass(frozen=True, slots=True)
class LabelingCost:
    """Prefixes checked, rollouts, the tokens that they wrote, and tokens of prompts and prefixes that they began with.

    A mean over trajectories, or their sum.
    """

    checks: float = 0.0
    rollouts: float = 0.0
    tokens: float = 0.0
    prefill_tokens: float = 0.0

    def __add__(self, other: LabelingCost) -> LabelingCost:
        return LabelingCost(
            self.checks + other.checks,
            self.rollouts + other.rollouts,
            self.tokens + other.tokens,
            self.prefill_tokens + other.prefill_tokens,
        )

    def __mul__(self, factor: float) -> LabelingCost:
        return LabelingCost(
            self.checks * factor, self.rollouts * factor, self.tokens * factor, self.prefill_tokens * factor
        )

    def __truediv__(self, count: float) -> LabelingCost:
        return LabelingCost(
            self.checks / count, self.rollouts / count, self.tokens / count, self.prefill_tokens / count
        )

    def flops(self, parameters: float) -> float:
        """2 * parameters * tokens, those that were read with those that were written."""
        return 2.0 * parameters * (self.tokens + self.prefill_tokens)


@dataclass(frozen=True, slots=True)
class CheckPrice:
    """What a check takes in the mean: rollouts, and waves that they were made in, each of which reads the prefix."""

    rollouts: float = 1.0
    waves: float = 1.0

    def of(self, prefix: int, n: int, *, prompt_tokens: float, step_tokens: float) -> LabelingCost:
        """The cost of checking `prefix` of `n` steps of `step_tokens` each, behind a prompt of `prompt_tokens`."""
        return LabelingCost(
            1.0,
            self.rollouts,
            self.rollouts * step_tokens * (n - prefix),
            self.waves * (prompt_tokens + step_tokens * prefix),
        )


@dataclass(frozen=True, slots=True)
class CheckCost:
    """One check as it was made: outcome, steps to go, prompt and prefix tokens, rollouts, their tokens, and waves."""

    succeeded: bool
    to_go: int
    prefix_tokens: int
    rollouts: int
    tokens: int
    waves: int


@dataclass(frozen=True, slots=True)
class CostCase:
    """A labeled wrong trajectory, as far as costs go: steps, predicted and found first error, prompt tokens.

    Where two checks left the bracket open, the first error lies anywhere from `error` to `latest` (0: it is `error`).
    """

    n: int
    predicted: int
    error: int
    prompt_tokens: int
    latest: int = 0


def measured(checks: Sequence[CheckCost]) -> LabelingCost:
    """The cost of checks that were made."""
    return LabelingCost(
        len(checks),
        sum(c.rollouts for c in checks),
        sum(c.tokens for c in checks),
        sum(c.waves * c.prefix_tokens for c in checks),
    )


def estimated(labeler: Labeler, cases: Sequence[CostCase], checks: Sequence[CheckCost]) -> LabelingCost:
    """What `labeler` would have spent on `cases`, at the prices seen in `checks`."""
    prices = {outcome: _price([c for c in checks if c.succeeded == outcome]) for outcome in (True, False)}
    step_tokens = _tokens_per_step(checks)
    total = LabelingCost()
    for case in cases:
        possible = range(case.error, max(case.latest, case.error) + 1)
        for error in possible:
            # Before the first verifier nothing is predicted: the estimate is that of a verifier which is always right.
            trajectory = WrongTrajectory(case.n, case.predicted or error)
            for prefix in labeler.asked(trajectory, CheckLimits(), error):
                cost = prices[prefix < error].of(
                    prefix, case.n, prompt_tokens=case.prompt_tokens, step_tokens=step_tokens
                )
                total += cost / len(possible)
    return total


def _price(checks: Sequence[CheckCost]) -> CheckPrice:
    """Mean rollouts and waves a check."""
    if not checks:
        return CheckPrice()
    return CheckPrice(sum(c.rollouts for c in checks) / len(checks), sum(c.waves for c in checks) / len(checks))


def _tokens_per_step(checks: Sequence[CheckCost]) -> float:
    """Mean tokens that a rollout spends for each step still to go."""
    steps = sum(c.rollouts * c.to_go for c in checks)
    return sum(c.tokens for c in checks) / steps if steps else 0.0
