"""What labeling wrong trajectories will cost by each labeler, before there is one: expectation over where the first
error may lie. The labelers themselves (domain/labelers) say which prefixes they ask for."""

from __future__ import annotations

from functools import cache

from sapo_studio.config.schema import LabelingConfig
from sapo_studio.domain.labelers.base import CheckLimits, Labeler, WrongTrajectory
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.labeling_cost import CheckPrice, LabelingCost

SUCCESS = 0.5
"""Assumed share of rollouts that reach a right answer from a prefix without an error."""
DETECTED = 0.5
"""Assumed share of trajectories whose largest drop in score is at the first error; else it is anywhere."""


def price(rollouts: int, wave: int, succeeds: bool) -> CheckPrice:
    """Expected price of one check: waves of `wave` until one succeeds, `rollouts` at most."""
    made = waves = 0.0
    alive = 1.0
    left = rollouts
    while left > 0:
        size = min(wave, left)
        made += alive * size
        waves += alive
        left -= size
        alive *= (1 - SUCCESS) ** size if succeeds else 1.0
    return CheckPrice(made, waves)


def expected(
    labeler: Labeler, config: LabelingConfig, steps: float, prompt_tokens: int, step_tokens: float
) -> LabelingCost:
    """What `labeler` is expected to spend on one wrong trajectory of `steps` steps."""
    n = max(2, round(steps))
    prices = {before: price(config.rollouts, config.wave, before) for before in (True, False)}
    total = LabelingCost()
    for prefix, before, share in _asked(labeler.key, n, config.limits, config.detection == "random"):
        total += prices[before].of(prefix, n, prompt_tokens=prompt_tokens, step_tokens=step_tokens) * share
    return total


@cache
def _asked(labeler: str, n: int, limits: CheckLimits, blind: bool) -> tuple[tuple[int, bool, float], ...]:
    """(prefix, whether it lies before the first error, how often it is asked for in the mean)."""
    found: dict[tuple[int, bool], float] = {}
    for trajectory, error, weight in _possible(LABELERS[labeler], n, blind):
        for prefix in LABELERS[labeler].asked(trajectory, limits, error):
            key = (prefix, prefix < error)
            found[key] = found.get(key, 0.0) + weight
    return tuple((prefix, before, share) for (prefix, before), share in found.items())


def _possible(labeler: Labeler, n: int, blind: bool) -> list[tuple[WrongTrajectory, int, float]]:
    """What may be found: a trajectory as the verifier sees it, its first error, and how likely the two are together.
    `blind`: the verifier is not asked where to look."""
    errors = range(1, n + 1)
    if not labeler.guided:
        return [(WrongTrajectory(n), error, 1 / n) for error in errors]
    hit = 0.0 if blind else DETECTED
    seen = [WrongTrajectory(n, predicted, _scores(predicted, n, hit)) for predicted in errors]
    return [
        (trajectory, error, ((1 - hit) / n + hit * (trajectory.predicted == error)) / n)
        for error in errors
        for trajectory in seen
    ]


def _scores(predicted: int, n: int, hit: float) -> list[float]:
    """Those of a verifier that is as often right as is assumed, and knows it."""
    return [1 - (1 - hit) * step / n - hit * (step >= predicted) for step in range(1, n + 1)]
