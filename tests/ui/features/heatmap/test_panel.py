"""The heatmap panel: what the store holds, live growth, what it does while it is read."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from sapo_studio.events import kinds as k
from sapo_studio.store import annotations, queries
from sapo_ui.features.heatmap.binning import stretches
from sapo_ui.features.heatmap.cell_card import step_text
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotation_events
from tests.fixtures.held import settled
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


def test_a_card_reads_the_cell_and_never_covers_its_column(panel, qtbot, store):
    marked = np.flatnonzero(panel.data.verified > 0)
    for column in (int(marked[0]), int(marked[-1]), len(panel.data.ids) - 1):
        row = max(1, int(panel.data.verified[column]))
        where = panel.view.layout_now.rect_of(Cell(column, row))
        QTest.mouseMove(panel.view, where.center().toPoint())
        trajectory = panel.view.hover_cell and int(panel.data.ids[panel.view.hover_cell.column])
        assert trajectory is not None
        detail = queries.trace(store, trajectory)
        row = panel.view.hover_cell.row
        qtbot.waitUntil(lambda detail=detail: panel.card.question.text() == " ".join(detail.question.split()))
        assert panel.card.step.text() == step_text(detail, row, len(detail.steps))
        shown = panel.view.layout_now.rect_of(panel.view.hover_cell)
        assert panel.card.x() > shown.right() or panel.card.geometry().right() < shown.left()
        assert panel.view.rect().contains(panel.card.geometry())
        marks = dict(panel.card.marks.marks)
        assert marks.get("square", 0) == max(0, int(panel.data.verified[panel.view.hover_cell.column]))


def test_the_cursor_has_the_same_card_while_the_picture_has_the_focus(panel, qtbot):
    panel.view.setFocus()
    qtbot.waitUntil(panel.view.hasFocus)
    panel.view.set_cursor(Cell(3, 1))
    assert panel.card.isVisible()
    panel.controls.sort.setFocus()
    qtbot.waitUntil(lambda: not panel.card.isVisible())


@pytest.mark.parametrize("sort", ["first_error", "score", "question", "disagreement", "length"])
def test_groups_are_those_of_the_order(panel, qtbot, sort):
    panel.controls.sort.setCurrentIndex(panel.controls.sort.findData(sort))
    qtbot.waitUntil(lambda: panel._sort == sort)
    grid = panel.view.grid
    found = stretches(grid.groups, 0, grid.columns)
    assert len(found) == len({group for group, _, _ in found}), "each group stands together"
    assert {group for group, _, _ in found} <= grid.names.keys()
    if sort == "length":
        assert [int(group) for group, _, _ in found] == sorted(set(panel.data.n_steps.tolist()))


def test_the_picture_is_exported(panel, tmp_path):
    for name in ("heat.png", "heat.svg"):
        panel.view.export.write(tmp_path / name)
    image = QImage(str(tmp_path / "heat.png"))
    assert image.size() == panel.view.size() * 2
    assert "<image" in (tmp_path / "heat.svg").read_text()


def test_the_scores_in_view_are_exported(panel, tmp_path):
    panel.view.export.write(tmp_path / "heat.csv")
    head, *rows = (tmp_path / "heat.csv").read_text().splitlines()
    first, last = panel.view.visible_range
    assert head.split(",")[:3] == ["column", "group", "step 1 (score)"]
    assert len(rows) == last - first
    assert float(rows[0].split(",")[2]) == pytest.approx(float(panel.view.grid.values[first, 0]))


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
    assert panel.news.text().endswith((" new", "New scores"))
    QTest.mouseMove(panel.view, QPoint(-5, -5))
    panel.view.leaveEvent(QEvent(QEvent.Type.Leave))
    panel.refresh(change_of(store, live.run_id))
    qtbot.waitUntil(lambda: tasks.pool().idle)
    assert panel.data.ids.tolist() == shown, "only a click applies it"
    panel.news.click()
    assert panel.data.ids.tolist() != shown
    assert not panel.news.isVisible()


def rings(panel):
    return next(layer for layer in panel.view.grid.marks if layer.shape == "ring").rows


def test_a_picture_read_before_a_judgement_does_not_take_its_mark_away(panel, qtbot, store, run_id, hold):
    asked = panel.controls.selection.queries(run_id, panel.verifier, 20_000)
    tries = next(at for at, query in enumerate(asked, start=1) if queries.heatmap(store, query).total)
    held = hold(queries, "heatmap", which=tries)
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(lambda: len(held.found) == tries)
    trajectory = int(panel.data.ids[5])
    annotations.annotate(store, trajectory, "me", {1: -1})
    annotation_events().judged.emit(trajectory, 1)
    seen = []
    painted = panel.view.set_grid
    panel.view.set_grid = lambda grid, **more: (painted(grid, **more), seen.append(rings(panel)[5]))
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 2 * tries)  # what was read before is not shown, but read again
    settled(qtbot)
    assert rings(panel)[5] == 1
    assert set(seen) <= {1}


def test_news_that_wait_take_a_judgement_in(panel, qtbot, store, run_id):
    before = panel.data
    column = next(at for at in range(len(before.ids)) if before.human[at] != 2)
    trajectory = int(before.ids[column])
    panel.view.setFocus()
    qtbot.keyClick(panel.view, Qt.Key.Key_Right)  # somebody reads: nothing may move
    other = int(before.ids[column + 1])
    annotations.annotate(store, other, "somebody else", {1: -1})
    panel.refresh(change_of(store, run_id))
    qtbot.waitUntil(panel.news.isVisible)
    annotations.annotate(store, trajectory, "me", {1: 1, 2: -1})
    annotation_events().judged.emit(trajectory, 2)
    qtbot.mouseClick(panel.news, Qt.MouseButton.LeftButton)
    assert rings(panel)[column : column + 2].tolist() == [2, 1]
