"""When a run ends before its last iteration, by rules that look at what its iterations came to. Pure; off by default.

Each rule says why in a sentence that goes into the run's log and its report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sapo_studio.domain.reward_and_truth import EVALUATIONS, Evaluated, parted

ACCURACY, GAP, PAIRS, REWARD = "sampled_accuracy", "gap", "pairs_used", "mean_reward"
"""The metrics that rules look at."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric of an iteration, with its 95 % interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


History = Mapping[int, Mapping[str, Measured]]
"""Metrics by iteration and name; iteration 0 is before the first alignment."""


@dataclass(frozen=True, slots=True)
class Rules:
    """0 and False: off. Iterations are counted in a row, the one that has just ended included.

    `flat_iterations`: the accuracy has risen by no more than `flat_gain` (a fraction) over so many. `gap_iterations`:
    the gap has widened in each of so many. `least_pairs`: an iteration has fewer pairs to align on. `reward_parts`: the
    reward rises and the accuracy falls by more than chance (`reward_and_truth`).
    """

    flat_iterations: int = 0
    flat_gain: float = 0.0
    gap_iterations: int = 0
    least_pairs: int = 0
    reward_parts: bool = False

    @property
    def any(self) -> bool:
        """Whether a rule is on."""
        return bool(self.flat_iterations or self.gap_iterations or self.least_pairs or self.reward_parts)


def reason_to_stop(rules: Rules, history: History, iteration: int) -> str:
    """Why a run ends after `iteration` (from 1 on). Empty where it goes on. A rule whose numbers are not there is
    silent."""
    for told in (
        _too_few_pairs(rules, history, iteration),
        _flat(rules, history, iteration),
        _gap_widens(rules, history, iteration),
        _reward_parts(rules, history, iteration),
    ):
        if told:
            return told
    return ""


def _values(history: History, name: str, first: int, last: int) -> list[float] | None:
    """The values of all iterations from `first` to `last`, None where one is missing."""
    found = [history.get(at, {}).get(name) for at in range(first, last + 1)]
    return [one.value for one in found if one is not None] if first >= 0 and None not in found else None


def _too_few_pairs(rules: Rules, history: History, iteration: int) -> str:
    pairs = _values(history, PAIRS, iteration, iteration)
    if not rules.least_pairs or pairs is None or pairs[0] >= rules.least_pairs:
        return ""
    return (
        f"iteration {iteration} had {pairs[0]:.0f} pairs to align on, and early_stop.pairs asks for {rules.least_pairs}"
    )


def _flat(rules: Rules, history: History, iteration: int) -> str:
    count = rules.flat_iterations
    values = _values(history, ACCURACY, iteration - count, iteration)
    if not count or values is None or max(values[1:]) > values[0] + rules.flat_gain:
        return ""
    most = 100 * (max(values[1:]) - values[0])
    return (
        f"over {_iterations(count)} sampled accuracy rose by no more than {100 * rules.flat_gain:.1f} points "
        f"(at most {most:+.1f}, early_stop.flat_iterations)"
    )


def _gap_widens(rules: Rules, history: History, iteration: int) -> str:
    count = rules.gap_iterations
    values = _values(history, GAP, iteration - count, iteration)
    if not count or values is None or any(after <= before for before, after in pairwise(values)):
        return ""
    return (
        f"the gap between reasoner and verifier widened in each of the last {_iterations(count)}, from "
        f"{100 * values[0]:.1f} to {100 * values[-1]:.1f} points (early_stop.gap_iterations)"
    )


def _reward_parts(rules: Rules, history: History, iteration: int) -> str:
    if not rules.reward_parts:
        return ""
    found: list[Evaluated] = []
    for at in range(max(0, iteration - EVALUATIONS + 1), iteration + 1):
        reward, accuracy = history.get(at, {}).get(REWARD), history.get(at, {}).get(ACCURACY)
        if reward is None or accuracy is None or accuracy.low is None or accuracy.high is None:
            return ""
        found.append(Evaluated(at, reward.value, accuracy.value, accuracy.low, accuracy.high))
    told = parted(found)
    if told is None:
        return ""
    return (
        f"from iteration {told.since} on mean reward rose and sampled accuracy fell by {100 * told.fall:.1f} points "
        f"(95 % interval {100 * told.low:.1f} to {100 * told.high:.1f}, early_stop.reward_parts)"
    )


def _iterations(count: int) -> str:
    return "one iteration" if count == 1 else f"{count} iterations"
