"""The window as it is seen: in both looks, as small as it may be, and grown again."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QApplication, QWidget

from sapo_ui import theme
from sapo_ui.features.run_page.headline_card import HeadlineCard
from sapo_ui.shell.panel_registry import PANELS
from tests.fixtures.synthetic import synthetic_run

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")


@pytest.fixture
def window(open_window, store, select):
    run = synthetic_run(store)
    opened = open_window(PANELS)
    select(opened, run)
    return opened


def a_trace_with_rollouts(store):
    return store.value("SELECT trajectory_id FROM rollouts WHERE prefix > 0 ORDER BY id LIMIT 1")


def own_colours(look):
    """The colours of a look that the other one has not."""
    of = {
        one.name: {QColor(value).name() for value in vars(one).values() if isinstance(value, str) and value[:1] == "#"}
        for one in (theme.LIGHT, theme.DARK)
    }
    return of[look.name] - of[(theme.DARK if look is theme.LIGHT else theme.LIGHT).name]


def taken(widget: QWidget) -> set[str]:
    """The colours that a widget says itself: in its style sheet, and in a palette of its own."""
    found = {QColor(colour).name() for colour in COLOUR.findall(widget.styleSheet())}
    palette = widget.palette()
    if palette.resolveMask():
        found |= {palette.color(role).name() for role in (palette.ColorRole.Window, palette.ColorRole.WindowText)}
    return found


@pytest.mark.slow  # every panel, twice
def test_no_widget_keeps_the_colours_of_the_other_look(window, store, qtbot):
    theme.manager().choose("light")
    for panel in window.run_page.panels.panels:
        window.run_page.panels.go_to(panel.panel_id)
    trace = window.run_page.panels["read"].trace
    window.run_page.panels.show_trace(a_trace_with_rollouts(store))
    qtbot.waitUntil(lambda: trace.detail is not None)
    window.pages.open("new_run")
    try:
        for mode, other in (("dark", theme.LIGHT), ("light", theme.DARK)):
            theme.manager().choose(mode)
            foreign = own_colours(other)
            assert len(foreign) > 10

            def none_is_left(foreign: set[str] = foreign):
                widgets = (window, *window.findChildren(QWidget))
                wrong = [(type(one).__name__, one.objectName(), taken(one) & foreign) for one in widgets]
                assert [item for item in wrong if item[-1]] == []

            qtbot.waitUntil(none_is_left)
    finally:
        theme.manager().choose("system")


def test_at_its_smallest_the_window_cuts_no_number_and_shows_rows(window, qtbot):
    window.resize(window.minimumSize())
    page = window.run_page
    qtbot.waitUntil(lambda: window.side.folded)
    assert window.size() == window.minimumSize()
    for card in page.findChildren(HeadlineCard):
        font = card.value_font(card.width() - 4)
        assert QFontMetricsF(font).horizontalAdvance(card.shown.value) <= card.width() - 4
    assert page.panels["heatmap"].view.height() >= 240
    table = page.panels["read"].table.table
    window.actions_["run.read"].trigger()
    qtbot.waitUntil(lambda: table.model().rowCount() > 0)
    assert table.viewport().height() >= 8 * table.rowHeight(0)
    assert table.columnWidth(1) >= 100, "the question"


@pytest.mark.parametrize("mode", ["run.watch", pytest.param("run.read", marks=pytest.mark.slow)])
def test_tab_reaches_every_control_in_sight(window, qtbot, mode):
    window.actions_[mode].trigger()
    panels = window.run_page.panels
    shown = panels["read"].table if mode == "run.read" else panels["heatmap"]
    qtbot.waitUntil(lambda: shown.filled)
    window.activateWindow()
    wanted = {
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
    }
    window.side.new_button.setFocus()
    qtbot.waitUntil(window.side.new_button.hasFocus)
    seen = set()
    while QApplication.focusWidget() not in seen:
        seen.add(QApplication.focusWidget())
        assert not QApplication.focusWidget().visibleRegion().isEmpty()
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert {(type(one).__name__, one.accessibleName()) for one in wanted - seen} == set()
