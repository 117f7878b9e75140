"""The model of the trace table: pages of rows, read in the background, few of them kept."""

from __future__ import annotations

import threading

import numpy as np

from sapo_studio.store import queries
from sapo_ui.features.traces import table_model as trace_table
from sapo_ui.features.traces.table_model import PAGE, TraceTable


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
    qtbot.waitUntil(lambda: model.row(last) is not None)
    qtbot.waitUntil(lambda: not model._wanted and not model._busy)
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
    qtbot.waitUntil(lambda: model.row(120) is not None)
