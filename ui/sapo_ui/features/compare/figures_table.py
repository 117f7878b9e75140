"""A table of the page: runs with their colours, numbers, and intervals on one axis."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from sapo_ui import theme
from sapo_ui.features.compare.dots import colour_of, paint_dot
from sapo_ui.features.compare.figures import Figures, Row
from sapo_ui.features.compare.fitted_table import FittedTable
from sapo_ui.widgets.interval_axis import paint_on_axis
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.row_table import dress_rows

Index = QModelIndex | QPersistentModelIndex
HEIGHT, HEAD = 30, 28
AXIS = 2
"""The column of the axis."""
AXIS_SIDE = 8
"""Pixels beside an axis, for the point at its end."""
NAME, LEAST_AXIS = 130, 84
ROW_ROLE = Qt.ItemDataRole.UserRole


class FiguresModel(QAbstractTableModel):
    """The rows of `figures`."""

    def __init__(self) -> None:
        super().__init__()
        self.figures = Figures((), (), (0.0, 1.0))
        self.ends = ("", "")

    def show(self, figures: Figures, ends: tuple[str, str]) -> None:
        """Show these; `ends`: what is written at both ends of the axis."""
        if (figures, ends) != (self.figures, self.ends):
            self.beginResetModel()
            self.figures, self.ends = figures, ends
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(self.figures.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self.figures.titles else 1 + len(self.figures.titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.figures.rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name if index.column() == 0 else row.cells[index.column() - 1]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(row.spoken)
        return row.spoken if role == Qt.ItemDataRole.AccessibleTextRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return "Run" if section == 0 else self.figures.titles[section - 1]


class _Head(QHeaderView):
    """Writes the ends of the axis over it."""

    def __init__(self, model: FiguresModel, parent: QTableView) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._model = model
        self.setSectionsClickable(False)
        self.setFont(theme.font("small"))
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setFixedHeight(HEAD)

    def paintSection(self, painter: QPainter, rect: Any, logicalIndex: int) -> None:  # noqa: N803
        painter.save()
        super().paintSection(painter, rect, logicalIndex)
        painter.restore()
        if logicalIndex == AXIS:
            painter.setFont(self.font())
            painter.setPen(QColor(theme.current().muted))
            inside = QRectF(rect).adjusted(AXIS_SIDE, 0, -AXIS_SIDE, 0)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(inside, middle | Qt.AlignmentFlag.AlignLeft, self._model.ends[0])
            painter.drawText(inside, middle | Qt.AlignmentFlag.AlignRight, self._model.ends[1])


class _Cells(QStyledItemDelegate):
    """Paints a run's name with its dot, and its interval; other cells as text."""

    def __init__(self, model: FiguresModel, parent: QTableView) -> None:
        super().__init__(parent)
        self._model = model

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(60, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        if not isinstance(row, Row):
            return
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:  # pyright: ignore[reportAttributeAccessIssue]
            painter.fillRect(rect, QColor(look.accent_soft))
            if index.column() == 0:
                painter.fillRect(QRectF(rect.left(), rect.top() + 5, 3, rect.height() - 10), QColor(look.accent))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = Qt.AlignmentFlag.AlignVCenter
        if index.column() == 0:
            self._name(painter, row, rect)
        elif index.column() == AXIS:
            if row.interval[0] is not None:
                where = rect.adjusted(AXIS_SIDE, 0, -AXIS_SIDE, 0)
                figures = self._model.figures
                paint_on_axis(painter, where, figures.axis, row.interval, colour_of(row.slot), zero=figures.zero)
        else:
            first = index.column() == 1
            painter.setFont(theme.font("strong" if first and self._model.figures.zero else "body"))
            text = str(index.data())
            painter.setPen(QColor(look.text if text and first else look.muted))
            short = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, rect.width() - 8)
            painter.drawText(rect.adjusted(8, 0, 0, 0), middle, short)
        painter.restore()

    @staticmethod
    def _name(painter: QPainter, row: Row, rect: QRectF) -> None:
        look = theme.current()
        paint_dot(painter, row.slot, rect.left() + 16, rect.center().y())
        small, own = theme.font("small"), theme.font("strong" if row.note.startswith("baseline") else "body")
        note = QFontMetricsF(small).horizontalAdvance(row.note) + 8 if row.note else 0.0
        room = rect.width() - 34
        if room - note < 56:  # better the name than what it is
            note = 0.0
        metrics = QFontMetricsF(own)
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideMiddle, room - note)
        painter.setFont(own)
        painter.setPen(QColor(look.text))
        painter.drawText(rect.adjusted(28, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)
        if note:
            painter.setFont(small)
            painter.setPen(QColor(look.muted))
            left = 28 + metrics.horizontalAdvance(name) + 8
            painter.drawText(rect.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, row.note)


class FiguresTable(FittedTable):
    """As high as its rows."""

    chosen = Signal(object)
    """(group: int) Somebody has gone to a row."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.figures = FiguresModel()
        self.setModel(self.figures)
        self.setAccessibleName(name)
        dress_rows(self, HEIGHT)
        self.setHorizontalHeader(_Head(self.figures, self))
        self.setItemDelegate(_Cells(self.figures, self))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTabKeyNavigation(False)
        self.selectionModel().currentRowChanged.connect(self._moved)
        theme.on_change(self, self.viewport().update)
        self.fit()

    def show_figures(self, figures: Figures, ends: tuple[str, str]) -> None:
        """Show these rows; the chosen one stays chosen."""
        group = self.group
        self.figures.show(figures, ends)
        self.choose(group)
        self.fit()

    @property
    def group(self) -> int | None:
        """The side of the chosen row."""
        row = self.currentIndex().data(ROW_ROLE)
        return row.group if isinstance(row, Row) else None

    def choose(self, group: int | None) -> None:
        """Choose the row of a side, without a signal; None: no row."""
        at = next((at for at, row in enumerate(self.figures.figures.rows) if row.group == group), None)
        blocked = self.selectionModel().blockSignals(True)
        if at is None:
            self.setCurrentIndex(QModelIndex())
            self.clearSelection()
        elif at != self.currentIndex().row():
            self.selectRow(at)
        self.selectionModel().blockSignals(blocked)
        self.viewport().update()

    def _moved(self, current: QModelIndex) -> None:
        row = current.data(ROW_ROLE)
        if isinstance(row, Row):
            self.chosen.emit(row.group)

    def sizeHint(self) -> QSize:
        return QSize(400, HEAD + HEIGHT * len(self.figures.figures.rows) + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(300, self.sizeHint().height())

    def fit(self) -> None:
        """Give each column what its texts need, name and axis the rest; where that is little, the last ones go."""
        self.updateGeometry()
        figures = self.figures.figures
        if not figures.titles:
            return
        small, strong = QFontMetricsF(theme.font("small")), QFontMetricsF(theme.font("strong"))
        wide: list[int] = []
        for at, title in enumerate(figures.titles):
            texts = [strong.horizontalAdvance(row.cells[at]) for row in figures.rows]
            wide.append(round(max([small.horizontalAdvance(title), *texts, 30.0])) + 18)
        ends = sum(small.horizontalAdvance(end) for end in self.figures.ends)
        axis = max(LEAST_AXIS, round(ends) + 2 * AXIS_SIDE + 12)
        room = self.viewport().width() - wide[0] - NAME - axis
        for at in range(2, len(wide)):
            shown = wide[at] <= room
            self.setColumnHidden(at + 1, not shown)
            room -= wide[at] if shown else 0
            self.setColumnWidth(at + 1, wide[at])
        room = max(0, room)
        names = [strong.horizontalAdvance(row.name) + small.horizontalAdvance(row.note) + 48 for row in figures.rows]
        name = min(NAME + room, max(NAME, round(max(names, default=0.0)), NAME + round(room * 0.3)))
        self.setColumnWidth(0, name)
        self.setColumnWidth(1, wide[0])
        self.setColumnWidth(AXIS, axis + NAME + room - name)
