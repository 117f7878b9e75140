"""Error rates and beliefs from agreement alone, on votes whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.domain.dawid_skene import (
    NONE,
    RIGHT,
    WRONG,
    Estimate,
    Unidentified,
    estimate,
    gather,
    measured,
    why_unidentified,
)


def simulated(seed, judges, trajectories=400, steps=7, success=(0.8, 0.05), tries=4):
    """Votes of judges with the given error rates, and rollouts from two prefixes about the first error; the truth."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, steps, trajectories)
    right = np.arange(steps) < first[:, None]
    said = {
        name: np.where(rng.random(right.shape) < np.where(right, *rates), ~right, right).astype(int).tolist()
        for name, rates in judges.items()
    }
    rollouts = []
    for row in right:
        at = int(rng.integers(1, steps))
        hits = {step: int(rng.binomial(tries, success[0 if row[step] else 1])) for step in (at - 1, at)}
        rollouts.append({step: (count, tries) for step, count in hits.items()})
    return gather(said, rollouts if tries else [{}] * trajectories, [steps] * trajectories, range(trajectories)), right


def rates(source):
    return source.calls_wrong.value, source.calls_right.value


@settings(max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    a=st.tuples(st.floats(0.02, 0.3), st.floats(0.02, 0.4)),
    b=st.tuples(st.floats(0.02, 0.3), st.floats(0.02, 0.4)),
)
def test_rates_are_found_without_the_truth(seed, a, b):
    votes, right = simulated(seed, {"a": a, "b": b})
    found = estimate(votes, draws=0)
    assert isinstance(found, Estimate)
    for guessed, true in zip(found.sources, measured(votes, right, draws=0), strict=True):
        assert rates(guessed) == pytest.approx(rates(true), abs=0.12), guessed.name
    believed = (found.beliefs >= 0.5) == right
    alone = [((vote == RIGHT) == right)[vote != NONE].mean() for vote in votes.votes]
    assert believed.mean() > min(alone)


def test_beliefs_are_chances():
    """Of the steps that are believed in by 80 %, 80 % are correct."""
    votes, right = simulated(3, {"a": (0.15, 0.3)}, trajectories=1500)
    found = estimate(votes, draws=0)
    assert isinstance(found, Estimate)
    for low in np.arange(0, 1, 0.2):
        inside = (found.beliefs >= low) & (found.beliefs <= low + 0.2)
        assert right[inside].mean() == pytest.approx(found.beliefs[inside].mean(), abs=0.1)


def test_intervals_hold_the_true_rates_and_narrow_with_more_trajectories():
    judges = {"a": (0.1, 0.2), "b": (0.2, 0.1)}
    votes, right = simulated(7, judges, trajectories=150)
    few, many = estimate(votes, draws=20), estimate(simulated(7, judges, trajectories=1200)[0], draws=20)
    assert isinstance(few, Estimate)
    assert isinstance(many, Estimate)
    true = measured(votes, right, draws=0)
    held = 0
    for narrow, wide, exact in zip(many.sources, few.sources, true, strict=True):
        for kind in ("calls_wrong", "calls_right"):
            interval = getattr(wide, kind)
            held += interval.low <= getattr(exact, kind).value <= interval.high
            assert getattr(narrow, kind).high - getattr(narrow, kind).low < interval.high - interval.low
    assert held >= 5


def test_the_same_votes_give_the_same_numbers():
    votes, _ = simulated(1, {"a": (0.1, 0.2)}, trajectories=100)
    once, again = estimate(votes, draws=5, seed=4), estimate(votes, draws=5, seed=4)
    assert isinstance(once, Estimate)
    assert isinstance(again, Estimate)
    assert once.sources == again.sources
    assert np.array_equal(once.beliefs, again.beliefs, equal_nan=True)


@given(lengths=st.lists(st.integers(1, 9), max_size=40), seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_beliefs_never_rise_and_end_at_none(lengths, seed):
    """c does not increase along a trajectory, and the last step of an incorrect one is incorrect; whatever is said."""
    rng = np.random.default_rng(seed)
    said = {name: [rng.choice([WRONG, RIGHT, NONE], n).tolist() for n in lengths] for name in ("a", "b")}
    rollouts = [{0: (1, 2)} if n > 1 else {} for n in lengths]
    found = estimate(gather(said, rollouts, lengths, range(len(lengths))), draws=2)
    if isinstance(found, Unidentified):
        assert found.why.endswith(".")
        return
    for row, n in zip(found.beliefs, lengths, strict=True):
        assert np.isnan(row[n:]).all()
        assert (np.diff(row[:n]) <= 1e-9).all()
        assert row[n - 1] == pytest.approx(0, abs=1e-9)
        assert ((row[:n] >= 0) & (row[:n] <= 1)).all()


def test_votes_after_the_first_alarm_and_on_last_steps_do_not_count():
    votes = gather({"a": [[RIGHT, WRONG, RIGHT, WRONG, RIGHT]]}, [{4: (1, 1), 2: (0, 3)}], [5], [0])
    assert votes.votes[1].tolist() == [[RIGHT, WRONG, NONE, NONE, NONE]]
    assert votes.votes[0].tolist() == [[NONE, NONE, WRONG, NONE, NONE]]
    assert votes.made.tolist() == [[0, 0, 3, 0, 0]]


def test_what_agreement_cannot_tell_is_said():
    nobody = gather({}, [{}] * 3, [4, 4, 4], range(3))
    alone, _ = simulated(0, {})
    strangers = gather(
        {"a": [[RIGHT, NONE, NONE]] * 99, "b": [[NONE, RIGHT, NONE]] * 99}, [{}] * 99, [3] * 99, range(99)
    )
    assert why_unidentified(nobody) == "No source has judged any of these steps."
    assert why_unidentified(alone).startswith("Only one source")
    assert why_unidentified(strangers).startswith("No two sources have judged more than 0")
    assert isinstance(estimate(strangers), Unidentified)
    assert why_unidentified(gather({}, [], [], [])) == "No source has judged any of these steps."
