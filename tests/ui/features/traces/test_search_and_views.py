"""The trace table: searching by the index, saved views, where it stands after another order, and what a tick reads."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from sapo_studio.events import kinds as k
from sapo_studio.store import queries, text_search, trace_views
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.trace_views import list_views
from sapo_ui import theme
from sapo_ui.features.traces.panel import TracesPanel, goes_on
from sapo_ui.features.traces.table_model import AT
from sapo_ui.features.traces.view import TraceView
from sapo_ui.services.trace_search import search_words
from sapo_ui.widgets.hits import hits_in, marked
from tests.fixtures.held import settled
from tests.ui.panel_helpers import Live, change_of, show


@pytest.fixture
def panel(qtbot, run_id):
    made = show(qtbot, TracesPanel(), run_id)
    qtbot.waitUntil(lambda: len(made.model.ids) > 0)
    return made


def test_the_first_search_indexes_the_run_and_says_so(panel, qtbot, store, run_id):
    assert text_search.to_index(store, run_id) > 0
    said = []
    panel._indexer.progressed.connect(lambda share: said.append((share, panel.indexing.text())))
    panel.filters.search.setText("shells")
    qtbot.waitUntil(lambda: bool(said) and said[-1] == (None, ""))
    assert text_search.to_index(store, run_id) == 0
    ids = queries.trace_ids(store, TraceFilter(run_id, text="shells")).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == ids)
    panel._say_indexing(0.43)
    assert panel.indexing.text() == "indexing for the search, 43%"


def test_first_hits_are_shown_while_the_others_are_looked_for(panel, qtbot, store, run_id, monkeypatch):
    monkeypatch.setattr("sapo_ui.features.traces.panel.FIRST_HITS", 2)
    shown = []
    panel.model.modelReset.connect(lambda: shown.append(panel.model.ids.tolist()))
    panel.model.rowsInserted.connect(lambda: shown.append(panel.model.ids.tolist()))
    panel.filters.search.setText("sh")
    ids = queries.trace_ids(store, TraceFilter(run_id, text="sh")).tolist()
    assert 2 < len(ids) < len(panel.model.ids)
    qtbot.waitUntil(lambda: panel.count.text() == f"{len(ids):,} trajectories")
    assert shown[-1] == ids
    assert shown[0] in (ids[:2], ids)  # the first, unless all were there sooner


def marked_pixels(widget):
    """How many pixels of a widget's own painting have the color of hits."""
    picture = widget.grab().toImage()
    accent = QColor(theme.current().accent).rgb()
    return sum(picture.pixel(x, y) == accent for x in range(picture.width()) for y in range(picture.height()))


def test_hits_are_marked_in_the_trace(qtbot, store, run_id):
    identity = int(queries.trace_ids(store, TraceFilter(run_id))[0])
    detail = queries.trace(store, identity)
    view = show(qtbot, TraceView(), run_id)
    view.show_trace(identity)
    qtbot.waitUntil(lambda: len(view.steps.cards) > 0)
    step, question = view.steps.cards[0].line, view.head.question
    for text, widget in ((detail.steps[0], step), (detail.question, question)):
        search_words().set_text(text[2:8].upper())
        qtbot.waitUntil(lambda widget=widget: marked_pixels(widget) > 50)  # once it has come to its width
    assert view.head.whole.textFormat() == Qt.TextFormat.RichText
    search_words().set_text("stands nowhere")
    assert marked_pixels(step) == marked_pixels(question) == 0
    search_words().set_text("")
    assert view.head.whole.text() == detail.question


def test_hits_are_found_in_any_case_and_across_places_to_break():
    assert hits_in("Shells and shells", "SHELLS") == [(0, 6), (11, 17)]
    assert hits_in("12345678\u200b90", "789") == [(6, 10)]
    assert hits_in("1*2", "*") == [(1, 2)]
    assert hits_in("text", "") == []


def test_marks_take_nothing_for_html():
    assert marked("a <b> A&a", "A").count("<span style='background") == 3
    assert "<b>" not in marked("a <b>", "<b")
    assert "&lt;" in marked("<", "")


def test_a_view_brings_filters_search_and_order_back(panel, qtbot, store, run_id):
    panel._sort_by(AT["mean"])
    panel._sort_by(AT["mean"])
    panel.filters.outcome.setCurrentIndex(panel.filters.outcome.findData("wrong"))
    panel.filters.search.setText("shells")
    wanted = TraceFilter(run_id, outcome="wrong", text="shells", sort="mean", descending=True)
    with qtbot.waitSignal(panel.views.changed):
        panel.views.save("Hard & long", panel._current_filter())
    (view,) = list_views(store)
    assert view.of_run(run_id) == wanted
    panel.filters.reset()
    panel._sort_as(AT["question"], "id", descending=False)
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == queries.trace_ids(store, TraceFilter(run_id)).tolist())
    entry = next(action for action in panel.views.menu().actions() if action.text() == "Hard && long")
    entry.trigger()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == queries.trace_ids(store, wanted).tolist())
    asked = []
    panel.queue_requested.connect(asked.append)
    qtbot.mouseClick(panel.queue, Qt.MouseButton.LeftButton)
    assert asked == [wanted]
    forget = panel.views.menu().actions()[-1].menu()
    with qtbot.waitSignal(panel.views.changed):
        forget.actions()[0].trigger()
    assert list_views(store) == []


def test_another_order_begins_at_the_top_or_follows_the_chosen_row(panel, qtbot, store, run_id):
    bar = panel.table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    panel._sort_by(AT["mean"])
    by_mean = queries.trace_ids(store, TraceFilter(run_id, sort="mean")).tolist()
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == by_mean)
    assert bar.value() == 0
    panel.select(by_mean[0])
    panel._sort_by(AT["mean"])
    qtbot.waitUntil(lambda: panel.model.ids.tolist() == by_mean[::-1])
    assert panel.selected_id == by_mean[0]
    row = panel.table.currentIndex()
    assert panel.table.viewport().rect().intersects(panel.table.visualRect(row))


def test_a_run_that_goes_on_is_read_from_where_it_was(qtbot, store):
    live = Live(store, iterations=2, questions=20, trajectories=120)
    assert live.until(lambda event: isinstance(event, k.Trajectories) and event.rows[0].source == "sample")
    shown = TraceFilter(live.run_id)
    run = queries.get_run(store, live.run_id)
    known = queries.trace_ids(store, shown)
    assert goes_on(known, run.phase_ordinal, run, shown)
    assert len(queries.trace_ids(store, shown, after=int(known[-1]))) == 0
    before = known
    while live.until(lambda event: isinstance(event, k.Trajectories)):
        more = queries.trace_ids(store, shown, after=int(known[-1]))
        known = np.concatenate([known, more])
        assert known.tolist() == queries.trace_ids(store, shown).tolist()
    assert len(known) > len(before)
    for other in (TraceFilter(live.run_id, sort="mean"), TraceFilter(live.run_id, case="later")):
        assert not goes_on(known, run.phase_ordinal, run, other)
    assert not goes_on(known, -1, change_of(store, live.run_id).run(live.run_id), shown)


def test_views_read_before_one_was_saved_do_not_take_it_away(panel, qtbot, store, run_id, hold):
    held = hold(trace_views, "list_views")
    panel.views.read()
    qtbot.waitUntil(lambda: held.found == [[]])
    with qtbot.waitSignal(panel.views.changed):
        panel.views.save("mine", TraceFilter(run_id))
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 3)  # what was read before is not shown, but read again
    settled(qtbot)
    assert [one.name for one in panel.views.views] == ["mine"]
    assert panel.views.menu().actions()[0].text() == "mine"
