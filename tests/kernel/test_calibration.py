"""ECE, reliability and AUROC against their definitions."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.calibration import (
    CrossFitted,
    Platt,
    auroc,
    cross_fitted,
    expected_calibration_error,
    fit_platt,
    reliability,
)

steps = st.lists(st.tuples(st.sampled_from([0.0, 0.05, 0.1, 0.33, 0.5, 0.95, 1.0]), st.booleans()), max_size=40)


@given(steps)
def test_auroc_counts_pairs(found):
    scores, right = [s for s, _ in found], [r for _, r in found]
    above = [(a > b) + (a == b) / 2 for a, x in found if x for b, y in found if not y]
    value = auroc(scores, right)
    if above:
        assert value == pytest.approx(sum(above) / len(above))
    else:
        assert math.isnan(value)


@given(steps)
def test_ece_by_its_definition(found):
    curve = reliability([s for s, _ in found], [r for _, r in found])
    assert sum(point.n for point in curve) == len(found)
    total = 0.0
    for k in range(10):
        mine = [(s, r) for s, r in found if min(int(s * 10), 9) == k]
        total += abs(sum(s for s, _ in mine) - sum(r for _, r in mine))
    value = expected_calibration_error(curve)
    assert value == pytest.approx(total / len(found)) if found else math.isnan(value)


def test_a_point_of_the_curve():
    curve = reliability([0.62, 0.68, 0.9, 1.0], [True, False, True, True])
    assert [(point.low, point.high, point.n) for point in curve] == [(0.6, 0.7, 2), (0.9, 1.0, 2)]
    assert curve[0].score == pytest.approx(0.65)
    assert [point.right for point in curve] == [0.5, 1.0]


def test_platt_finds_the_map_that_made_the_labels():
    rng = random.Random(0)
    true = Platt(3.0, -1.5)
    scores = [rng.uniform(0.2, 0.9) for _ in range(20_000)]
    right = [rng.random() < chance for chance in true(scores)]
    found = fit_platt(scores, right)
    assert found.slope == pytest.approx(true.slope, abs=0.15)
    assert found.shift == pytest.approx(true.shift, abs=0.1)
    before, after = (expected_calibration_error(reliability(values, right)) for values in (scores, found(scores)))
    assert before > 0.15
    assert after < 0.02


def test_platt_by_the_condition_of_the_best():
    """Without the pull, chances and labels would agree in sum; with it they do but for its share."""
    scores, right = [0.2, 0.4, 0.6, 0.7, 0.9] * 40, [False, False, True, False, True] * 40
    found = fit_platt(scores, right)
    assert sum(found(scores)) - sum(right) == pytest.approx(-found.shift, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40))
def test_platt_keeps_the_order(rows):
    scores = sorted(score for score, _ in rows)
    values = fit_platt([score for score, _ in rows], [right for _, right in rows])(scores)
    assert all(0 <= value <= 1 for value in values)
    assert all(later >= before for before, later in itertools.pairwise(values))


@pytest.mark.parametrize("right", [[], [True, True], [False, False]])
def test_platt_learns_nothing_from_one_kind(right):
    assert fit_platt([0.3] * len(right), right) == Platt()
    assert Platt()([0.0, 0.3, 1.0]) == [0.0, 0.3, 1.0]


def test_cross_fitting_finds_the_map_and_says_what_it_gains():
    rng = random.Random(1)
    true = Platt(3.0, -1.5)
    scores = [rng.uniform(0.2, 0.9) for _ in range(8_000)]
    steps = [(score, rng.random() < chance) for score, chance in zip(scores, true(scores), strict=True)]
    found = cross_fitted([steps[k::4] for k in range(4)])
    alone, right = fit_platt(scores, [right for _, right in steps]), [right for _, right in steps]
    assert (found.map.slope, found.map.shift) == pytest.approx((alone.slope, alone.shift))
    assert found.steps == 8_000
    assert found.before == pytest.approx(expected_calibration_error(reliability(scores, right)))
    assert found.before > 0.15
    assert found.after < 0.03


def test_what_cross_fitting_gains_is_measured_on_other_folds():
    """Two folds that contradict each other: a map learned on one is wrong of the other, and it shows."""
    one, other = [(0.8, True), (0.3, False)] * 30, [(0.8, False), (0.3, False), (0.2, True)] * 30
    found = cross_fitted([one, other])
    mapped = [fit_platt(*zip(*other, strict=True))([score for score, _ in one])]
    mapped += [fit_platt(*zip(*one, strict=True))([score for score, _ in other])]
    right = [mark for _, mark in [*one, *other]]
    assert found.after == pytest.approx(expected_calibration_error(reliability([*mapped[0], *mapped[1]], right)))
    assert found.after > found.before


def test_nothing_to_cross_fit():
    found = cross_fitted([])
    assert (found.map, found.steps) == (CrossFitted().map, 0) == (Platt(), 0)
    assert math.isnan(found.before)
    assert math.isnan(found.after)
