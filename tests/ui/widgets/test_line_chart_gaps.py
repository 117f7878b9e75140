"""Values that have no place on a chart: gaps in their line, and nothing else moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_ui import format as fmt
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from sapo_ui.widgets.charts.plot_math import thin

X = np.arange(6.0)
SOUND = Line("sound", X, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))


@pytest.fixture
def chart(qtbot):
    made = LineChart(zoom=True)
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


def drawn(chart, at=0):
    return chart._items[at].curve.getOriginalDataset()


def axes(chart):
    return [tuple(side) for side in chart.view.box.viewRange()]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_without_a_place_is_a_gap(chart, value):
    chart.set_lines([SOUND])
    before = axes(chart)
    chart.set_lines([Line("holed", X, np.array([1.0, 2.0, value, 4.0, 5.0, 6.0]))])
    x, y = drawn(chart)
    assert x.tolist() == X.tolist()
    assert np.isnan(y).tolist() == [False, False, True, False, False, False]
    assert chart._items[0].curve.opts["connect"] == "finite"
    assert axes(chart) == before
    chart.grab()


def test_a_curve_without_any_value_leaves_the_axes_alone(chart):
    chart.set_lines([SOUND])
    before = axes(chart)
    lost = Line("lost", np.arange(50.0) * 10, np.full(50, np.nan), series=1)
    chart.set_lines([SOUND, lost])
    assert axes(chart) == before
    chart.set_lines([lost])
    assert axes(chart)[1] == before[1]
    assert [label.text for label in chart.view.ends.labels] == [f"lost  {fmt.NONE}"]
    chart.set_log(True)
    chart.grab()


def test_where_points_are_denser_than_pixels_a_gap_stays_and_no_spike_is_lost():
    n = 100_000
    y = np.sin(np.arange(n) / 500.0)
    y[40_000:60_000] = np.nan
    y[[123, 99_999]] = 7.0, np.inf
    x, kept = thin(np.arange(float(n)), y, 500)
    assert len(x) <= 2 * 500 + 2 + 500
    assert 7.0 in kept
    assert np.isnan(kept[(x >= 40_000) & (x < 60_000)]).all()
    assert np.isnan(kept).any()
    assert np.isfinite(kept[(x < 40_000) | (x >= 60_000)]).all()


numbers = st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), float("-inf")])


@given(st.lists(numbers, max_size=400), st.integers(1, 40))
def test_thinning_keeps_the_lowest_and_the_highest(values, buckets):
    y = np.array(values)
    x, kept = thin(np.arange(float(len(y))), y, buckets)
    assert (np.diff(x) > 0).all()
    assert np.array_equal(kept, y[x.astype(int)], equal_nan=True)
    sound = y[np.isfinite(y)]
    if len(sound):
        left = kept[np.isfinite(kept)]
        assert (left.min(), left.max()) == (sound.min(), sound.max())
    if len(y) > 2 * buckets:
        assert len(x) <= 2 * buckets + 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_234_567_890, "1.23G"),
        (9_999_999_999, "10.0G"),
        (2.5e12, "2.50T"),
        (3e17, "3e17"),
        (-3e17, f"{fmt.MINUS}3e17"),
        (float("inf"), fmt.NONE),
        (float("nan"), fmt.NONE),
    ],
)
def test_numbers_of_ten_digits_and_more_stay_short(value, text):
    assert fmt.number(value) == text
    assert fmt.count(value) == text


def test_a_single_point_has_short_numbers_on_its_axes(chart):
    chart.set_lines([Line("loss", np.array([1.0]), np.array([0.0799059]))], y_format="{:g}".format, whole_x=True)
    low, high = axes(chart)[1]
    ticks = chart.view.left.tickValues(low, high, 200)[0][1]
    texts = chart.view.left.tickStrings(ticks, 1.0, 1.0)
    assert len(set(texts)) == len(texts) > 1
    assert all(len(text) <= 6 for text in texts)
    assert chart.view.bottom.tickValues(*axes(chart)[0], 500)[0][1] == [1.0]
