"""The list of runs."""

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction

from sapo_studio.store.records import ErrorText
from sapo_ui.features.run_list.column import RunList
from sapo_ui.features.run_list.model import RUN_ROLE, RunListModel, second_line
from sapo_ui.services.poller import StoreChange


def change(*runs, changed=None):
    return StoreChange(tuple(runs), frozenset(run.id for run in runs) if changed is None else frozenset(changed))


@pytest.fixture
def listed(qtbot, make_run):
    widget = RunList(QAction("New run\u2026", None))
    qtbot.addWidget(widget)
    widget.resize(240, 600)
    widget.show()
    runs = [make_run(3, "gamma", "running"), make_run(2, "beta", "done"), make_run(1, "alpha", "failed")]
    widget.take(change(*runs))
    return widget, runs


def names(model):
    return [model.index(row).data() for row in range(model.rowCount())]


def test_model_changes_row_by_row(qtmodeltester, make_run):
    model = RunListModel()
    a, b, c = make_run(1, "a"), make_run(2, "b"), make_run(3, "c")
    events = []
    model.rowsInserted.connect(lambda parent, first, last: events.append(("in", first)))
    model.rowsRemoved.connect(lambda parent, first, last: events.append(("out", first)))
    model.dataChanged.connect(lambda top, bottom, roles: events.append(("change", top.row())))
    model.modelReset.connect(lambda: events.append(("reset", 0)))
    model.take(change(b, a))
    assert events == [("in", 0), ("in", 1)]
    events.clear()
    b2 = make_run(2, "b", progress=0.5)
    model.take(change(c, b2, a, changed={c.id, b2.id}))
    assert events == [("in", 0), ("change", 1)]
    events.clear()
    model.take(change(c, a, changed=()))
    assert events == [("out", 1)]
    assert names(model) == ["c", "a"]
    assert model.index(1).data(RUN_ROLE) is a
    qtmodeltester.check(model)
    assert model.rowCount(QModelIndex()) == 2


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
    widget = RunList(QAction("New run\u2026", None))
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


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        (
            "running",
            {"phase": "label", "iteration": 2, "eta_seconds": 120},
            "Label \u00b7 it 2/3 \u00b7 ETA 2\u202fmin",
        ),
        ("running", {}, "Starting"),
        ("paused", {"phase": "align", "iteration": 1, "eta_seconds": 5}, "Align \u00b7 it 1/3"),
        ("paused", {"error": ErrorText("The disk is full: the run waits")}, "The disk is full: the run waits"),
        ("done", {"headline": {"sampled_accuracy": 0.533}}, "53.3\u202f% sampled \u00b7 just now"),
        ("failed", {"error": ErrorText("The disk is full")}, "The disk is full"),
        ("stopped", {}, "just now"),
    ],
)
def test_second_line(make_run, status, more, expected):
    assert second_line(make_run(1, "run", status, **more)) == expected


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
