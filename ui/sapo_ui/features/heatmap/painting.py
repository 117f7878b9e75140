"""How the heatmap is painted: a picture of cells and marks that is kept, and what is drawn over and around it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap

from sapo_ui import theme
from sapo_ui.features.heatmap.binning import (
    Grid,
    bin_edges,
    bin_means,
    count_stretches,
    stretches,
    to_rgba,
)
from sapo_ui.features.heatmap.draw_marks import draw_marks
from sapo_ui.features.heatmap.layout import LEFT, STRIP, Cell, Layout

MERGED_PIXELS = 18
"""Width of the bin that one mark stands for, where marks are merged."""

GROUP_PIXELS = 6
"""Of more groups than there are so many pixels for, only every n-th is drawn."""


class CellPicture:
    """Cells, lines and marks, kept until they change: the pointer moves over them far more often."""

    def __init__(self) -> None:
        self._key: tuple[Layout, str, float] | None = None
        self._cells = QPixmap()

    def clear(self) -> None:
        """Paint anew next time: there are other columns."""
        self._key = None

    def cells(self, grid: Grid, layout: Layout, ratio: float) -> QPixmap:
        """The picture of `grid`, as large as the widget, `ratio` device pixels to a pixel. It is painted anew after
        `clear`, or where layout, theme or ratio differ from before."""
        look = theme.current()
        key = (layout, look.name, ratio)
        if key == self._key:
            return self._cells
        self._key = key
        body = layout.body
        edges = bin_edges(layout.first, layout.last, max(1, int(body.width())))
        data = np.ascontiguousarray(to_rgba(bin_means(grid.values, edges), theme.cividis()))
        rows, columns = data.shape[:2]
        image = QImage(data.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
        self._cells = QPixmap(round(layout.width * ratio), round(layout.height * ratio))
        self._cells.setDevicePixelRatio(ratio)
        self._cells.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._cells)
        _paint_ground(painter, body)
        painter.drawImage(body, image)
        _paint_lines(painter, grid, layout)
        bins = int(body.width() / MERGED_PIXELS) if layout.merges_marks else layout.span
        mark_edges = bin_edges(layout.first, layout.last, max(1, bins))
        colours = (QColor(look.mark), QColor(look.mark_outline))
        draw_marks(painter, grid.marks, mark_edges, grid.rows, body, colours)
        painter.end()
        return self._cells


def _paint_ground(painter: QPainter, body: QRectF) -> None:
    """What cells without a step look like: a tone of its own, hatched, so that it is neither a score nor the
    background."""
    look = theme.current()
    painter.fillRect(body, QColor(look.no_step))
    hatch = QColor(look.border)
    hatch.setAlpha(150 if look.dark else 110)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(hatch)
    brush = painter.brush()
    brush.setStyle(Qt.BrushStyle.BDiagPattern)
    painter.fillRect(body, brush)


def _paint_lines(painter: QPainter, grid: Grid, layout: Layout) -> None:
    """Lines between rows, columns and groups, where there is room for them."""
    body, span = layout.body, layout.span
    surface = QColor(theme.current().surface)
    painter.setPen(QPen(surface, 1))
    if body.height() / grid.rows >= 8:
        for row in range(1, grid.rows):
            y = round(body.top() + row * body.height() / grid.rows)
            painter.drawLine(QPointF(body.left(), y), QPointF(body.right(), y))
    width = body.width() / span
    if width >= 5:
        for column in range(1, span):
            x = round(body.left() + column * width)
            painter.drawLine(QPointF(x, body.top()), QPointF(x, body.bottom()))
    count = count_stretches(grid.groups, layout.first, layout.last)
    if 1 < count <= body.width() / 8 and span > count:
        groups = stretches(grid.groups, layout.first, layout.last)
        painter.setPen(QPen(surface, 3 if width >= 5 else 1))
        for _, begin, _ in groups[1:]:
            x = round(body.left() + (begin - layout.first) * width)
            painter.drawLine(QPointF(x, body.top()), QPointF(x, body.bottom()))


def paint_rows(painter: QPainter, layout: Layout) -> None:
    """The numbers of the rows, as many as fit."""
    plot = layout.plot
    painter.setPen(QColor(theme.current().muted))
    height = plot.height() / layout.rows
    every = max(1, int(np.ceil(14 / height)))
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for row in range(1, layout.rows + 1, every):
        text = f"step {row}" if row == 1 else str(row)
        centre = plot.top() + (row - 0.5) * height
        painter.drawText(QRectF(0, centre - 8, LEFT - 6, 16), right, text)


def paint_groups(painter: QPainter, grid: Grid, layout: Layout, pointed: Cell | None) -> None:
    """Under the columns, a bar for each group of the order that they stand in, and its name and size where there is
    room. The group of the `pointed` cell stands out."""
    look = theme.current()
    strip = layout.strip
    width = strip.width() / layout.span
    metrics = painter.fontMetrics()
    chosen = int(grid.groups[pointed.column]) if pointed is not None and pointed.column < grid.columns else None
    edge = strip.left() - 100.0
    painter.setPen(Qt.PenStyle.NoPen)
    for group, begin, end in stretches(grid.groups, layout.first, layout.last, int(strip.width() / GROUP_PIXELS)):
        left, right = strip.left() + (begin - layout.first) * width, strip.left() + (end - layout.first) * width
        gap = 2.0 if right - left > 6 else 0.0
        tone = QColor(look.accent if group == chosen else look.border)
        painter.fillRect(QRectF(left, strip.top(), max(1.0, right - left - gap), STRIP), tone)
        whole, short = grid.names.get(group, ("", ""))
        for name in (f"{whole} \u00b7 {end - begin:,}", whole, short):
            wide = metrics.horizontalAdvance(name)
            start = (left + right - wide) / 2
            if name and wide <= right - left - 4 and start > edge + 8:
                painter.setPen(QColor(look.text if group == chosen else look.muted))
                where = QRectF(start - 1, strip.bottom() + 2, wide + 2, 16)
                painter.drawText(where, Qt.AlignmentFlag.AlignCenter, name)
                edge = start + wide
                break


def paint_cursors(painter: QPainter, layout: Layout, hover: Cell | None, cursor: Cell | None) -> None:
    """Frames around what the pointer is on and, stronger, what the keyboard is on."""
    look = theme.current()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for cell, strong in ((hover, False), (cursor, True)):
        if cell is None or not layout.first <= cell.column < layout.last or cell.row < 1:
            continue
        where = layout.rect_of(cell)
        if where.width() < 7:
            where = QRectF(where.center().x() - 3.5, where.top(), 7, where.height())
        where = where.adjusted(-1, -1, 1, 1)
        painter.setPen(QPen(QColor(look.mark_outline), 4 if strong else 3))
        painter.drawRect(where)
        painter.setPen(QPen(QColor(look.accent if strong and look.dark else look.mark), 2 if strong else 1))
        painter.drawRect(where)


def paint_zoom(painter: QPainter, layout: Layout, columns: int) -> None:
    """A thin bar at the foot that says which part of all `columns` is in view; nothing where that is all."""
    if layout.span >= columns:
        return
    look = theme.current()
    body = layout.body
    bar = QRectF(body.left(), layout.height - 3, body.width(), 2)
    painter.fillRect(bar, QColor(look.hairline))
    left = bar.left() + bar.width() * layout.first / columns
    painter.fillRect(QRectF(left, bar.top(), max(12.0, bar.width() * layout.span / columns), 2), QColor(look.muted))


def paint_scale(painter: QPainter, layout: Layout) -> None:
    """The colours of the scores, from 1 to 0, always in sight."""
    plot = layout.plot
    bar = QRectF(plot.right() + 14, plot.top() + 2, 9, max(20.0, plot.height() - 4))
    table = np.ascontiguousarray(theme.cividis()[::-1].reshape(256, 1, 3))
    painter.drawImage(bar, QImage(table.data, 1, 256, 3, QImage.Format.Format_RGB888).copy())
    painter.setPen(QColor(theme.current().muted))
    for value, text in ((1.0, "1.0"), (0.5, "0.5"), (0.0, "0")):
        y = bar.bottom() - value * bar.height()
        y = min(max(y, bar.top() + 6), bar.bottom() - 6)
        where = QRectF(bar.right() + 5, y - 8, 28, 16)
        painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
