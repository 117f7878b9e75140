"""Stacked bars: a line beneath each where there is room, else every name once."""

from __future__ import annotations

from sapo_ui.widgets.charts.stacked_bars import COMPACT, Bar, Part, StackedBars


def test_names_stand_beneath_each_bar_where_there_is_room_else_once_below_all(qtbot):
    bars = StackedBars()
    qtbot.addWidget(bars)
    bars.set_bars([Bar(f"it {at}", (Part("first", 3, 0), Part("later", 1, 1))) for at in range(4)])
    bars.show()
    between = []
    for width in (COMPACT, COMPACT - 1):
        bars.resize(width, 300)
        assert bars.compact == (width < COMPACT)
        first, second = (row[0] for row in bars.rects()[:2])
        between.append(second.top() - first.bottom())
    assert between[0] > bars.ascent() > between[1]
