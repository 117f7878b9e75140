"""Judgements against known first errors, and which way a person leans."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.gold import GoldItem, GoldScore, gold_score
from tests.fixtures.later import Later

stats = Later("scipy.stats")


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_test_is_scipy_s(alarms, misses):
    expected = stats.binomtest(alarms, alarms + misses).pvalue if alarms + misses else 1.0
    assert GoldScore(1, 0, 60, alarms, 60, misses).p == pytest.approx(expected)


def test_score_by_hand():
    found = gold_score(
        [
            GoldItem(2, 3, {1: 1, 2: -1, 3: 1}),  # as it is known to be; nothing behind the error counts
            GoldItem(2, 3, {1: -1, 2: -1, 3: -1}),  # a false alarm
            GoldItem(3, 3, {1: 1, 2: 0, 3: 1}),  # a miss; neutral is no alarm
            GoldItem(0, 2, {1: 1}),  # not judged to its end
            GoldItem(0, 2, {1: 1, 2: 1}),
        ]
    )
    assert found == GoldScore(items=5, exact=2, sound=7, false_alarms=1, faulty=3, misses=1)
    assert found.steps_right == 8
    assert gold_score([]) == GoldScore(0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("false_alarms", "misses", "sentence"),
    [
        (5, 0, ""),
        (6, 0, "Jonas calls 6 correct steps incorrect"),
        (0, 6, "Jonas does not see 6 incorrect steps"),
        (7, 6, ""),
        (0, 0, ""),
    ],
)
def test_a_leaning_is_named_where_chance_does_not_explain_it(false_alarms, misses, sentence):
    assert GoldScore(20, 10, 60, false_alarms, 10, misses).bias("Jonas") == sentence
