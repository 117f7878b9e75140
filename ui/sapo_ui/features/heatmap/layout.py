"""Where everything of the heatmap is drawn: columns, rows, the strip below, the scale beside. No painting here."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

LEFT, TOP, SCALE, STRIP, FOOT = 44, 4, 52, 4, 20
"""Pixels beside the columns: row names, room above, scale, bars of the groups, group names."""

STRIP_GAP = 3
WIDEST = 30.0
"""A column is never wider."""

MARK_PIXELS = 7
"""Below this width of a column, one mark stands for several columns."""


@dataclass(frozen=True)
class Cell:
    """A cell: `column` counts from 0, `row` from 1 (0: the strip below)."""

    column: int
    row: int


@dataclass(frozen=True)
class Layout:
    """A picture of `width` x `height` pixels that shows the columns `first` to `last` (exclusive), each of `rows`
    rows."""

    width: int
    height: int
    first: int
    last: int
    rows: int

    @property
    def span(self) -> int:
        """How many columns are in view."""
        return self.last - self.first

    @property
    def plot(self) -> QRectF:
        """The room for columns."""
        return QRectF(LEFT, TOP, max(1, self.width - LEFT - SCALE), max(1, self.height - TOP - STRIP - FOOT - 4))

    @property
    def body(self) -> QRectF:
        """The part of it that columns fill: few columns are not stretched without end."""
        plot = self.plot
        return QRectF(plot.left(), plot.top(), min(plot.width(), self.span * WIDEST), plot.height())

    @property
    def strip(self) -> QRectF:
        """The strip below the columns."""
        body = self.body
        return QRectF(body.left(), body.bottom() + STRIP_GAP, body.width(), STRIP)

    @property
    def merges_marks(self) -> bool:
        """Whether columns are so narrow that one mark stands for several of them."""
        return self.body.width() < self.span * MARK_PIXELS

    @property
    def per_pixel(self) -> float:
        """Columns that share a pixel column; at most 1 where each has at least its own."""
        return self.span / max(1.0, self.plot.width())

    def cell_at(self, at: QPointF) -> Cell | None:
        """The cell under `at`, which may be one without a step; None outside the columns. The strip below belongs
        to row 0."""
        body = self.body
        if not self.span or not body.left() <= at.x() < body.right():
            return None
        if not body.top() <= at.y() < self.strip.bottom():
            return None
        column = self.first + int((at.x() - body.left()) / body.width() * self.span)
        row = int((at.y() - body.top()) / body.height() * self.rows) + 1
        return Cell(min(column, self.last - 1), row if row <= self.rows else 0)

    def rect_of(self, cell: Cell) -> QRectF:
        """Where `cell` is drawn."""
        body = self.body
        width, height = body.width() / max(1, self.span), body.height() / max(1, self.rows)
        return QRectF(
            body.left() + (cell.column - self.first) * width, body.top() + (cell.row - 1) * height, width, height
        )
