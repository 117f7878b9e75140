"""The trace table and its model: paging, filters, sorting, growth. Nothing is read on the GUI thread."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_studio.store.ingest import Ingest
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.features.traces.table_model import AT, COLUMNS
from tests.ui.panel_helpers import Live, change_of, show


@pytest.fixture
def panel(qtbot, run_id):
    made = show(qtbot, TracesPanel(), run_id)
    qtbot.waitUntil(lambda: len(made.model.ids) > 0)
    return made


def test_rows_are_what_the_store_holds(panel, qtbot, store, run_id):
    ids = queries.trace_ids(store, queries.TraceFilter(run_id))
    assert panel.model.ids.tolist() == ids.tolist()
    assert panel.count.text() == f"{len(ids):,} trajectories"
    qtbot.waitUntil(lambda: panel.model.row(0) is not None)
    row = queries.trace_rows(store, ids[:1], None)[0]
    texts = [panel.model.index(0, column).data() for column in range(len(COLUMNS))]
    assert texts[AT["question"]] == row.question
    said = panel.model.index(0, AT["outcome"]).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("correct" if row.correct else "incorrect")
    if row.mean is not None:
        assert texts[AT["mean"]] == f"{row.mean:.2f}"
    for column in range(len(COLUMNS)):
        header = panel.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        assert header & Qt.AlignmentFlag.AlignLeft


def test_filters_and_search(panel, qtbot, store, run_id):
    def shown():
        return panel.model.ids.tolist()

    def wanted(**kwargs):
        return queries.trace_ids(store, queries.TraceFilter(run_id, **kwargs)).tolist()

    panel.filters.outcome.setCurrentIndex(panel.filters.outcome.findData("wrong"))
    qtbot.waitUntil(lambda: shown() == wanted(outcome="wrong"))
    panel.filters.case.setCurrentIndex(panel.filters.case.findData("later"))
    qtbot.waitUntil(lambda: shown() == wanted(outcome="wrong", case="later"))
    panel.table.setFocus()
    qtbot.waitUntil(panel.table.hasFocus)
    qtbot.keyClick(panel.table, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: shown() == wanted())
    panel.filters.search.setText("shells")
    qtbot.waitUntil(lambda: shown() == wanted(text="shells"))
    assert 0 < len(shown()) < len(wanted())
    panel.filters.search.setText("no such words anywhere")
    qtbot.waitUntil(lambda: panel.pages.currentWidget() is panel.nothing)


def test_sorts_in_the_store(panel, qtbot, store, run_id):
    panel._sort_by(AT["mean"])
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, sort="mean")).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids)
    panel._sort_by(AT["mean"])
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, sort="mean", descending=True)).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids)


def test_keys_move_and_open(panel, qtbot):
    panel.table.setFocus()
    panel.table.setCurrentIndex(panel.model.index(0, 0))
    for key in (Qt.Key.Key_J, Qt.Key.Key_J, Qt.Key.Key_K):
        qtbot.keyClick(panel.table, key)
    assert panel.table.currentIndex().row() == 1
    with qtbot.waitSignal(panel.trace_requested) as caught:
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert caught.args == [int(panel.model.ids[1]), 0]


def test_the_question_is_elastic_and_one_iteration_needs_no_column(panel, qtbot):
    fixed = sum(panel.table.columnWidth(AT[name]) for name in AT if name != "question")
    assert panel.table.columnWidth(AT["question"]) == panel.table.viewport().width() - fixed
    assert not panel.table.isColumnHidden(AT["iteration"])
    panel.filters.iteration.setCurrentIndex(panel.filters.iteration.findData(1))
    qtbot.waitUntil(lambda: panel.table.isColumnHidden(AT["iteration"]))
    assert panel.filters.button.text() == "Filters: 1 set"
    qtbot.mouseClick(panel.filters.button, Qt.MouseButton.LeftButton)
    assert panel.filters.popup.isVisible()
    qtbot.mouseClick(panel.filters.clear_button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(panel.filters.popup, Qt.Key.Key_Escape)
    assert not panel.filters.popup.isVisible()
    qtbot.waitUntil(lambda: not panel.table.isColumnHidden(AT["iteration"]))


def test_sorting_shows_the_top_of_the_new_order(panel, qtbot):
    bar = panel.table.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert bar.value() > 0
    before = panel.model.ids.tolist()
    panel._sort_by(AT["mean"])
    qtbot.waitUntil(lambda: panel.model.ids.tolist() != before)
    assert bar.value() == 0


def test_live_rows_come_in_below(qtbot, store):
    live = Live(store, iterations=2, questions=20, trajectories=120)
    assert live.until(lambda event: isinstance(event, k.Trajectories) and event.rows[0].source == "sample")
    panel = show(qtbot, TracesPanel(), live.run_id)
    qtbot.waitUntil(lambda: len(panel.model.ids) > 0)
    panel.table.setCurrentIndex(panel.model.index(3, 0))
    chosen, before = panel.selected_id, panel.model.ids.tolist()
    while live.until(lambda event: isinstance(event, k.Trajectories)):
        panel.refresh(change_of(store, live.run_id))
    panel.refresh(change_of(store, live.run_id))
    ids = queries.trace_ids(store, queries.TraceFilter(live.run_id)).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids)
    assert ids[: len(before)] == before
    assert panel.selected_id == chosen


def test_solutions_of_evaluation_sets_can_be_shown(panel, qtbot, store, run_id):
    rows = []
    for place, name in enumerate(("MATH", "far")):
        number = 1_000_000_000 + 10_000_000 * place
        question = k.QuestionRow(number=number, split="test", text=f"{name}?", solution="", answer="1", set=name)
        one = k.TrajectoryRow(
            number=number, question=number, iteration=0, sample=0, source="test", steps=["a"], correct=True
        )
        rows += [k.Questions(rows=[question]), k.Trajectories(rows=[one])]
    Ingest(store, run_id).apply(rows)
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: panel.filters.source.findData("test:far") > 0)
    for data, count in (("test", 2), ("test:far", 1), ("test:MATH", 1)):
        panel.filters.source.setCurrentIndex(panel.filters.source.findData(data))
        qtbot.waitUntil(lambda count=count: len(panel.model.ids) == count)
