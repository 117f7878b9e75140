"""Best-of-N and votes against brute force."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.selection import Candidate, any_right, best, majority, share_right, weighted

candidates = st.builds(Candidate, st.sampled_from(["", "1", "2", "3"]), st.floats(0, 1), st.booleans())
groups = st.lists(candidates, min_size=1, max_size=12)


@given(groups)
def test_the_best_is_nowhere_beaten(samples):
    assert best(samples).reward == max(c.reward for c in samples)


@given(groups)
def test_majority_is_the_commonest_answer_and_the_first_of_equals(samples):
    counted = Counter(c.answer for c in samples if c.answer)
    chosen = majority(samples)
    if not counted:
        assert chosen is samples[0]
        return
    most = max(counted.values())
    assert chosen.answer == next(c.answer for c in samples if counted.get(c.answer) == most)


@given(groups)
def test_weighted_with_equal_rewards_is_the_majority(samples):
    equal = [Candidate(c.answer, 0.5, c.correct) for c in samples]
    assert weighted(equal) == majority(equal)


def test_a_sure_verifier_outvotes_the_majority():
    samples = [Candidate("1", 0.1, False), Candidate("1", 0.2, False), Candidate("2", 0.9, True)]
    assert not majority(samples).correct
    assert weighted(samples).correct
    assert best(samples).correct


@given(groups)
def test_nothing_beats_a_choice_that_is_always_right(samples):
    assert any_right(samples).correct == any(c.correct for c in samples)


def test_groups_do_not_overlap():
    samples = [Candidate("", k / 10, k % 2 == 0) for k in range(7)]
    # Groups (0, 1), (2, 3), (4, 5): the second of each has the higher reward and is wrong.
    assert share_right(samples, 2, best) == 0
    assert share_right(samples, 1, best) == pytest.approx(4 / 7)
    assert share_right(samples, 7, best) == 1
    with pytest.raises(ValueError, match="cannot be chosen"):
        share_right(samples, 8, best)
