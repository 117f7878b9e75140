"""The column on the left: search, selection, keyboard, menu."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction

from sapo_ui.features.run_list.column import RunList
from sapo_ui.services.poller import StoreChange


def change(*runs, changed=None):
    return StoreChange(tuple(runs), frozenset(run.id for run in runs) if changed is None else frozenset(changed))


@pytest.fixture
def listed(qtbot, make_run):
    widget = RunList()
    qtbot.addWidget(widget)
    widget.resize(240, 600)
    widget.show()
    runs = [make_run(3, "gamma", "running"), make_run(2, "beta", "done"), make_run(1, "alpha", "failed")]
    widget.take(change(*runs))
    return widget, runs


def names(model):
    return [model.index(row).data() for row in range(model.rowCount())]


def test_search_by_name_id_preset_and_status(listed):
    widget, _ = listed
    widget.search.setText("ALP")
    assert names(widget.model) == ["alpha"]
    widget.search.setText("failed")
    assert names(widget.model) == ["alpha"]
    widget.search.setText("nothing of the kind")
    assert names(widget.model) == []
    assert widget.empty.isVisible()
    assert "search" in widget.empty.text()
    widget.search.setText("")
    assert names(widget.model) == ["gamma", "beta", "alpha"]
    assert not widget.empty.isVisible()


def test_an_empty_list_says_what_fills_it(qtbot):
    widget = RunList()
    qtbot.addWidget(widget)
    assert "appear here" in widget.empty.text()


def test_selection_stays_on_its_run_while_others_come(listed, make_run):
    widget, runs = listed
    widget.select(runs[1].id)
    widget.take(change(make_run(4, "delta"), *runs, changed=()))
    assert widget.current().id == runs[1].id


def test_keyboard(qtbot, listed):
    widget, runs = listed
    widget.select(runs[0].id)
    seen, opened, deleted = [], [], []
    widget.selected.connect(seen.append)
    widget.opened.connect(opened.append)
    widget.view.delete_pressed.connect(lambda: deleted.append(1))
    qtbot.keyClick(widget.view, Qt.Key.Key_J)
    qtbot.keyClick(widget.view, Qt.Key.Key_J)
    qtbot.keyClick(widget.view, Qt.Key.Key_J)
    qtbot.keyClick(widget.view, Qt.Key.Key_K)
    assert seen == [runs[1].id, runs[2].id, runs[1].id]
    qtbot.keyClick(widget.view, Qt.Key.Key_Return)
    qtbot.keyClick(widget.view, Qt.Key.Key_Delete)
    assert opened == [runs[1].id]
    assert deleted == [1]


def test_context_menu_offers_what_can_be_done(qtbot, listed):
    widget, _ = listed
    on, off = QAction("Rename\u2026", widget), QAction("Pause", widget)
    off.setEnabled(False)
    widget.menu_actions = [on, None, off]
    widget.view.customContextMenuRequested.emit(widget.view.visualRect(widget.model.index(0)).center())
    from PySide6.QtWidgets import QMenu

    menu = widget.findChild(QMenu)
    assert [action.text() for action in menu.actions() if not action.isSeparator()] == ["Rename\u2026"]
    menu.close()


def test_rows_are_announced_with_status(listed):
    widget, _ = listed
    assert "running" in widget.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_rows_paint_in_both_looks(listed, qtbot):
    from sapo_ui import theme

    widget, runs = listed
    widget.select(runs[0].id)
    try:
        for mode in ("dark", "light"):
            theme.manager().choose(mode)
            image = widget.grab().toImage()
            shades = {image.pixel(x, y) for x in range(image.width()) for y in range(85, 145)}
            assert len(shades) > 20
    finally:
        theme.manager().choose("system")


def test_the_chosen_run_stays_chosen_where_it_comes_to_another_place(listed):
    widget, runs = listed
    widget.model.narrow(widget.model.wanted, "name")
    assert names(widget.model) == ["alpha", "beta", "gamma"]
    gamma = runs[0]
    widget.select(gamma.id)
    told = []
    widget.selected.connect(told.append)
    widget.take(change(replace(gamma, name="aardvark"), *runs[1:], changed=[gamma.id]))
    assert names(widget.model) == ["aardvark", "alpha", "beta"]
    assert widget.current().id == gamma.id
    assert told == []
