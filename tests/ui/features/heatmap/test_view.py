"""The picture: colours of cells, keyboard, zoom."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from sapo_ui import theme
from sapo_ui.features.heatmap.binning import Grid, MarkLayer
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.features.heatmap.view import HeatmapView


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


def test_painted_colour_is_the_score(view):
    picture = view.grab().toImage()
    for column, row in ((0, 1), (4, 2), (11, 1)):
        box = view.layout_now.rect_of(Cell(column, row))
        at = QPoint(round(box.left() + 0.2 * box.width()), round(box.top() + 0.2 * box.height()))
        wanted = theme.score_colour(float(view.grid.values[column, row - 1]))
        got = picture.pixelColor(at)
        assert (
            max(abs(got.red() - wanted.red()), abs(got.green() - wanted.green()), abs(got.blue() - wanted.blue())) <= 3
        )


def test_no_step_looks_like_neither_a_score_nor_the_background(view):
    picture = view.grab().toImage()
    missing = next((c, r) for c in range(12) for r in range(1, 6) if np.isnan(view.grid.values[c, r - 1]))
    box = view.layout_now.rect_of(Cell(*missing)).adjusted(3, 3, -3, -3).toRect()
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
