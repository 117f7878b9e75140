"""A noisy binary search for the first error, which begins with what the verifier believes (beyond the paper).

The verifier's scores are marginals of one unknown, the first wrong step e: v_j is the probability that e lies after j,
so the drop v_{j-1} - v_j is the probability that e is j. Checks of prefixes then change this belief by Bayes' rule. A
check is noisy: a prefix that is still right may fail all its rollouts, and one that is lost may stumble into a right
answer. The next prefix is the one that tells most for its tokens, and the search ends when one step is believed in with
the confidence asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.domain.labels import Checks, Verdict, detect, drops, from_first_error

DOUBT = 0.1
"""Share of the prior that is spread evenly over the steps, whatever the verifier says: it may be wrong."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Probability that a check succeeds from a prefix without an error (`hit`), and from one with an error (`slip`)."""

    hit: float = 0.97
    slip: float = 0.03

    def success(self, after: float) -> float:
        """Probability of success where the first error lies after the prefix with probability `after`."""
        return self.hit * after + self.slip * (1 - after)

    def told(self, after: float) -> float:
        """Bits that a check is expected to tell."""
        return _bits(self.success(after)) - after * _bits(self.hit) - (1 - after) * _bits(self.slip)

    @property
    def capacity(self) -> float:
        """Most bits that one check can tell on average: the capacity of this binary channel."""
        low, high = 0.0, 1.0
        for _ in range(60):  # the information is concave in the input
            left, right = low + (high - low) / 3, high - (high - low) / 3
            low, high = (left, high) if self.told(left) < self.told(right) else (low, right)
        return self.told((low + high) / 2)


@dataclass(frozen=True, slots=True)
class Price:
    """Rollouts that a check costs, by how it ends."""

    success: float = 2.0
    failure: float = 4.0

    @classmethod
    def of(cls, rollouts: int, wave: int) -> Price:
        """Of `rollouts` at most, in waves: one wave where it succeeds, all of them where it fails."""
        return cls(success=min(wave, rollouts), failure=rollouts)

    def expected(self, success: float, to_go: int) -> float:
        """Expected price of a check with `to_go` steps to write, which succeeds with probability `success`."""
        return to_go * (success * self.success + (1 - success) * self.failure)


def falling(scores: Sequence[float]) -> list[float]:
    """The non-increasing scores that are nearest to `scores` (least squares; pool adjacent violators)."""
    pools: list[tuple[float, int]] = []  # mean and size
    for score in scores:
        mean, size = score, 1
        while pools and pools[-1][0] < mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    return [mean for mean, size in pools for _ in range(size)]


def prior(scores: Sequence[float]) -> list[float]:
    """P(e = 1), ..., P(e = n) of a wrong n-step trajectory by the verifier's scores alone. Sums to 1."""
    # A prefix is right no later than the one before it, so a rise is noise; were it left, the fall after it would count
    # too. The end is known to be wrong, whatever its score.
    falls = [max(0.0, fall) for fall in drops(falling([*scores[:-1], 0.0]))]
    total = sum(falls)
    even = 1.0 / len(falls)
    return [DOUBT * even + (1 - DOUBT) * (fall / total if total else even) for fall in falls]


def search(
    scores: Sequence[float],
    *,
    max_checks: int,
    confidence: float,
    noise: Noise | None = None,
    price: Price | None = None,
    predicted: int = 0,
) -> Checks:
    """Look for the first error of a wrong trajectory with these `scores`: `max_checks` different prefixes at most,
    fewer where one step is believed in with `confidence` before. `predicted`: what the verdict is compared with, if not
    the largest drop of `scores`.
    """
    noise, price = noise or Noise(), price or Price()
    n = len(scores)
    belief = prior(scores)
    left = set(range(1, n))
    checks = 0
    while left and checks < max_checks and max(belief) < confidence:
        prefix = _most_for_its_price(belief, left, noise, price)
        left.discard(prefix)
        checks += 1
        belief = updated(belief, prefix, (yield prefix), noise)
    found = belief.index(max(belief)) + 1
    predicted = predicted or detect(scores)
    case = "confirmed" if found == predicted else "later" if found > predicted else "earlier"
    return Verdict(from_first_error(found, n), case, predicted, found, max(belief))


def _most_for_its_price(belief: Sequence[float], left: set[int], noise: Noise, price: Price) -> int:
    def worth(prefix: int) -> float:
        after = sum(belief[prefix:])
        return noise.told(after) / price.expected(noise.success(after), len(belief) - prefix)

    return max(sorted(left), key=worth)


def updated(belief: Sequence[float], prefix: int, succeeded: bool, noise: Noise) -> list[float]:
    """Bayes' rule: what is believed of e after a check of `prefix`."""
    hit, slip = (noise.hit, noise.slip) if succeeded else (1 - noise.hit, 1 - noise.slip)
    weights = [p * (hit if error > prefix else slip) for error, p in enumerate(belief, start=1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def least_checks(belief: Sequence[float], confidence: float, noise: Noise | None = None) -> float:
    """Checks that any search needs on average at least, whatever it asks: the bits between `belief` and a belief with
    `confidence` in one step (Fano's inequality), over what a check can tell.
    """
    entropy = -sum(p * math.log2(p) for p in belief if p > 0)
    others = len(belief) - 1
    rest = _bits(confidence) + (1 - confidence) * math.log2(others) if others else 0.0
    return max(0.0, entropy - rest) / (noise or Noise()).capacity


def _bits(p: float) -> float:
    """Entropy of a coin that falls on one side with probability `p`."""
    return 0.0 if p <= 0 or p >= 1 else -p * math.log2(p) - (1 - p) * math.log2(1 - p)
