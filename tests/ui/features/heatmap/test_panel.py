"""The heatmap: cells, marks, zoom, keyboard, live growth, what it does while it is read."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from sapo_studio.events import kinds as k
from sapo_studio.store import annotations, queries
from sapo_ui import theme
from sapo_ui.features.heatmap.binning import (
    Grid,
    MarkLayer,
    bin_edges,
    bin_marks,
    bin_means,
    count_stretches,
    stretches,
    to_rgba,
)
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.features.heatmap.view import Cell, HeatmapView
from sapo_ui.services.annotations import annotation_events
from tests.fixtures.synthetic import synthetic_run
from tests.ui.panel_helpers import Live, change_of, show


def grid(n=12, rows=5, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.random((n, rows)).astype(np.float32)
    for column in range(n):
        values[column, 2 + column % (rows - 1) :] = np.nan
    error = rng.integers(0, 3, n).astype(np.int64)
    return Grid(values, np.arange(n, dtype=np.int64) // 3, (MarkLayer("verified", "square", error),))


@pytest.fixture
def view(qtbot):
    made = HeatmapView()
    qtbot.addWidget(made)
    made.resize(600, 260)
    made.set_grid(grid())
    made.show()
    return made


@pytest.fixture
def run_id(store):
    return synthetic_run(store, iterations=2, questions=20, trajectories=80)


@pytest.fixture
def panel(qtbot, run_id):
    made = show(qtbot, HeatmapPanel(), run_id)
    qtbot.waitUntil(lambda: made.data is not None, timeout=5000)
    return made


def test_bins_cover_every_column_once():
    for n in (1, 7, 1000, 20_000):
        edges = bin_edges(0, n, 640)
        assert edges[0] == 0
        assert edges[-1] == n
        assert (np.diff(edges) > 0).all()
        assert len(edges) - 1 == min(n, 640)


def test_means_are_over_the_steps_that_there_are():
    values = np.array([[0.2, np.nan], [0.4, 0.8], [1.0, np.nan]], np.float32)
    means = bin_means(values, np.array([0, 2, 3]))
    assert np.allclose(means, [[0.3, 0.8], [1.0, np.nan]], equal_nan=True)


def test_a_mark_stands_for_the_most_frequent_one_and_a_person_s_always_stays():
    rows = np.array([2, 2, 3, 0, 0, 0, 0, 0, 0, 4])
    edges = np.array([0, 5, 10])
    assert bin_marks(MarkLayer("verified", "square", rows), edges, 5) == [(0, 2)]
    assert bin_marks(MarkLayer("person", "ring", rows, always=True), edges, 5) == [(0, 2), (0, 3), (1, 4)]


def test_stretches_of_groups():
    groups = np.array([1, 1, 2, 2, 2, 1])
    assert stretches(groups, 0, 6) == [(1, 0, 2), (2, 2, 5), (1, 5, 6)]
    assert stretches(groups, 1, 4) == [(1, 1, 2), (2, 2, 4)]
    assert count_stretches(groups, 0, 6) == 3


def test_colours_are_fixed_and_missing_steps_are_not_painted():
    image = to_rgba(np.array([[0.0, 1.0, np.nan]], np.float32), theme.cividis())
    assert image[0, 0, :3].tolist() == theme.cividis()[0].tolist()
    assert image[1, 0, :3].tolist() == theme.cividis()[255].tolist()
    assert image[:, 0, 3].tolist() == [255, 255, 0]


def test_every_cell_is_found_where_it_is_drawn(view):
    for column in range(view.grid.columns):
        for row in range(1, view.grid.rows + 1):
            assert view.cell_at(view.rect_of(Cell(column, row)).center()) == Cell(column, row)
    assert view.cell_at(QPointF(2, 2)) is None
    assert view.cell_at(QPointF(view.width() - 2, 20)) is None


def test_painted_colour_is_the_score(view):
    picture = view.grab().toImage()
    for column, row in ((0, 1), (4, 2), (11, 1)):
        box = view.rect_of(Cell(column, row))
        at = QPoint(round(box.left() + 0.2 * box.width()), round(box.top() + 0.2 * box.height()))
        wanted = theme.score_colour(float(view.grid.values[column, row - 1]))
        got = picture.pixelColor(at)
        assert (
            max(abs(got.red() - wanted.red()), abs(got.green() - wanted.green()), abs(got.blue() - wanted.blue())) <= 3
        )


def test_no_step_looks_like_neither_a_score_nor_the_background(view):
    picture = view.grab().toImage()
    missing = next((c, r) for c in range(12) for r in range(1, 6) if np.isnan(view.grid.values[c, r - 1]))
    box = view.rect_of(Cell(*missing)).adjusted(3, 3, -3, -3).toRect()
    seen = {
        picture.pixelColor(x, y).name() for x in range(box.left(), box.right()) for y in range(box.top(), box.bottom())
    }
    assert theme.current().no_step in seen
    assert len(seen) > 1  # hatched


def test_keyboard_moves_a_cursor_and_opens(view, qtbot):
    opened = []
    view.activated.connect(opened.append)
    view.clearFocus()
    view.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(view.hasFocus)
    assert view.cursor_cell == Cell(0, 1)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_J):
        qtbot.keyClick(view, key)
    assert view.cursor_cell == Cell(2, 2)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert opened == [Cell(2, 2)]
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.cursor_cell == Cell(11, 2)


def test_zoom_keeps_the_cursor_in_view_and_fit_undoes_it(qtbot, view):
    view.set_grid(grid(2000))
    view.set_cursor(Cell(1500, 1))
    view.zoom(10)
    first, last = view.visible_range
    assert last - first == 200
    assert first <= 1500 < last
    view.set_cursor(Cell(3, 1))
    assert view.visible_range[0] == 3
    view.set_grid(grid(2100), keep_view=True)
    assert view.visible_range == (3, 203)
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.visible_range == (0, 2100)


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
    QTest.mouseMove(panel.view, panel.view.rect_of(Cell(column, row)).center().toPoint())
    qtbot.waitUntil(lambda: panel.readout.step.text() != "")
    detail = queries.trace(store, int(panel.data.ids[column]))
    assert panel.readout.step.text() == detail.steps[row - 1]
    facts = panel.readout.facts.text()
    assert f"V{panel.verifier} {panel.data.scores[column, row - 1]:.2f}" in facts
    assert "verified first error" in facts
    assert any(f"{label.source}: wrong" in facts for label in detail.labels)


def test_click_opens_the_trace(panel, qtbot):
    with qtbot.waitSignal(panel.trace_requested) as caught:
        at = panel.view.rect_of(Cell(7, 1)).center().toPoint()
        qtbot.mouseClick(panel.view, Qt.MouseButton.LeftButton, pos=at)
    assert caught.args == [int(panel.data.ids[7])]


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
    qtbot.waitUntil(lambda: panel.data is not None and panel.data.total > 0, timeout=5000)
    total = first = panel.data.total
    while total == first and live.until(lambda event: isinstance(event, k.Scores)):
        panel.refresh(change_of(store, live.run_id))
        asked = panel.controls.selection.queries(live.run_id, queries.verifiers_of(store, live.run_id)[-1], 20_000)
        total = next((n for n in (queries.heatmap(store, query).total for query in asked) if n), 0)
    qtbot.waitUntil(lambda: panel.data.total == total, timeout=5000)
    QTest.mouseMove(panel.view, panel.view.rect_of(Cell(1, 1)).center().toPoint())
    qtbot.waitUntil(lambda: panel.view.hover_cell is not None)
    shown = panel.data.ids.tolist()
    for _ in range(6):
        live.until(lambda event: isinstance(event, k.Scores))
    panel.refresh(change_of(store, live.run_id))
    qtbot.waitUntil(panel.news.isVisible, timeout=5000)
    assert panel.news.text().endswith(", show")
    assert panel.data.ids.tolist() == shown
    panel.news.click()
    assert panel.data.ids.tolist() != shown
    assert not panel.news.isVisible()
