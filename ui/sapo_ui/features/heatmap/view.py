"""The heatmap's widget: which columns are in view, the cell cursor, mouse and keyboard. layout says where things are,
painting draws them."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from sapo_ui import theme
from sapo_ui.features.heatmap.binning import Grid, empty_grid
from sapo_ui.features.heatmap.layout import Cell, Layout
from sapo_ui.features.heatmap.painting import (
    CellPicture,
    paint_cursors,
    paint_groups,
    paint_rows,
    paint_scale,
    paint_zoom,
)
from sapo_ui.widgets.charts.chart_frame import ChartFrame
from sapo_ui.widgets.panel_export import Table, with_unit

LEAST_COLUMNS = 8
"""Zooming in ends here."""


class HeatmapView(ChartFrame):
    """Draws a `Grid`. Colours run from 0 to 1 whatever the data, so that two pictures compare.

    Where columns are narrower than a pixel, a pixel column shows their mean. Wheel zooms, drag or Shift+wheel pans,
    arrow keys move a cursor, Enter or a click asks to open a column.
    """

    hovered = Signal(object)
    """(Cell | None) What the pointer is on."""

    cursor_moved = Signal(object)
    """(Cell | None) What the keyboard is on."""

    activated = Signal(object)
    """(Cell) Clicked, or Enter pressed."""

    view_changed = Signal()
    """Zoomed, panned, resized or given another grid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = empty_grid()
        self._picture = CellPicture()
        self._first, self._last = 0, 0
        self._cursor: Cell | None = None
        self._hover: Cell | None = None
        self._press: tuple[QPointF, int] | None = None
        self._dragged = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        return QSize(560, 260)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, 110)

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
    def layout_now(self) -> Layout:
        """Where everything is, at this size and zoom."""
        return Layout(self.width(), self.height(), self._first, self._last, self._grid.rows)

    def set_grid(self, grid: Grid, *, keep_view: bool = False) -> None:
        """Draw `grid`; `keep_view` keeps the zoom and the cursor, for a grid that has only grown."""
        whole = self._last - self._first >= self._grid.columns
        self._grid = grid
        self._picture.clear()
        if not keep_view or whole:
            self._first, self._last = 0, grid.columns
        self._last = min(max(self._last, self._first), grid.columns)
        self._first = min(self._first, self._last)
        if self._cursor is not None and (not keep_view or self._cursor.column >= grid.columns):
            self.set_cursor(None)
        if self._hover is not None and self._hover.column >= grid.columns:
            self._hover = None
        self.update()
        self.view_changed.emit()

    def set_cursor(self, cell: Cell | None) -> None:
        """Put the keyboard cursor on `cell`, and bring it into view."""
        if cell != self._cursor:
            self._cursor = cell
            if cell is not None and not self._first <= cell.column < self._last:
                span = self._last - self._first
                self._show(cell.column if cell.column < self._first else cell.column - span + 1, span)
            self.update()
            self.cursor_moved.emit(cell)

    def zoom(self, factor: float, centre: float | None = None) -> None:
        """Show `1/factor` as many columns, around column `centre` (None: the cursor, or the middle)."""
        n = self._grid.columns
        if not n:
            return
        span = self._last - self._first
        if centre is None:
            centre = self._cursor.column + 0.5 if self._cursor is not None else self._first + span / 2
        wanted = round(min(n, max(min(n, LEAST_COLUMNS), span / factor)))
        share = (centre - self._first) / max(span, 1)
        self._show(round(centre - share * wanted), wanted)

    def pan(self, columns: int) -> None:
        """Move the visible part by `columns`."""
        self._show(self._first + columns, self._last - self._first)

    def show_range(self, first: int, last: int) -> None:
        """Show the columns `first` to `last` (exclusive), as far as there are any."""
        self._show(first, max(LEAST_COLUMNS, last - first))

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

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        self._paint(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)

    @property
    def has_content(self) -> bool:
        return self._grid.columns > 0

    def paint_picture(self, painter: QPainter, where: QRectF) -> None:
        del where
        self._paint(painter)

    def add_to_menu(self, menu: QMenu) -> None:
        menu.addAction("Show &every trajectory").triggered.connect(self.fit)

    def table(self) -> Table:
        """A row a column in view: its place in the order, what it belongs to, the score of each step."""
        layout = self.layout_now
        return _rows(self._grid, layout.first, layout.last)

    def _paint(self, painter: QPainter) -> None:
        grid, layout = self._grid, self.layout_now
        painter.setFont(self.font())
        paint_scale(painter, layout)
        if grid.columns and grid.rows:
            painter.drawPixmap(0, 0, self._picture.cells(grid, layout, self.devicePixelRatioF()))
            paint_rows(painter, layout)
            paint_groups(painter, grid, layout, self._hover or self._cursor)
            paint_cursors(painter, layout, self._hover, self._cursor)
            paint_zoom(painter, layout, grid.columns)

    # Input

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at, layout = event.position(), self.layout_now
        if self._press is not None and event.buttons() & Qt.MouseButton.LeftButton:
            moved = at.x() - self._press[0].x()
            if self._dragged or abs(moved) > 5:
                self._dragged = True
                self._show(self._press[1] - round(moved / max(1.0, layout.body.width()) * layout.span), layout.span)
                return
        self._set_hover(layout.cell_at(at))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._press, self._dragged = (event.position(), self._first), False

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._press is None:
            return
        self._press = None
        cell = self.layout_now.cell_at(event.position())
        if not self._dragged and cell is not None:
            self.set_cursor(Cell(cell.column, max(1, cell.row)))
            self.activated.emit(cell)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._set_hover(self.layout_now.cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        del event
        self._set_hover(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn, layout = event.angleDelta(), self.layout_now
        if turn.x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            amount = turn.x() or turn.y()
            self.pan(-round(amount / 120 * max(1, layout.span // 10)))
        elif turn.y():
            cell = layout.cell_at(QPointF(event.position().x(), layout.plot.center().y()))
            self.zoom(1.25 ** (turn.y() / 120), None if cell is None else cell.column + 0.5)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        by_key = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        if by_key and self._cursor is None and self._grid.columns:
            self.set_cursor(Cell(self._first, 1))
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
            self.set_cursor(at)
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

    def _set_hover(self, cell: Cell | None) -> None:
        if cell != self._hover:
            self._hover = cell
            self.update()
            self.hovered.emit(cell)


def _rows(grid: Grid, first: int, last: int) -> Table:
    """The columns from `first` to `last` as rows, made one by one: there may be tens of thousands."""
    yield ("column", "group", *(with_unit(f"step {row + 1}", "score") for row in range(grid.rows)))
    for at in range(first, last):
        yield (at + 1, grid.names.get(int(grid.groups[at]), ("", ""))[0], *map(float, grid.values[at]))
