"""To be worded."""

from __future__ import annotations

from dataclasses import dataclass


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
