"""The keys of the configurations in which the runs differ, and, unfolded, those in which they do not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QHeaderView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from sapo_studio.app.comparison.records import ConfigRow
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.compare.dots import paint_dot
from sapo_ui.features.compare.fitted_table import FittedTable
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.row_table import dress_rows

Index = QModelIndex | QPersistentModelIndex
ROW, HEAD = 30, 26
LEAST_CELL, MOST_NAME, LEAST_KEY = 64, 110, 120
UNLIKE_ROLE = Qt.ItemDataRole.UserRole
CHANGED_ROLE = Qt.ItemDataRole.UserRole + 1


def written(value: object) -> str:
    """A value of the configuration, as a form would have it."""
    if value is None:
        return fmt.NONE
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class ConfigModel(QAbstractTableModel):
    """A row for each key, a column for each run."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[ConfigRow, ...] = ()
        self.runs: tuple[tuple[str, str, int | None], ...] = ()

    def show(self, rows: Sequence[ConfigRow], runs: Sequence[tuple[str, str, int | None]]) -> None:
        """Show these keys of the runs, which are (id, label, colour)s."""
        if (tuple(rows), tuple(runs)) != (self.rows, self.runs):
            self.beginResetModel()
            self.rows, self.runs = tuple(rows), tuple(runs)
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 1 + len(self.runs)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        at = index.column() - 1
        text = row.key if at < 0 else written(row.values[at])
        unlike = at >= 0 and row.unlike[at]
        changes = row.changes.get(self.runs[at][0], ()) if at >= 0 else ()
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == UNLIKE_ROLE:
            return unlike
        if role == CHANGED_ROLE:
            return bool(changes)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.key}: {text}{', unlike the baseline' if unlike else ''}" if at >= 0 else row.key
        if role == Qt.ItemDataRole.ToolTipRole:
            said = [text if at < 0 else f"{self.runs[at][1]}: {row.key} = {text}"]
            said += [f"{written(one.before)} until it was resumed {fmt.moment(one.at)}" for one in changes]
            return plain_tip("\n".join(said))
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Vertical or section > len(self.runs):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if section == 0 else self.runs[section - 1][1]
        if role == Qt.ItemDataRole.ToolTipRole:
            return "" if section == 0 else plain_tip(self.runs[section - 1][1])
        return None


class _Head(QHeaderView):
    """Names the runs, with their colours."""

    def __init__(self, model: ConfigModel, parent: QTableView) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._model = model
        self.setSectionsClickable(False)
        self.setFixedHeight(HEAD)

    def paintSection(self, painter: QPainter, rect: Any, logicalIndex: int) -> None:  # noqa: N803
        if not 0 < logicalIndex <= len(self._model.runs):
            return
        painter.save()
        where = QRectF(rect)
        _, name, slot = self._model.runs[logicalIndex - 1]
        paint_dot(painter, slot, where.left() + 9, where.center().y())
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(theme.current().muted))
        metrics = QFontMetricsF(painter.font())
        short = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, where.width() - 22)
        painter.drawText(where.adjusted(19, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, short)
        painter.restore()


class _Cells(QStyledItemDelegate):
    """A value that is unlike the baseline's stands on a tint."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        del option, index
        return QSize(LEAST_CELL, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = theme.current()
        rect = QRectF(option.rect)  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:  # pyright: ignore[reportAttributeAccessIssue]
            painter.fillRect(rect, QColor(look.raised))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unlike, key = bool(index.data(UNLIKE_ROLE)), index.column() == 0
        if unlike:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(rect.adjusted(2, 2, -2, -2), 4, 4)
        painter.setFont(theme.font("mono_small"))
        painter.setPen(QColor(look.text if key or unlike else look.muted))
        metrics = QFontMetricsF(painter.font())
        text = str(index.data()) + (" *" if index.data(CHANGED_ROLE) else "")
        elide = Qt.TextElideMode.ElideLeft if key else Qt.TextElideMode.ElideRight  # a key's end tells more
        short = metrics.elidedText(text, elide, rect.width() - 14)
        painter.drawText(rect.adjusted(8, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, short)
        painter.restore()


class ConfigTable(FittedTable):
    """Columns share the width; where there are many, it scrolls sideways."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = ConfigModel()
        self.setModel(self.keys)
        self.setAccessibleName("Configuration")
        dress_rows(self, ROW)
        self.setHorizontalHeader(_Head(self.keys, self))
        self.setItemDelegate(_Cells(self))
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        theme.on_change(self, self.viewport().update)

    def show_keys(self, rows: Sequence[ConfigRow], runs: Sequence[tuple[str, str, int | None]]) -> None:
        """Show these keys of the runs, which are (id, label, colour)s."""
        self.keys.show(rows, runs)
        self.fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(200, HEAD + 2 * ROW)

    def fit(self) -> None:
        """Divide the width: the keys what they need, each run the same."""
        runs = len(self.keys.runs)
        if not runs:
            return
        metrics, small = QFontMetricsF(theme.font("mono_small")), QFontMetricsF(theme.font("small"))
        named = max(small.horizontalAdvance(name) for _, name, _ in self.keys.runs) + 26
        least = max(LEAST_CELL, min(MOST_NAME, round(named)))
        longest = max((metrics.horizontalAdvance(row.key) for row in self.keys.rows), default=0.0)
        width = self.viewport().width()
        key = max(LEAST_KEY, min(round(longest) + 18, width - runs * least - 4))
        cell = max(LEAST_CELL, (width - key) // runs)
        self.setColumnWidth(0, key)
        for at in range(runs):
            self.setColumnWidth(at + 1, cell)
