"""What is worth a person's time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.disagreement import disagreement, spoken, uncertainty

NAN = float("nan")


def opinions(*rows: list[float]) -> np.ndarray:
    return np.array(rows, dtype=np.float32)


def test_what_first_errors_say_of_steps():
    said = spoken(np.array([0, 2, -1, 1]), np.array([3, 3, 3, 2]), 3)
    assert said.tolist()[:2] == [[1, 1, 1], [1, 0, 0]]
    assert np.isnan(said[2]).all()
    assert said[3, :2].tolist() == [0, 0]
    assert np.isnan(said[3, 2])


def test_the_range_of_opinions_on_the_steps_that_two_speak_of():
    verifier = opinions([0.9, 0.9, 0.1], [0.5, 0.5, NAN], [0.2, NAN, NAN])
    rollouts = opinions([1.0, 0.0, 0.0], [NAN, NAN, NAN], [1.0, NAN, NAN])
    people = opinions([NAN, 1.0, NAN], [NAN, NAN, NAN], [0.0, NAN, NAN])
    worth = disagreement([verifier, rollouts, people])
    assert worth[0] == pytest.approx((0.1 + 1.0 + 0.1) / 3)
    assert np.isnan(worth[1])  # one opinion alone
    assert worth[2] == pytest.approx(1.0)


def test_uncertainty_is_highest_at_one_half():
    worth = uncertainty(opinions([0.5, 0.5], [0.0, 1.0], [0.75, NAN], [NAN, NAN]))
    assert worth[:3].tolist() == pytest.approx([1.0, 0.0, 0.5])
    assert np.isnan(worth[3])


CHANCES = st.one_of(st.just(NAN), st.floats(0, 1, width=32))


@given(st.lists(st.lists(CHANCES, min_size=4, max_size=4), min_size=2, max_size=4))
def test_who_speaks_first_does_not_matter_and_it_stays_within_0_and_1(sources: list[list[float]]):
    told = [opinions(source) for source in sources]
    (worth,) = disagreement(told)
    (again,) = disagreement(told[::-1])
    assert worth == again or (np.isnan(worth) and np.isnan(again))
    assert np.isnan(worth) or 0.0 <= worth <= 1.0
    (same,) = disagreement([told[0], told[0]])
    assert np.isnan(same) or same == 0.0
