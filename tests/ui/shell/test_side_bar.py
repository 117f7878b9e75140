"""The side bar: pages and runs, or a rail of icons, as each view was left."""

from __future__ import annotations

from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel

from sapo_ui.services.actions import ACTIONS
from sapo_ui.shell.page_registry import PAGES
from sapo_ui.shell.side_bar import RAIL, WIDE, SideBar


@pytest.fixture
def bar(qtbot, qapp):
    actions = [QAction(name, qapp) for name in ("New run", "Queue", "Audit", "Runs")]
    pages = [("queue", actions[1], "queued"), ("audit", actions[2], "audit")]
    made = SideBar(actions[0], pages, actions[3], QLabel("runs"))
    made.fired = []
    for action in actions:
        action.triggered.connect(partial(lambda name, _checked=False: made.fired.append(name), action.text()))
    qtbot.addWidget(made)
    made.resize(WIDE, 600)
    made.show()
    made.fit(1280)
    made.show_view("run", "watch", wide=False)
    yield made
    for action in actions:
        action.deleteLater()


def test_every_page_is_a_press_away_folded_or_not(qtbot, bar):
    for folded in (False, True):
        bar.set_folded(folded)
        assert bar.width() == (RAIL if folded else WIDE)
        assert bar.runs.isVisible() is not folded
        bar.fired.clear()
        for button in (bar.new_button, *bar.buttons.values()):
            assert button.accessibleName()
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert bar.fired == ["New run", "Queue", "Audit"]
    qtbot.mouseClick(bar.runs_button, Qt.MouseButton.LeftButton)
    assert bar.fired[-1] == "Runs"


def test_it_folds_for_each_view_as_the_user_left_it(qtbot, bar):
    assert not bar.folded
    bar.show_view("run", "read", wide=True)
    assert bar.folded, "reading takes the width"
    bar.toggle()
    bar.show_view("queue", "queue", wide=False)
    bar.toggle()
    for view, wide, folded in (("read", True, False), ("queue", False, True), ("watch", False, False)):
        bar.show_view("run", view, wide=wide)
        assert bar.folded is folded, view
    again = dict(bar.choices())
    bar.restore_choices({})
    bar.show_view("run", "read", wide=True)
    assert bar.folded
    bar.restore_choices(again)
    assert not bar.folded


def test_a_narrow_window_has_the_rail_and_growing_brings_the_bar_back(bar):
    bar.fit(1024)
    assert bar.folded
    bar.fit(1280)
    assert not bar.folded
    bar.fit(1024)
    bar.toggle()
    assert not bar.folded
    bar.fit(1280)
    bar.toggle()
    bar.fit(1024)
    assert not bar.folded, "each width as it was left"


def test_the_page_in_front_is_marked(bar):
    bar.show_view("audit", "audit", wide=True)
    assert [name for name, button in bar.buttons.items() if button.front] == ["audit"]
    assert not bar.runs_button.front
    bar.show_view("run", "watch", wide=False)
    assert not any(button.front for button in bar.buttons.values())
    assert bar.runs_button.front


def test_the_window_offers_every_page_of_the_registry_in_its_order(qtbot, window, add_run, select):
    assert list(window.side.buttons) == [spec.page_id for spec in PAGES if spec.action]
    assert {spec.action for spec in PAGES if spec.action} <= {spec.id for spec in ACTIONS}
    select(window, add_run())
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert window.side.folded
    assert not window.actions_["go.sidebar"].isChecked()
    window.actions_["go.find"].trigger()
    assert not window.side.folded
    assert window.run_list.search.hasFocus()
    window.actions_["run.audit"].trigger()
    assert window.side.buttons["audit"].front
    window.new_run()
    assert not any(button.front for button in window.side.buttons.values()), "the form is none of them"
    window.leave_form()
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.front is window.run_page
