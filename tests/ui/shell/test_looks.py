"""The window as it is seen: in both looks, as small as it may be, and grown again."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QWidget

from sapo_studio.store import queries
from sapo_ui import theme
from sapo_ui.features.run_page.headline_card import HeadlineCard
from sapo_ui.shell.panel_registry import PANELS
from sapo_ui.trajectory.step_side import StepSide, _RolloutCard  # pyright: ignore[reportPrivateUsage]
from tests.fixtures.synthetic import synthetic_run

COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")


@pytest.fixture
def window(open_window, store, select):
    run = synthetic_run(store)
    opened = open_window(PANELS)
    select(opened, run)
    return opened


def a_trace_with_rollouts(store):
    found = store.value("SELECT trajectory_id FROM rollouts WHERE prefix > 0 ORDER BY id LIMIT 1")
    detail = queries.trace(store, found)
    return detail, next(rollout.prefix for rollout in detail.rollouts if rollout.prefix > 0)


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


@pytest.fixture
def dressed(qapp):
    """The application in the program's look, also where another test has ended a program of its own."""
    manager = theme.manager()
    if manager._app is not None:
        yield
        return
    manager.attach(qapp)
    yield
    manager.detach()


def test_no_widget_keeps_the_colours_of_the_other_look(dressed, window, store, qtbot):
    side = StepSide()
    qtbot.addWidget(side)
    side.resize(300, 500)
    side.show()
    theme.manager().choose("light")
    side.show_step(*a_trace_with_rollouts(store))
    assert side.findChildren(_RolloutCard)
    for dock in window.run_page.docks.docks.values():
        dock.show()
        dock.raise_()
    window.pages.open("new_run")
    try:
        for mode, other in (("dark", theme.LIGHT), ("light", theme.DARK)):
            theme.manager().choose(mode)
            foreign = own_colours(other)
            assert len(foreign) > 10

            def none_is_left(foreign: set[str] = foreign):
                widgets = [one for top in (window, side) for one in (top, *top.findChildren(QWidget))]
                wrong = [(type(one).__name__, one.objectName(), taken(one) & foreign) for one in widgets]
                assert [item for item in wrong if item[-1]] == []

            qtbot.waitUntil(none_is_left)
            card = side.findChildren(_RolloutCard)[0]
            assert QColor(theme.current().raised).name() in taken(card)
    finally:
        theme.manager().choose("system")


def test_at_its_smallest_the_window_cuts_no_number_and_scrolls_to_every_row(window, qtbot):
    window.resize(window.minimumSize())
    page = window.run_page
    qtbot.waitUntil(lambda: page.scroller.verticalScrollBar().maximum() > 0)
    assert page.scroller.widget().width() <= page.scroller.viewport().width()
    for card in page.findChildren(HeadlineCard):
        font = card.value_font(card.width() - 24)
        assert QFontMetricsF(font).horizontalAdvance(card.shown.value) <= card.width() - 24
    table = page.docks.docks["traces"].panel.table
    page.docks.docks["traces"].raise_()
    qtbot.waitUntil(lambda: table.model().rowCount() > 0)
    assert table.viewport().height() >= table.rowHeight(0)
    bar = page.scroller.verticalScrollBar()
    bar.setValue(bar.maximum())
    foot = table.viewport().mapTo(page.scroller.viewport(), QPoint(0, table.viewport().height()))
    assert foot.y() <= page.scroller.viewport().height()


def test_grown_again_the_docks_stand_as_before(window, qtbot):
    docks = window.run_page.docks.docks

    def heights():
        return docks["heatmap"].height(), docks["traces"].height()

    docks["traces"].raise_()
    qtbot.waitUntil(docks["traces"].isVisible)
    before = heights()
    window.resize(window.minimumSize())
    qtbot.waitUntil(lambda: heights() != before)
    window.resize(1280, 800)
    qtbot.waitUntil(lambda: all(abs(now - then) <= 3 for now, then in zip(heights(), before, strict=True)))
