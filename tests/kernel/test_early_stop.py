"""Rules that end a run early: each alone, silent without its numbers, and off unless set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.early_stop import Rules, reason_to_stop
from sapo_studio.store.records import MetricValue

Values = list[float | None]


def history(**values: Values) -> dict[int, dict[str, MetricValue]]:
    found: dict[int, dict[str, MetricValue]] = {}
    for name, of in values.items():
        for at, value in enumerate(of):
            if value is not None:
                found.setdefault(at, {})[name] = MetricValue(value, value - 0.02, value + 0.02)
    return found


@pytest.mark.parametrize(
    ("accuracy", "gain", "ends"),
    [
        ([0.5, 0.6, 0.6, 0.59], 0.0, True),
        ([0.5, 0.6, 0.61, 0.6], 0.0, False),
        ([0.5, 0.6, 0.61, 0.6], 0.02, True),
        ([0.5, 0.6, None, 0.6], 0.0, False),
        ([0.6, 0.6], 0.0, False),  # not two iterations yet
        ([float("nan"), 0.6, 0.6], 0.0, False),
    ],
)
def test_flat_accuracy(accuracy: Values, gain: float, ends: bool):
    rules = Rules(flat_iterations=2, flat_gain=gain)
    why = reason_to_stop(rules, history(sampled_accuracy=accuracy), len(accuracy) - 1)
    assert bool(why) is ends
    assert not ends or why.startswith("over 2 iterations sampled accuracy rose by no more than")


@pytest.mark.parametrize(
    ("gap", "ends"),
    [
        ([0.1, 0.2, 0.3], True),
        ([0.1, 0.2, 0.2], False),
        ([0.3, 0.2, 0.3], False),
        ([None, 0.2, 0.3], False),
        ([0.1, 0.2, 0.22], False),  # within the two intervals
        ([float("nan"), 0.2, 0.3], False),
    ],
)
def test_a_gap_that_widens(gap: Values, ends: bool):
    why = reason_to_stop(Rules(gap_iterations=2), history(gap=gap), 2)
    assert bool(why) is ends
    assert not ends or "from 10.0 to 30.0 points" in why


def test_too_few_pairs():
    found = history(pairs_used=[None, 120.0, 11.0])
    assert reason_to_stop(Rules(least_pairs=12), found, 1) == ""
    told = "iteration 2 had 11 pairs to align on, and early_stop.pairs asks for 12"
    assert reason_to_stop(Rules(least_pairs=12), found, 2) == told
    assert reason_to_stop(Rules(least_pairs=11), found, 2) == ""
    assert reason_to_stop(Rules(least_pairs=12), {}, 2) == ""
    assert reason_to_stop(Rules(least_pairs=12), found, 2, paired=False) == ""


def test_reward_and_accuracy_part():
    falling: Values = [0.6, 0.55, 0.5]
    found = history(mean_reward=[0.1, 0.2, 0.3], greedy_accuracy=falling)
    assert "greedy accuracy fell by 10.0 points" in reason_to_stop(Rules(reward_parts=True), found, 2)
    flat = history(mean_reward=[0.1, 0.1, 0.3], greedy_accuracy=falling)
    assert reason_to_stop(Rules(reward_parts=True), flat, 2) == ""
    assert reason_to_stop(Rules(reward_parts=True), history(greedy_accuracy=falling), 2) == ""


numbers = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=4, max_size=4)


@given(numbers, numbers, numbers, st.integers(0, 6))
def test_without_rules_nothing_ever_ends(accuracy: Values, gap: Values, reward: Values, iteration: int):
    found = history(sampled_accuracy=accuracy, gap=gap, mean_reward=reward, pairs_used=[0.0] * 4)
    rules = RunConfig().early_stop.rules
    assert not rules.any
    assert reason_to_stop(rules, found, iteration) == ""
    every = Rules(1, 0.1, 1, 5, reward_parts=True)
    assert isinstance(reason_to_stop(every, found, iteration), str)
