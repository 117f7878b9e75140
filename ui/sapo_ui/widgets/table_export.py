"""The exports of a table: a picture of its rows with real text, and its cells as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QTableView

from sapo_ui import theme
from sapo_ui.widgets.panel_export import Exportable, PanelExport, Table

MOST_ROWS = 60
"""Rows of a picture; the numbers have all of them."""
HEAD, PAD = 28.0, 8.0


class TableExport(PanelExport):
    """Those of `table`. `rows`, of its model, gives its numbers."""

    def __init__(self, table: QTableView, rows: Callable[[], Table]) -> None:
        super().__init__(table)
        self._rows = rows

    @property
    def source(self) -> Exportable:
        return self

    @property
    def _view(self) -> QTableView:
        return cast("QTableView", self.parent())

    @property
    def has_content(self) -> bool:
        """Whether there is a row."""
        return self._view.model().rowCount() > 0

    def table(self) -> Table:
        """All rows."""
        return self._rows()

    def add_to_menu(self, menu: QMenu) -> None:
        """Nothing else."""

    def _columns(self) -> list[tuple[int, int]]:
        """The columns that are shown, and their widths."""
        view = self._view
        return [(at, view.columnWidth(at)) for at in range(view.model().columnCount()) if not view.isColumnHidden(at)]

    def _shown(self) -> range:
        """The rows of a picture: the first, or where there are many, those on the screen."""
        count = self._view.model().rowCount()
        first = max(0, self._view.rowAt(0)) if count > MOST_ROWS else 0
        return range(min(first, max(0, count - MOST_ROWS)), min(count, first + MOST_ROWS))

    def picture_size(self) -> QSize:
        """As wide as the columns that are shown, with the rows that are drawn."""
        rows = len(self._shown()) * self._view.verticalHeader().defaultSectionSize()
        return QSize(sum(width for _, width in self._columns()), round(HEAD) + rows)

    def paint_picture(self, painter: QPainter, where: QRectF) -> None:
        """Heads and rows, each cell a line."""
        look, x = theme.current(), 0.0
        high = float(self._view.verticalHeader().defaultSectionSize())
        for column, width in self._columns():
            painter.setPen(QColor(look.muted))
            painter.setFont(theme.font("small"))
            self._text(painter, QRectF(x, 0, width, HEAD), self._head(column), self._side(0, column))
            for place, row in enumerate(self._shown()):
                self._cell(painter, QRectF(x, HEAD + place * high, width, high), row, column)
            x += width
        painter.setPen(QColor(look.hairline))
        for place in range(len(self._shown())):
            y = HEAD + place * high
            painter.drawLine(QPointF(0, y), QPointF(where.width(), y))

    def _head(self, column: int) -> str:
        return str(self._view.model().headerData(column, Qt.Orientation.Horizontal) or "")

    def _side(self, row: int, column: int) -> Qt.AlignmentFlag:
        side = self._ask(row, column, Qt.ItemDataRole.TextAlignmentRole)
        right = side is not None and bool(Qt.AlignmentFlag(side) & Qt.AlignmentFlag.AlignRight)
        return Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft

    def _cell(self, painter: QPainter, where: QRectF, row: int, column: int) -> None:
        color = self._ask(row, column, Qt.ItemDataRole.ForegroundRole)
        font = self._ask(row, column, Qt.ItemDataRole.FontRole)
        sign = self._ask(row, column, Qt.ItemDataRole.DecorationRole)
        painter.setFont(font if isinstance(font, QFont) else theme.font("small"))
        painter.setPen(color if isinstance(color, QColor) else QColor(theme.current().text))
        if isinstance(sign, QPixmap):
            size = sign.deviceIndependentSize()
            at = QPointF(where.left() + PAD, where.center().y() - size.height() / 2)
            painter.drawPixmap(at, sign)
            where = where.adjusted(size.width() + PAD / 2, 0, 0, 0)
        text = self._ask(row, column, Qt.ItemDataRole.DisplayRole)
        self._text(painter, where, "" if text is None else str(text), self._side(row, column))

    def _ask(self, row: int, column: int, role: Qt.ItemDataRole) -> Any:
        return self._view.model().index(row, column).data(role)

    def _text(self, painter: QPainter, where: QRectF, text: str, side: Qt.AlignmentFlag) -> None:
        room = where.adjusted(PAD, 0, -PAD, 0)
        line = " ".join(text.split())
        shown = QFontMetricsF(painter.font()).elidedText(line, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | side, shown)
