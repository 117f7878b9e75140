"""When a run ends before its last iteration, by rules that look at what its iterations came to. Pure; off by default.

Each rule says why in a sentence that goes into the run's log and its report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sapo_studio.domain.iteration_numbers import Measured, Numbers, finite, gap_widened, points, too_few_pairs
from sapo_studio.domain.reward_and_truth import evaluations, parted


@dataclass(frozen=True, slots=True)
class Rules:
    """0 and False: off. Iterations are counted in a row, the one that has just ended included.

    `flat_iterations`: the sampled accuracy has risen by no more than `flat_gain` (a fraction) over so many.
    `gap_iterations`: the gap has widened, by more than chance, in each of so many. `least_pairs`: an iteration has
    fewer pairs to align on. `reward_parts`: the reward rises and the accuracy falls by more than chance
    (`reward_and_truth`).
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


def reason_to_stop(rules: Rules, numbers: Numbers, iteration: int, *, paired: bool = True) -> str:
    """Why a run ends after `iteration` (from 1 on), whose alignment learns from pairs if `paired`. Empty where it goes
    on. A rule whose numbers are not there is silent."""
    known = finite({at: row for at, row in numbers.items() if at <= iteration})
    for told in (
        _too_few_pairs(rules, known, iteration) if paired else "",
        _flat(rules, known, iteration),
        _gap_widens(rules, known, iteration),
        _reward_parts(rules, known, iteration),
    ):
        if told:
            return told
    return ""


def _in_a_row(numbers: Numbers, name: str, count: int, iteration: int) -> Sequence[Measured]:
    """The metric in the last `count` iterations and in the one before them; none where one is missing."""
    found = [row[name] for at, row in numbers.items() if at >= iteration - count and name in row]
    return found if count and len(found) == count + 1 else ()


def _too_few_pairs(rules: Rules, numbers: Numbers, iteration: int) -> str:
    row = numbers.get(iteration, {})
    if not too_few_pairs(row, rules.least_pairs):
        return ""
    used = row["pairs_used"].value
    return f"iteration {iteration} had {used:.0f} pairs to align on, and early_stop.pairs asks for {rules.least_pairs}"


def _flat(rules: Rules, numbers: Numbers, iteration: int) -> str:
    count = rules.flat_iterations
    values = [one.value for one in _in_a_row(numbers, "sampled_accuracy", count, iteration)]
    if not values or max(values[1:]) > values[0] + rules.flat_gain:
        return ""
    return (
        f"over {_iterations(count)} sampled accuracy rose by no more than {points(rules.flat_gain)} "
        f"(at most {100 * (max(values[1:]) - values[0]):+.1f}, early_stop.flat_iterations)"
    )


def _gap_widens(rules: Rules, numbers: Numbers, iteration: int) -> str:
    count = rules.gap_iterations
    gaps = _in_a_row(numbers, "gap", count, iteration)
    if not gaps or not all(gap_widened(before, now) for before, now in pairwise(gaps)):
        return ""
    return (
        f"the gap between reasoner and verifier widened in each of the last {_iterations(count)}, from "
        f"{100 * gaps[0].value:.1f} to {points(gaps[-1].value)} (early_stop.gap_iterations)"
    )


def _reward_parts(rules: Rules, numbers: Numbers, iteration: int) -> str:
    found = evaluations(numbers) if rules.reward_parts else []
    told = parted(found) if found and found[-1].iteration == iteration else None
    if told is None:
        return ""
    return (
        f"from iteration {told.since} on mean reward rose and greedy accuracy fell by {points(told.fall)} "
        f"(95 % interval {100 * told.low:.1f} to {100 * told.high:.1f}, early_stop.reward_parts)"
    )


def _iterations(count: int) -> str:
    return "one iteration" if count == 1 else f"{count} iterations"
