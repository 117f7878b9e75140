"""Where things are drawn: every cell is found where it lies, and few columns are not stretched."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF

from sapo_ui.features.heatmap.layout import WIDEST, Cell, Layout


@pytest.mark.parametrize(("first", "last"), [(0, 12), (3, 7), (100, 400)])
def test_every_cell_is_found_where_it_is_drawn(first, last):
    layout = Layout(600, 260, first, last, rows=5)
    for column in range(first, last):
        for row in range(1, 6):
            assert layout.cell_at(layout.rect_of(Cell(column, row)).center()) == Cell(column, row)


def test_beside_the_columns_there_is_no_cell_and_below_them_lies_the_strip():
    layout = Layout(600, 260, 0, 12, rows=5)
    assert layout.cell_at(QPointF(2, 2)) is None
    assert layout.cell_at(QPointF(598, 20)) is None
    assert layout.cell_at(QPointF(layout.strip.left() + 1, layout.strip.center().y())) == Cell(0, 0)
    assert layout.cell_at(QPointF(layout.strip.left() + 1, layout.strip.bottom() + 1)) is None
    assert Layout(600, 260, 0, 0, rows=0).cell_at(layout.body.center()) is None


def test_few_columns_keep_their_width_and_many_share_pixels_and_marks():
    assert Layout(600, 260, 0, 4, rows=5).body.width() == 4 * WIDEST
    few, many = Layout(600, 260, 0, 40, rows=5), Layout(600, 260, 0, 20_000, rows=5)
    assert not few.merges_marks
    assert few.per_pixel < 1
    assert many.merges_marks
    assert many.per_pixel > 10
