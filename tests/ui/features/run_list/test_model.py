"""The runs as a list model."""

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QFontMetricsF

from sapo_studio.store.records import ErrorText, UnseenAlarm
from sapo_ui import theme
from sapo_ui.features.run_list.column import RunListView
from sapo_ui.features.run_list.delegate import RunDelegate, shortened
from sapo_ui.features.run_list.model import RUN_ROLE, RunListModel, second_line
from sapo_ui.services.poller import StoreChange


def change(*runs, changed=None):
    return StoreChange(tuple(runs), frozenset(run.id for run in runs) if changed is None else frozenset(changed))


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


def test_unseen_alarms_are_told_and_painted_until_they_are_seen(qtbot, make_run):
    alarms = tuple(UnseenAlarm(at, 1, "pairs", f"Alarm {at}") for at in (1, 2))
    view = RunListView()
    qtbot.addWidget(view)
    view.setModel(model := RunListModel(view))
    view.setItemDelegate(RunDelegate(view))
    view.resize(220, 80)
    model.take(change(make_run(1, "a", "done", alarms=alarms)))
    told = model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert told.startswith("a, 2 unseen alarms, done")
    assert "Alarm 2" in model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    with_badge = view.grab().toImage()
    model.take(change(make_run(1, "a", "done")))
    assert "alarm" not in model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert view.grab().toImage() != with_badge


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


def test_facts_that_do_not_fit_go_whole(qapp):
    metrics = QFontMetricsF(theme.font("small"))
    facts = "53.3\u202f% sampled \u00b7 6\u202fmin ago"
    whole = metrics.horizontalAdvance(f" \u00b7 {facts}")
    assert shortened(facts, metrics, whole + 1) == f" \u00b7 {facts}"
    assert shortened(facts, metrics, whole - 4) == " \u00b7 53.3\u202f% sampled"
    assert shortened("The disk is full", metrics, 60).endswith("\u2026")
