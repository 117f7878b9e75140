"""What labelling wrong trajectories will cost by each labeler, before there is one: expectation over where the first
error may lie. The labelers themselves (domain/labels.py) say which prefixes they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sapo_studio.config.schema import LabelingConfig
from sapo_studio.domain.labeling_cost import Bill
from sapo_studio.domain.labels import Checks, omega, sapo, settle, shepherd
from sapo_studio.domain.search import Price, search

SUCCESS = 0.5
"""Assumed share of roll-outs that reach a right answer from a prefix without an error."""
DETECTED = 0.5
"""Assumed share of trajectories whose largest drop in score is at the first error; else it is anywhere."""
LABELERS = ("sapo", "omega", "shepherd")


def price(rollouts: int, wave: int, succeeds: bool) -> tuple[float, float]:
    """Expected roll-outs and waves of one check: waves of `wave` until one succeeds, `rollouts` at most."""
    made = waves = 0.0
    alive = 1.0
    left = rollouts
    while left > 0:
        size = min(wave, left)
        made += alive * size
        waves += alive
        left -= size
        alive *= (1 - SUCCESS) ** size if succeeds else 1.0
    return made, waves


def bill(labeler: str, config: LabelingConfig, steps: float, prompt: int, step_tokens: float) -> Bill:
    """What `labeler` is expected to spend on one wrong trajectory of `steps` steps."""
    n = max(2, round(steps))
    total = Bill()
    for prefix, before, share in _asked(labeler, n, _Way.of(config)):
        made, waves = price(config.rollouts, config.wave, before)
        total += Bill(
            share,
            share * made,
            share * made * step_tokens * (n - prefix),
            share * waves * (prompt + step_tokens * prefix),
        )
    return total


@dataclass(frozen=True, slots=True)
class _Way:
    """What of the configuration decides which prefixes are asked for."""

    max_checks: int
    confidence: float
    price: Price
    blind: bool

    @classmethod
    def of(cls, config: LabelingConfig) -> _Way:
        price = Price.of(config.rollouts, config.wave)
        return cls(config.max_checks, config.confidence, price, config.detection == "random")


@cache
def _asked(labeler: str, n: int, way: _Way) -> tuple[tuple[int, bool, float], ...]:
    """(prefix, whether it lies before the first error, how often it is asked for in the mean)."""
    found: dict[tuple[int, bool], float] = {}

    def ask(checks: Checks, error: int, weight: float) -> None:
        for prefix in settle(checks, lambda prefix: prefix < error)[1]:
            key = (prefix, prefix < error)
            found[key] = found.get(key, 0.0) + weight

    for error in range(1, n + 1):
        if labeler == "sapo":
            hit = 0.0 if way.blind else DETECTED
            for predicted in range(1, n + 1):
                share = (1 - hit) / n + hit * (predicted == error)
                ask(_sapo(predicted, n, hit, way), error, share / n)
        elif labeler in ("omega", "shepherd"):
            ask(omega(n) if labeler == "omega" else shepherd(n), error, 1 / n)
    return tuple((prefix, before, share) for (prefix, before), share in found.items())


def _sapo(predicted: int, n: int, hit: float, way: _Way) -> Checks:
    if way.max_checks == 2:
        return sapo(predicted, n)
    # Scores of a verifier that is as often right as is assumed, and knows it.
    scores = [1 - (1 - hit) * step / n - hit * (step >= predicted) for step in range(1, n + 1)]
    return search(scores, max_checks=way.max_checks, confidence=way.confidence, price=way.price)
