"""The axis that intervals share."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_ui.widgets.interval_axis import axis_around

NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False))


@given(st.lists(NUMBERS), st.booleans())
def test_everything_is_on_the_axis(values, zero):
    low, high = axis_around(values, zero=zero)
    known = [value for value in values if value is not None]
    assert math.isfinite(low)
    assert math.isfinite(high)
    assert low < high
    slack = 1e-6 * max(1.0, high - low)
    assert all(low - slack <= value <= high + slack for value in known)
    if zero:
        assert low <= slack
        assert high >= -slack


def test_its_ends_are_round():
    assert axis_around([0.3412, 0.4689]) == pytest.approx((0.34, 0.48))
    assert axis_around([0.021, 0.08], zero=True) == pytest.approx((0.0, 0.08))
