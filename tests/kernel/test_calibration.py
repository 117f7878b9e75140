"""ECE, reliability and AUROC against their definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.calibration import auroc, expected_calibration_error, reliability

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
