"""To be worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.domain.labels import Checks, omega, sapo, settle, shepherd


@dataclass(frozen=True, slots=True)
class Bill:
    """Expected for one wrong trajectory: checks, roll-outs, tokens written, and tokens of prompts and prefixes read."""

    checks: float = 0.0
    rollouts: float = 0.0
    tokens: float = 0.0
    prefill: float = 0.0

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            self.checks + other.checks,
            self.rollouts + other.rollouts,
            self.tokens + other.tokens,
            self.prefill + other.prefill,
        )

    def times(self, factor: float) -> Bill:
        """So many of them."""
        return Bill(self.checks * factor, self.rollouts * factor, self.tokens * factor, self.prefill * factor)


@dataclass(frozen=True, slots=True)
class CheckCost:
    """One check as it was made: outcome, steps to go, prompt and prefix tokens, roll-outs, their tokens, and waves."""

    succeeded: bool
    to_go: int
    prefix_tokens: int
    rollouts: int
    tokens: int
    waves: int


@dataclass(frozen=True, slots=True)
class CostCase:
    """A labelled wrong trajectory, as far as costs go: steps, predicted and found first error, prompt tokens.

    Where two checks left the bracket open, the first error lies anywhere from `error` to `latest` (0: it is `error`).
    """

    n: int
    predicted: int
    error: int
    prompt_tokens: int
    latest: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """A labeler's bill."""

    rollouts: float = 0.0
    tokens: float = 0.0
    prefill_tokens: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.rollouts + other.rollouts,
            self.tokens + other.tokens,
            self.prefill_tokens + other.prefill_tokens,
        )

    def flops(self, parameters: int) -> float:
        """2 * parameters * tokens."""
        return 2.0 * parameters * (self.tokens + self.prefill_tokens)


def measured(checks: Sequence[CheckCost]) -> Cost:
    """The bill of checks that were made."""
    return Cost(
        sum(c.rollouts for c in checks),
        sum(c.tokens for c in checks),
        sum(c.waves * c.prefix_tokens for c in checks),
    )


def estimated(labeler: str, cases: Sequence[CostCase], checks: Sequence[CheckCost]) -> Cost:
    """What `labeler` would have spent on `cases`, at the prices seen in `checks`."""
    prices = {outcome: _price([c for c in checks if c.succeeded == outcome]) for outcome in (True, False)}
    step_tokens = _tokens_a_step(checks)
    total = Cost()
    for case in cases:
        possible = range(case.error, max(case.latest, case.error) + 1)
        for error in possible:
            _, asked = settle(_checks(labeler, case, error), lambda prefix, error=error: prefix < error)
            for prefix in asked:
                rollouts, waves = prices[prefix < error]
                total += Cost(
                    rollouts / len(possible),
                    rollouts * step_tokens * (case.n - prefix) / len(possible),
                    waves * (case.prompt_tokens + step_tokens * prefix) / len(possible),
                )
    return total


def _checks(labeler: str, case: CostCase, error: int) -> Checks:
    if labeler == "sapo":
        # Before the first verifier nothing is predicted: the estimate is that of a verifier which is always right.
        return sapo(case.predicted or error, case.n)
    return omega(case.n) if labeler == "omega" else shepherd(case.n)


def _price(checks: Sequence[CheckCost]) -> tuple[float, float]:
    """Mean roll-outs and waves a check."""
    if not checks:
        return 1.0, 1.0
    return sum(c.rollouts for c in checks) / len(checks), sum(c.waves for c in checks) / len(checks)


def _tokens_a_step(checks: Sequence[CheckCost]) -> float:
    """Mean tokens that a roll-out spends for each step still to go."""
    steps = sum(c.rollouts * c.to_go for c in checks)
    return sum(c.tokens for c in checks) / steps if steps else 0.0
