"""Columns of scores as one picture, with marks, a cell cursor, zoom, and the scale always beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.features.heatmap.binning import (
    Grid,
    Ints,
    bin_edges,
    bin_means,
    count_stretches,
    empty_grid,
    stretches,
    to_rgba,
)
from sapo_ui.features.heatmap.draw_marks import draw_marks

WIDEST = 30.0
MARK_PIXELS, MERGED_PIXELS = 7, 18
LEFT, TOP, SCALE, STRIP, FOOT = 44, 4, 58, 7, 18


@dataclass(frozen=True)
class Cell:
    """A cell: `column` counts from 0, `row` from 1."""

    column: int
    row: int


class HeatmapView(QWidget):
    """Draws a `Grid`. Colours run from 0 to 1 whatever the data, so that two pictures compare.

    Where columns are narrower than a pixel, a pixel column shows their mean. Wheel zooms, drag or Shift+wheel
    pans, arrow keys move a
    cursor, Enter or a click asks to open a column.
    """

    hovered = Signal(object)
    """(Cell | None) What the pointer is on."""

    cursor_moved = Signal(object)
    """(Cell | None) What the keyboard is on."""

    activated = Signal(object)
    """(Cell) Clicked, or Enter pressed."""

    view_changed = Signal()
    """Zoomed, panned, resized or given another grid."""

    def __init__(self, parent: QWidget | None = None, *, row_name: str = "step", prefix: str = "q") -> None:
        super().__init__(parent)
        self._grid = empty_grid()
        self._first, self._last = 0, 0
        self._cursor: Cell | None = None
        self._hover: Cell | None = None
        self._press: tuple[QPointF, int] | None = None
        self._dragged = False
        self._row_name, self._prefix = row_name, prefix
        self._cache: tuple[object, ...] = ()
        self._cells = QPixmap()
        self._strip = QImage()
        self._edges: Ints = np.zeros(1, np.int64)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFont(theme.font("small"))
        theme.on_change(self, self._restyle)

    # What is shown

    @property
    def grid(self) -> Grid:
        """What is drawn."""
        return self._grid

    @property
    def cursor_cell(self) -> Cell | None:
        """Where the keyboard cursor is."""
        return self._cursor

    @property
    def hover_cell(self) -> Cell | None:
        """What the pointer is on."""
        return self._hover

    @property
    def visible_range(self) -> tuple[int, int]:
        """First visible column and the one after the last."""
        return self._first, self._last

    @property
    def merges_marks(self) -> bool:
        """Whether columns are so narrow that one mark stands for several of them."""
        return self._used() < (self._last - self._first) * MARK_PIXELS

    @property
    def per_pixel(self) -> float:
        """Columns that share a pixel column; at most 1 where each has at least its own."""
        return (self._last - self._first) / max(1.0, self._plot().width())

    def set_grid(self, grid: Grid, *, keep_view: bool = False) -> None:
        """Draw `grid`; `keep_view` keeps the zoom and the cursor, for a grid that has only grown."""
        whole = self._last - self._first >= self._grid.columns
        self._grid = grid
        self._cache = ()
        if not keep_view or whole:
            self._first, self._last = 0, grid.columns
        self._last = min(max(self._last, self._first), grid.columns)
        self._first = min(self._first, self._last)
        if self._cursor is not None and (not keep_view or self._cursor.column >= grid.columns):
            self._set_cursor(None)
        if self._hover is not None and self._hover.column >= grid.columns:
            self._hover = None
        self.update()
        self.view_changed.emit()

    def set_cursor(self, cell: Cell | None) -> None:
        """Put the keyboard cursor on `cell`, and bring it into view."""
        self._set_cursor(cell)

    def zoom(self, factor: float, centre: float | None = None) -> None:
        """Show `1/factor` as many columns, around column `centre` (None: the cursor, or the middle)."""
        n = self._grid.columns
        if not n:
            return
        span = self._last - self._first
        if centre is None:
            centre = self._cursor.column + 0.5 if self._cursor is not None else self._first + span / 2
        wanted = round(min(n, max(min(n, 8), span / factor)))
        share = (centre - self._first) / max(span, 1)
        self._show(round(centre - share * wanted), wanted)

    def pan(self, columns: int) -> None:
        """Move the visible part by `columns`."""
        self._show(self._first + columns, self._last - self._first)

    def fit(self) -> None:
        """Show every column."""
        self._show(0, self._grid.columns)

    def _show(self, first: int, span: int) -> None:
        n = self._grid.columns
        span = min(n, span)
        first = max(0, min(first, n - span))
        if (first, first + span) != (self._first, self._last):
            self._first, self._last = first, first + span
            self.update()
            self.view_changed.emit()

    def _restyle(self) -> None:
        self.update()

    # Geometry

    def sizeHint(self) -> QSize:
        return QSize(560, 260)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, 110)

    def _plot(self) -> QRectF:
        return QRectF(LEFT, TOP, max(1, self.width() - LEFT - SCALE), max(1, self.height() - TOP - STRIP - FOOT - 4))

    def _used(self) -> float:
        """Pixels that the visible columns fill: few columns are not stretched without end."""
        return min(self._plot().width(), (self._last - self._first) * WIDEST)

    def cell_at(self, at: QPointF) -> Cell | None:
        """The cell under `at`, which may be one without a step; None outside the columns. The strip below belongs
        to row 0."""
        plot, used = self._plot(), self._used()
        if not self._grid.columns or not plot.left() <= at.x() < plot.left() + used:
            return None
        if not plot.top() <= at.y() < plot.bottom() + 3 + STRIP:
            return None
        column = self._first + int((at.x() - plot.left()) / used * (self._last - self._first))
        row = int((at.y() - plot.top()) / plot.height() * self._grid.rows) + 1
        return Cell(min(column, self._last - 1), row if row <= self._grid.rows else 0)

    def rect_of(self, cell: Cell) -> QRectF:
        """Where `cell` is drawn."""
        plot, width = self._plot(), self._used() / max(1, self._last - self._first)
        height = plot.height() / max(1, self._grid.rows)
        return QRectF(
            plot.left() + (cell.column - self._first) * width, plot.top() + (cell.row - 1) * height, width, height
        )

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        plot, used = self._plot(), self._used()
        self._paint_scale(painter, plot)
        if self._grid.columns and self._grid.rows:
            body = QRectF(plot.left(), plot.top(), used, plot.height())
            painter.drawPixmap(0, 0, self._picture(body))
            self._paint_rows(painter, plot)
            self._paint_groups(painter, body)
            self._paint_pointers(painter, body)
        if self.hasFocus():
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)

    def _picture(self, body: QRectF) -> QPixmap:
        """Cells, lines and marks, kept until they change: the pointer moves over them far more often."""
        look, ratio = theme.current(), self.devicePixelRatioF()
        key = (id(self._grid), self._first, self._last, self.size(), look.name, ratio)
        if key == self._cache:
            return self._cells
        self._cache = key
        self._edges = bin_edges(self._first, self._last, max(1, int(body.width())))
        data = np.ascontiguousarray(to_rgba(bin_means(self._grid.values, self._edges), theme.cividis()))
        rows, columns = data.shape[:2]
        image = QImage(data.data, columns, rows, 4 * columns, QImage.Format.Format_RGBA8888)
        self._cells = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        self._cells.setDevicePixelRatio(ratio)
        self._cells.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._cells)
        self._paint_ground(painter, body)
        painter.drawImage(body, image)
        self._paint_lines(painter, body)
        bins = int(body.width() / MERGED_PIXELS) if self.merges_marks else self._last - self._first
        edges = bin_edges(self._first, self._last, max(1, bins))
        colours = (QColor(look.mark), QColor(look.mark_outline))
        draw_marks(painter, self._grid.marks, edges, self._grid.rows, body, colours)
        painter.end()
        self._strip = self._strip_image()
        return self._cells

    def _strip_image(self) -> QImage:
        """The strip below, one pixel a bin, for groups too narrow to be drawn one by one."""
        colours = [QColor(colour) for colour in theme.current().series]
        tones = np.array([(one.red(), one.green(), one.blue()) for one in colours], np.uint8)
        pixels = np.ascontiguousarray(tones[self._grid.groups[self._edges[:-1]] % len(tones)])
        return QImage(pixels.data, len(pixels), 1, 3 * len(pixels), QImage.Format.Format_RGB888).copy()

    def _paint_ground(self, painter: QPainter, body: QRectF) -> None:
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

    def _paint_lines(self, painter: QPainter, body: QRectF) -> None:
        rows = self._grid.rows
        surface = QColor(theme.current().surface)
        painter.setPen(QPen(surface, 1))
        if body.height() / rows >= 8:
            for row in range(1, rows):
                y = round(body.top() + row * body.height() / rows)
                painter.drawLine(QPointF(body.left(), y), QPointF(body.right(), y))
        span = self._last - self._first
        width = body.width() / span
        if width >= 5:
            for column in range(1, span):
                x = round(body.left() + column * width)
                painter.drawLine(QPointF(x, body.top()), QPointF(x, body.bottom()))
        count = count_stretches(self._grid.groups, self._first, self._last)
        if 1 < count <= body.width() / 8 and span > count:
            groups = stretches(self._grid.groups, self._first, self._last)
            painter.setPen(QPen(surface, 3 if width >= 5 else 1))
            for _, begin, _ in groups[1:]:
                x = round(body.left() + (begin - self._first) * width)
                painter.drawLine(QPointF(x, body.top()), QPointF(x, body.bottom()))

    def _paint_rows(self, painter: QPainter, plot: QRectF) -> None:
        look = theme.current()
        painter.setPen(QColor(look.muted))
        rows = self._grid.rows
        height = plot.height() / rows
        every = max(1, int(np.ceil(14 / height)))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for row in range(1, rows + 1, every):
            text = f"{self._row_name} {row}" if row == 1 else str(row)
            centre = plot.top() + (row - 0.5) * height
            painter.drawText(QRectF(0, centre - 8, LEFT - 6, 16), right, text)

    def _paint_groups(self, painter: QPainter, body: QRectF) -> None:
        """The strip under the columns: one tone a group, the same wherever the group turns up again, and names
        where there is room."""
        look = theme.current()
        span = self._last - self._first
        width = body.width() / span
        strip = QRectF(body.left(), body.bottom() + 3, body.width(), STRIP)
        tones = [QColor(colour) for colour in look.series]
        metrics = self.fontMetrics()
        pointed = self._hover or self._cursor
        chosen = int(self._grid.groups[pointed.column]) if pointed is not None else None
        narrow = count_stretches(self._grid.groups, self._first, self._last) * 6 > body.width()
        if narrow:
            painter.setOpacity(0.5)
            painter.drawImage(strip, self._strip)
            painter.setOpacity(1.0)
            part = self._grid.groups[self._first : self._last]
            for column in [] if chosen is None else np.flatnonzero(part == chosen).tolist():
                painter.fillRect(
                    QRectF(strip.left() + column * width, strip.top(), max(1.5, width), STRIP), QColor(look.accent)
                )
        edge = strip.left() - 100.0
        for group, begin, end in stretches(self._grid.groups, self._first, self._last, int(body.width() / 6)):
            left, right = strip.left() + (begin - self._first) * width, strip.left() + (end - self._first) * width
            if not narrow:
                tone = QColor(look.accent) if group == chosen else QColor(tones[group % len(tones)])
                tone.setAlphaF(1.0 if group == chosen else 0.5)
                painter.fillRect(QRectF(left, strip.top(), max(1.0, right - left - 1), STRIP), tone)
            centre = (left + right) / 2
            if centre < edge + 18:
                continue
            name = self._grid.group_names.get(group, f"{self._prefix} {group}")
            wide = metrics.horizontalAdvance(name)
            if centre - wide / 2 > edge + 10 and centre + wide / 2 <= strip.right() + 4:
                painter.setPen(QColor(look.text if group == chosen else look.muted))
                where = QRectF(centre - wide / 2 - 1, strip.bottom() + 1, wide + 2, 16)
                painter.drawText(where, Qt.AlignmentFlag.AlignCenter, name)
                edge = centre + wide / 2

    def _paint_pointers(self, painter: QPainter, body: QRectF) -> None:
        look = theme.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for cell, strong in ((self._hover, False), (self._cursor, True)):
            if cell is None or not self._first <= cell.column < self._last or cell.row < 1:
                continue
            where = self.rect_of(cell)
            if where.width() < 7:
                where = QRectF(where.center().x() - 3.5, where.top(), 7, where.height())
            where = where.adjusted(-1, -1, 1, 1)
            painter.setPen(QPen(QColor(look.mark_outline), 4 if strong else 3))
            painter.drawRect(where)
            painter.setPen(QPen(QColor(look.accent if strong and look.dark else look.mark), 2 if strong else 1))
            painter.drawRect(where)
        if self._last - self._first < self._grid.columns:
            n = self._grid.columns
            bar = QRectF(body.left(), self.height() - 3, body.width(), 2)
            painter.fillRect(bar, QColor(look.hairline))
            left = bar.left() + bar.width() * self._first / n
            painter.fillRect(
                QRectF(left, bar.top(), max(12.0, bar.width() * (self._last - self._first) / n), 2), QColor(look.muted)
            )

    def _paint_scale(self, painter: QPainter, plot: QRectF) -> None:
        look = theme.current()
        bar = QRectF(plot.right() + 14, plot.top() + 2, 9, max(20.0, plot.height() - 4))
        table = np.ascontiguousarray(theme.cividis()[::-1].reshape(256, 1, 3))
        painter.drawImage(bar, QImage(table.data, 1, 256, 3, QImage.Format.Format_RGB888).copy())
        painter.setPen(QColor(look.muted))
        for value, text in ((1.0, "1.0"), (0.5, "0.5"), (0.0, "0")):
            y = bar.bottom() - value * bar.height()
            y = min(max(y, bar.top() + 6), bar.bottom() - 6)
            where = QRectF(bar.right() + 5, y - 8, 28, 16)
            painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    # Input

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._press is not None and event.buttons() & Qt.MouseButton.LeftButton:
            moved = at.x() - self._press[0].x()
            if self._dragged or abs(moved) > 5:
                self._dragged = True
                span = self._last - self._first
                self._show(self._press[1] - round(moved / max(1.0, self._used()) * span), span)
                return
        self._set_hover(self.cell_at(at))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press, self._dragged = (event.position(), self._first), False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            return
        self._press = None
        cell = self.cell_at(event.position())
        if not self._dragged and cell is not None:
            self._set_cursor(Cell(cell.column, max(1, cell.row)))
            self.activated.emit(Cell(cell.column, max(1, cell.row)))

    def enterEvent(self, event: QEnterEvent) -> None:
        self._set_hover(self.cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        del event
        self._set_hover(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta()
        if turn.x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            amount = turn.x() or turn.y()
            self.pan(-round(amount / 120 * max(1, (self._last - self._first) // 10)))
        elif turn.y():
            cell = self.cell_at(QPointF(event.position().x(), self._plot().center().y()))
            self.zoom(1.25 ** (turn.y() / 120), None if cell is None else cell.column + 0.5)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        by_key = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if by_key and self._cursor is None and self._grid.columns:
            self._set_cursor(Cell(self._first, 1))
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._grid.columns:
            super().keyPressEvent(event)
            return
        key = Qt.Key(event.key())
        page = max(1, (self._last - self._first) // 10)
        move = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_K: (-1, 0),
            Qt.Key.Key_J: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
            Qt.Key.Key_PageUp: (-page, 0),
            Qt.Key.Key_PageDown: (page, 0),
            Qt.Key.Key_Home: (-self._grid.columns, 0),
            Qt.Key.Key_End: (self._grid.columns, 0),
        }.get(key)
        if move is not None:
            at = self._cursor or Cell(self._first, 1)
            if self._cursor is not None:
                column = max(0, min(self._grid.columns - 1, at.column + move[0]))
                at = Cell(column, max(1, min(self._grid.rows, at.row + move[1])))
            self._set_cursor(at)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1.6)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / 1.6)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._cursor is not None:
            self.activated.emit(self._cursor)
        else:
            super().keyPressEvent(event)

    def _set_cursor(self, cell: Cell | None) -> None:
        if cell != self._cursor:
            self._cursor = cell
            if cell is not None and not self._first <= cell.column < self._last:
                span = self._last - self._first
                self._show(cell.column if cell.column < self._first else cell.column - span + 1, span)
            self.update()
            self.cursor_moved.emit(cell)

    def _set_hover(self, cell: Cell | None) -> None:
        if cell != self._hover:
            self._hover = cell
            self.update()
            self.hovered.emit(cell)
