"""The trace table and its model: paging, filters, sorting, growth. Nothing is read on the GUI thread."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PySide6.QtCore import Qt

from sapo_studio.events import kinds as k
from sapo_studio.store import queries
from sapo_ui.features.traces import table_model as trace_table
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.features.traces.table_model import AT, COLUMNS, PAGE, TraceTable
from tests.fixtures.synthetic import synthetic_run
from tests.ui.panel_helpers import Live, change_of, show


@pytest.fixture
def run_id(store):
    return synthetic_run(store, iterations=2, questions=20, trajectories=120)


@pytest.fixture
def panel(qtbot, run_id):
    made = show(qtbot, TracesPanel(), run_id)
    qtbot.waitUntil(lambda: len(made.model.ids) > 0, timeout=5000)
    return made


def test_rows_are_what_the_store_holds(panel, qtbot, store, run_id):
    ids = queries.trace_ids(store, queries.TraceFilter(run_id))
    assert panel.model.ids.tolist() == ids.tolist()
    assert panel.count.text() == f"{len(ids):,} trajectories"
    qtbot.waitUntil(lambda: panel.model.row(0) is not None)
    row = queries.trace_rows(store, ids[:1], None)[0]
    texts = [panel.model.index(0, column).data() for column in range(len(COLUMNS))]
    assert texts[AT["question"]] == row.question
    assert texts[AT["outcome"]] == ("right" if row.correct else "wrong")
    assert texts[AT["rollouts"]] in (f"{row.n_rollouts_right} of {row.n_rollouts}", "\u2013")
    assert texts[AT["labels"]] == ", ".join(row.label_sources)
    if row.mean is not None:
        assert texts[AT["mean"]] == f"{row.mean:.2f}"
    for column in range(len(COLUMNS)):
        header = panel.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        assert header & Qt.AlignmentFlag.AlignLeft


def test_a_million_rows_hold_few_pages(qtbot, monkeypatch, run_id, store):
    known = queries.trace_ids(store, queries.TraceFilter(run_id))
    threads = set()
    real = queries.trace_rows

    def spy(store, ids, verifier):
        threads.add(threading.current_thread().name)
        return real(store, ids, verifier)

    monkeypatch.setattr(trace_table.queries, "trace_rows", spy)
    model = TraceTable()
    million = np.resize(known, 1_000_000)
    model.set_ids(million)
    assert model.rowCount() == 1_000_000
    for row in range(0, 1_000_000, 40_000):
        assert model.index(row, 0).data() in ("\u2026", None)
        with qtbot.waitSignal(model.page_arrived, timeout=5000):
            model.row(row)
        assert model.row(row).id == million[row]
    assert len(model._pages) <= trace_table.KEPT_PAGES
    assert threading.main_thread().name not in threads


def test_scrolling_past_pages_fetches_only_where_it_stops(qtbot, monkeypatch, run_id, store):
    known = queries.trace_ids(store, queries.TraceFilter(run_id))
    asked = []
    real = queries.trace_rows
    monkeypatch.setattr(
        trace_table.queries, "trace_rows", lambda store, ids, verifier: asked.append(1) or real(store, ids, verifier)
    )
    model = TraceTable()
    model.set_ids(np.resize(known, 100_000))
    for row in range(0, 100_000, PAGE):
        model.row(row)
    last = 100_000 // PAGE * PAGE
    qtbot.waitUntil(lambda: model.row(last) is not None, timeout=5000)
    qtbot.waitUntil(lambda: not model._wanted and not model._busy, timeout=5000)
    assert len(asked) <= 10


def test_growth_appends_and_moves_nothing(qtbot, run_id, store):
    known = queries.trace_ids(store, queries.TraceFilter(run_id))
    model = TraceTable()
    model.set_ids(known[:100])
    resets, inserted = [], []
    model.modelReset.connect(lambda: resets.append(1))
    model.rowsInserted.connect(lambda _parent, first, last: inserted.append((first, last)))
    model.set_ids(known[:150])
    assert not resets
    assert inserted == [(100, 149)]
    qtbot.waitUntil(lambda: model.row(120) is not None, timeout=5000)


def test_filters_and_search(panel, qtbot, store, run_id):
    def shown():
        return panel.model.ids.tolist()

    def wanted(**kwargs):
        return queries.trace_ids(store, queries.TraceFilter(run_id, **kwargs)).tolist()

    panel.filters.outcome.setCurrentIndex(panel.filters.outcome.findData("wrong"))
    qtbot.waitUntil(lambda: shown() == wanted(outcome="wrong"), timeout=5000)
    panel.filters.case.setCurrentIndex(panel.filters.case.findData("later"))
    qtbot.waitUntil(lambda: shown() == wanted(outcome="wrong", case="later"), timeout=5000)
    panel.table.setFocus()
    qtbot.waitUntil(panel.table.hasFocus)
    qtbot.keyClick(panel.table, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: shown() == wanted(), timeout=5000)
    panel.filters.search.setText("shells")
    qtbot.waitUntil(lambda: shown() == wanted(text="shells"), timeout=5000)
    assert 0 < len(shown()) < len(wanted())
    panel.filters.search.setText("no such words anywhere")
    qtbot.waitUntil(lambda: panel.pages.currentWidget() is panel.nothing, timeout=5000)


def test_sorts_in_the_store(panel, qtbot, store, run_id):
    panel._sort_by(AT["mean"])
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, sort="mean")).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids, timeout=5000)
    panel._sort_by(AT["mean"])
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, sort="mean", descending=True)).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids, timeout=5000)


def test_keys_move_and_open(panel, qtbot):
    panel.table.setFocus()
    panel.table.setCurrentIndex(panel.model.index(0, 0))
    for key in (Qt.Key.Key_J, Qt.Key.Key_J, Qt.Key.Key_K):
        qtbot.keyClick(panel.table, key)
    assert panel.table.currentIndex().row() == 1
    with qtbot.waitSignal(panel.trace_requested) as caught:
        qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    assert caught.args == [int(panel.model.ids[1])]


def test_live_rows_come_in_below(qtbot, store):
    live = Live(store, iterations=2, questions=20, trajectories=120)
    assert live.until(lambda event: isinstance(event, k.Trajectories) and event.rows[0].source == "sample")
    panel = show(qtbot, TracesPanel(), live.run_id)
    qtbot.waitUntil(lambda: len(panel.model.ids) > 0, timeout=5000)
    panel.table.setCurrentIndex(panel.model.index(3, 0))
    chosen, before = panel.selected_id, panel.model.ids.tolist()
    while live.until(lambda event: isinstance(event, k.Trajectories)):
        panel.refresh(change_of(store, live.run_id))
    panel.refresh(change_of(store, live.run_id))
    ids = queries.trace_ids(store, queries.TraceFilter(live.run_id)).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids, timeout=5000)
    assert ids[: len(before)] == before
    assert panel.selected_id == chosen
