"""The heatmap panel: what the store holds, live growth, what it does while it is read."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from sapo_studio.events import kinds as k
from sapo_studio.store import annotations, queries
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.services.annotations import annotation_events
from tests.ui.panel_helpers import Live, change_of, show


@pytest.fixture
def panel(qtbot, run_id):
    made = show(qtbot, HeatmapPanel(), run_id)
    qtbot.waitUntil(lambda: made.data is not None)
    return made


def test_panel_shows_what_the_store_holds(panel, store, run_id):
    selection = panel.controls.selection
    query = selection.queries(run_id, queries.verifiers_of(store, run_id)[-1], 20_000)
    data = next(found for found in (queries.heatmap(store, one) for one in query) if found.total)
    assert panel.verifier == queries.verifiers_of(store, run_id)[-1]
    assert panel.data.ids.tolist() == data.ids.tolist()
    assert np.array_equal(panel.view.grid.values, data.scores, equal_nan=True)
    layers = {layer.name: layer.rows.tolist() for layer in panel.view.grid.marks}
    assert layers["verified"] == np.maximum(data.verified, 0).tolist()
    assert layers["predicted"] == np.where(data.correct, 0, np.maximum(data.predicted, 0)).tolist()


def test_controls_ask_again(panel, qtbot, store, run_id):
    panel.controls.kind.setCurrentIndex(panel.controls.kind.findData("wrong"))
    qtbot.waitUntil(lambda: not panel.data.correct.any())
    panel.controls.whose.setCurrentIndex(panel.controls.whose.findData(-3))
    process = queries.HeatmapQuery(run_id, -1, 2, "process", "wrong", "", "first_error")
    qtbot.waitUntil(lambda: panel.data.ids.tolist() == queries.heatmap(store, process).ids.tolist())
    panel.controls.kind.setCurrentIndex(panel.controls.kind.findData("noise"))
    qtbot.waitUntil(lambda: len(panel.data.ids) == 0)
    assert panel.pages.currentWidget() is panel.nothing


def test_replay_goes_through_the_verifiers(panel, qtbot):
    panel.controls._timer.setInterval(30)
    seen = []

    def note():
        seen.append(panel.controls.scrubber.value)

    panel.controls.changed.connect(note)
    panel.view.setFocus()
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: seen and not panel.controls.playing)
    assert seen == panel.controls.scrubber.values
    qtbot.waitUntil(lambda: panel.verifier == panel.controls.scrubber.values[-1])


def test_hover_reads_the_cell(panel, qtbot, store):
    column = int(np.flatnonzero(panel.data.verified > 0)[0])
    row = int(panel.data.verified[column])
    QTest.mouseMove(panel.view, panel.view.layout_now.rect_of(Cell(column, row)).center().toPoint())
    qtbot.waitUntil(lambda: panel.readout.step.text() != "")
    detail = queries.trace(store, int(panel.data.ids[column]))
    assert panel.readout.step.text() == detail.steps[row - 1]
    facts = panel.readout.facts.text()
    assert f"V{panel.verifier} {panel.data.scores[column, row - 1]:.2f}" in facts
    assert "verified first error" in facts
    assert any(f"{label.source}: incorrect" in facts for label in detail.labels)


def test_click_opens_the_trace(panel, qtbot):
    with qtbot.waitSignal(panel.trace_requested) as caught:
        at = panel.view.layout_now.rect_of(Cell(7, 2)).center().toPoint()
        qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=at)
    assert caught.args == [int(panel.data.ids[7]), 2]


def test_where_there_is_no_step_none_is_asked_for(panel, qtbot):
    first, last = panel.view.visible_range
    column = first + int(np.argmin(panel.data.n_steps[first:last]))
    beyond = Cell(column, int(panel.data.n_steps[column]) + 1)
    assert beyond.row <= panel.view.grid.rows
    told = []
    panel.trace_requested.connect(lambda *args: told.append(args))
    layout = panel.view.layout_now
    body = layout.rect_of(beyond).center()
    strip = QPointF(body.x(), layout.strip.center().y())
    assert layout.cell_at(strip).row == 0
    for at in (body, strip):
        qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert told == [(int(panel.data.ids[column]), 0)] * 2


def test_a_judgement_is_drawn_at_once_without_moving_anything(panel, store):
    column, before = 5, panel.data.ids.copy()
    trajectory = int(before[column])
    annotations.annotate(store, trajectory, "me", {1: -1})
    panel.view.zoom(3)
    seen = panel.view.visible_range
    annotation_events().judged.emit(trajectory, 1)
    ring = next(layer for layer in panel.view.grid.marks if layer.shape == "ring")
    assert ring.rows[column] == 1
    assert panel.view.visible_range == seen
    assert panel.data.ids.tolist() == before.tolist()


def test_rows_fill_in_live_but_never_under_the_pointer(qtbot, store):
    live = Live(store, iterations=2, questions=20, trajectories=120)
    assert live.until(lambda event: isinstance(event, k.Scores))
    panel = show(qtbot, HeatmapPanel(), live.run_id)
    qtbot.waitUntil(lambda: panel.data is not None and panel.data.total > 0)
    total = first = panel.data.total
    while total == first and live.until(lambda event: isinstance(event, k.Scores)):
        panel.refresh(change_of(store, live.run_id))
        asked = panel.controls.selection.queries(live.run_id, queries.verifiers_of(store, live.run_id)[-1], 20_000)
        total = next((n for n in (queries.heatmap(store, query).total for query in asked) if n), 0)
    qtbot.waitUntil(lambda: panel.data.total == total)
    QTest.mouseMove(panel.view, panel.view.layout_now.rect_of(Cell(1, 1)).center().toPoint())
    qtbot.waitUntil(lambda: panel.view.hover_cell is not None)
    shown = panel.data.ids.tolist()
    for _ in range(6):
        live.until(lambda event: isinstance(event, k.Scores))
    panel.refresh(change_of(store, live.run_id))
    qtbot.waitUntil(panel.news.isVisible)
    assert panel.news.text().endswith(", show")
    assert panel.data.ids.tolist() == shown
    panel.news.click()
    assert panel.data.ids.tolist() != shown
    assert not panel.news.isVisible()
