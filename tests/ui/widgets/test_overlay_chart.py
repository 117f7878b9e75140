"""Overlaid lines: whose interval is drawn, how an end that goes on and the figures of others look."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from sapo_ui.widgets.charts.line_chart import Line
from sapo_ui.widgets.charts.overlay_chart import Marks, OverlayChart

X = np.array([0.0, 1.0, 2.0])


def line(name, base, series, spread=0.02):
    y = base + 0.05 * X
    return Line(name, X, y, y - spread, y + spread, series=series)


@pytest.fixture
def chart(qtbot):
    made = OverlayChart()
    qtbot.addWidget(made)
    made.resize(600, 300)
    made.set_beside(going=[1], marks=[Marks("paper, SAPO", X[-1:], np.array([0.9]))])
    made.set_lines([line("low", 0.3, 0), line("high", 0.5, 1)])
    made.show()
    return made


def drawn(chart):
    """Names of the lines whose interval is drawn."""
    return [one.name for one, items in zip(chart.lines, chart._items, strict=True) if items.band.fill.isVisible()]


def test_no_interval_is_drawn_until_a_line_is_in_focus(qtbot, chart):
    assert drawn(chart) == []
    heard = []
    chart.focused.connect(heard.append)
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Down)  # from the top
    assert drawn(chart) == ["high"]
    qtbot.keyClick(chart, Qt.Key.Key_Down)
    assert drawn(chart) == ["low"]
    qtbot.keyClick(chart, Qt.Key.Key_Up)
    assert (drawn(chart), heard) == (["high"], [1, 0, 1])
    assert "high" in chart.accessibleDescription()


def test_the_line_near_the_pointer_is_in_focus_for_as_long_as_it_is_there(chart):
    view = chart.view
    view.pointed_at.emit(QPointF(1.0, 0.352))
    assert drawn(chart) == ["low"]
    view.pointed_at.emit(QPointF(1.0, 0.75))
    assert drawn(chart) == []
    chart.focus_on(1)
    view.pointed_at.emit(QPointF(1.0, 0.352))
    assert drawn(chart) == ["low"]
    view.pointed_at.emit(None)
    assert drawn(chart) == ["high"]


def test_the_axis_has_room_for_every_interval_and_figure_from_the_start(chart):
    low, high = chart.view.box.viewRange()[1]
    assert low < 0.28
    assert high > 0.9
    before = (low, high)
    chart.focus_on(0)
    assert tuple(chart.view.box.viewRange()[1]) == before


def test_an_end_that_goes_on_reaches_beyond_its_last_point(chart):
    (end,) = chart._ends
    x, y = end.curve.getData()
    assert x[0] == 2.0
    assert 2.0 < x[1] <= chart.view.seen[1]
    assert y[0] == y[1] == pytest.approx(0.6)
    assert end.curve.opts["pen"].style() != Qt.PenStyle.SolidLine
    chart.set_beside()
    chart.set_lines([line("low", 0.3, 0)])
    assert not end.curve.isVisible()


def test_labels_and_numbers_name_the_figures_too(chart):
    assert "\u25a1 paper, SAPO" in [one.text for one in chart.view.ends.labels]
    assert ("paper, SAPO", 2.0, 0.9, None, None) in list(chart.table())


def test_a_long_name_gives_way_to_the_value_behind_it(chart):
    name = "a run with a very long name that goes on and on, seed 123456, eta 0.25"
    chart.set_beside()
    chart.set_lines([line(name, 0.3, 0), line("b", 0.5, 1)])
    long = chart.view.ends.labels[0].text
    assert long.endswith("0.400")
    assert "\u2026" in long
    assert chart.view.ends.width() < chart.width() / 2


def test_an_interval_beyond_the_bounds_takes_no_room(chart):
    chart.set_beside(bounds=(0.0, 1.0))
    chart.set_lines([line("wide", 0.5, 0, spread=3.0)])
    low, high = chart.view.box.viewRange()[1]
    assert -0.2 < low < 0.0
    assert 1.0 < high < 1.2
    assert [row[3] for row in list(chart.table())[1:]] == pytest.approx([-2.5, -2.45, -2.4])  # the numbers are whole
