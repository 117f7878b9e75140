"""Picking runs in the window, and the way to the Compare page and from it to a run."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMenu

from sapo_ui.features.compare.page import ComparePage
from sapo_ui.features.run_list.model import PICK_ROLE
from sapo_ui.features.traces.reader import Reader
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services.picks import RUN_MIME
from tests.fixtures.answered_runs import answered_run


def slots(window):
    """What the list shows of each run, by name."""
    model = window.run_list.model
    rows = [model.index(at) for at in range(model.rowCount())]
    return {model.data(row): model.data(row, PICK_ROLE) for row in rows}


@pytest.fixture
def two(store):
    return [answered_run(store, [marks], name=name) for name, marks in (("one", "110"), ("two", "010"))]


@pytest.fixture
def window(two, open_window, select):
    opened = open_window()
    select(opened, two[0])
    return opened


def compared(qtbot, window):
    page = window.pages.front
    assert isinstance(page, ComparePage)
    qtbot.waitUntil(lambda: page.comparison is not None)
    return page


def test_space_picks_in_the_list_which_shows_the_colour(qtbot, window, two):
    window.run_list.view.setFocus()
    qtbot.keyClick(window.run_list.view, Qt.Key.Key_Space)
    assert slots(window) == {"two": None, "one": 0}
    assert "one is picked for comparison" in window.status_line.currentMessage()
    assert window.actions_["run.compare"].isChecked()
    window.run_list.select(two[1])
    assert not window.actions_["run.compare"].isChecked()
    window.actions_["run.compare"].trigger()
    assert slots(window) == {"two": 1, "one": 0}
    index = window.run_list.model.index(0)
    assert "picked for comparison" in window.run_list.model.data(index, Qt.ItemDataRole.AccessibleTextRole)
    window.run_list.view.grab()
    qtbot.keyClick(window.run_list.view, Qt.Key.Key_Space)
    assert slots(window) == {"two": None, "one": 0}


def test_who_picks_in_the_list_stays_on_the_compare_page_and_a_click_opens_the_run(qtbot, window, two):
    window.actions_["go.compare"].trigger()
    view = window.run_list.view
    view.setFocus()
    for key in (Qt.Key.Key_Space, Qt.Key.Key_K, Qt.Key.Key_Space):
        qtbot.keyClick(view, key)
    page = compared(qtbot, window)
    qtbot.waitUntil(lambda: page.comparison is not None and len(page.comparison.runs) == 2)
    assert view.hasFocus()
    assert window.run_page.run_id == two[1]
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(window.run_list.model.index(1)).center()
    )
    assert window.pages.front_id == "run"
    assert window.run_page.run_id == two[0]


def test_a_run_can_be_dragged_and_its_menu_offers_to_compare_it(qtbot, window, two):
    model = window.run_list.model
    index = model.index(0)
    assert model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    assert bytes(model.mimeData([index]).data(RUN_MIME).data()).decode() == two[1]
    window.run_list._menu(window.run_list.view.visualRect(index).center())
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert window.actions_["run.compare"] in menu.actions()
    menu.close()


def test_what_is_picked_is_there_at_the_next_start(qtbot, window, two, open_window):
    for run in two:
        window.picks.toggle(run)
    window.picks.set_baseline(two[1])
    window.close()
    again = open_window()
    assert again.picks.runs == tuple(two)
    assert again.picks.baseline == two[1]
    qtbot.waitUntil(lambda: slots(again) == {"two": 1, "one": 0})


def test_a_run_in_the_bin_is_picked_no_longer(qtbot, window, two, store):
    for run in two:
        window.picks.toggle(run)
    store.execute("UPDATE runs SET binned_at = 1.0 WHERE id = ?", (two[0],))
    window._parts.poller.nudge()
    qtbot.waitUntil(lambda: window.picks.runs == (two[1],))


def test_from_a_question_to_its_solution_on_the_run_page_and_back(qtbot, two, open_window, select):
    window = open_window([PanelSpec(Reader, "read")])
    select(window, two[0])
    window.picks.choose(two)
    window.actions_["go.compare"].trigger()
    page = compared(qtbot, window)
    assert "Enter both traces" in window.status_line.keys.text()
    questions = page.board.questions.list
    qtbot.waitUntil(lambda: questions.current is not None)
    qtbot.keyClick(page, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(page.beside.steps.cards))
    question = questions.current
    run = page.board.questions.shown_pair[0]
    qtbot.mouseClick(page.beside.heads[0].read, Qt.MouseButton.LeftButton)
    assert (window.pages.front_id, window.run_page.run_id) == ("run", run)
    panels = window.run_page.panels
    qtbot.waitUntil(lambda: panels["read"].trace.detail is not None)
    assert panels["read"].trace.detail.id == question.left.trajectory
    assert panels.mode == "read"
    window.actions_["go.compare"].trigger()
    compared(qtbot, window)
    again = window.pages.front.board.questions.list
    qtbot.waitUntil(lambda: again.current is not None)
    assert again.current.place == question.place
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.pages.front_id == "run"


def test_a_queued_run_alone_says_that_nothing_is_evaluated(qtbot, window, add_run):
    run = add_run("waiting")
    window._parts.poller.nudge()
    qtbot.waitUntil(lambda: "waiting" in slots(window))
    window.picks.choose([run])
    window.actions_["go.compare"].trigger()
    page = compared(qtbot, window)
    assert "nothing has been evaluated yet" in page.board.curves.note.text()
