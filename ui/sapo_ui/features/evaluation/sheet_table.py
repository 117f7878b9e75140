"""A table of results in the window, as the command prints it: as high as its rows, so that several stand below each
other."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHeaderView, QSizePolicy, QTableView, QWidget

from sapo_studio.app.reports.sheets import Sheet
from sapo_ui import theme
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.row_table import dress_rows

Index = QModelIndex | QPersistentModelIndex
ROW, HEAD = 24, 26
LEAST_WORDS = 84
"""Pixels that the first column keeps; what does not fit beside it is scrolled to."""


class SheetModel(QAbstractTableModel):
    """The rows of `sheet`."""

    def __init__(self, sheet: Sheet, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sheet = sheet

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own way to ask
        return 0 if parent.isValid() else len(self.sheet.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self.sheet.rows else len(self.sheet.rows[0])

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not self.sheet.heads:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(section)
        return self.sheet.heads[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        text = self.sheet.rows[index.row()][index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return text
            case Qt.ItemDataRole.FontRole:
                return theme.font("mono_small" if index.column() else "small")
            case Qt.ItemDataRole.TextAlignmentRole:
                return self._side(index.column())
            case Qt.ItemDataRole.ForegroundRole if self._bars(index.column()):
                return QColor(theme.current().accent)
            case Qt.ItemDataRole.ToolTipRole if not self._bars(index.column()):
                return plain_tip(text)
            case Qt.ItemDataRole.AccessibleTextRole if self._named(index.column()):
                return f"{self.sheet.heads[index.column()]}: {text}"
            case _:
                return None

    def _named(self, column: int) -> bool:
        return bool(self.sheet.heads) and bool(self.sheet.heads[column])

    def _bars(self, column: int) -> bool:
        return 0 < column == len(self.sheet.heads) - 1 and not self._named(column)

    def _side(self, column: int) -> Qt.AlignmentFlag:
        """Numbers stand on the right; bars, which have no head, begin on the left as words do."""
        side = Qt.AlignmentFlag.AlignLeft if column == 0 or self._bars(column) else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter


class SheetTable(QTableView):
    """Shows one sheet. Ctrl+C copies it, to be pasted into a document or a spreadsheet."""

    def __init__(self, sheet: Sheet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sheet = sheet
        self.setModel(SheetModel(sheet, self))
        dress_rows(self, ROW)
        self.setAccessibleName(sheet.title)
        self.setFont(theme.font("small"))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        header = self.horizontalHeader()
        header.setFont(theme.font("small"))
        header.setSectionsClickable(False)
        header.setVisible(bool(sheet.heads))
        header.setFixedHeight(HEAD)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._liked: list[int] = []
        self._measure()

    def sizeHint(self) -> QSize:
        return QSize(320, self.minimumHeight())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._measure()  # fonts and spaces are those of the style sheet now

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            lines = [row for row in (self.sheet.heads, *self.sheet.rows) if row]
            QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines))
        else:
            super().keyPressEvent(event)

    def _measure(self) -> None:
        self.resizeColumnsToContents()
        self._liked = [self.columnWidth(column) for column in range(self.model().columnCount())]
        self._fit()

    def _fit(self) -> None:
        """The words get what the numbers leave; numbers are never cut, since half of one looks like another."""
        if not self._liked:
            return
        room = self.width() - 2 * self.frameWidth()
        words = max(LEAST_WORDS, room - sum(self._liked[1:]))
        if self.columnWidth(0) != words:
            self.setColumnWidth(0, words)
        bar = self.horizontalScrollBar()
        over = words + sum(self._liked[1:]) > room
        head = HEAD if self.sheet.heads else 0
        high = head + ROW * len(self.sheet.rows) + 2 * self.frameWidth() + (bar.sizeHint().height() if over else 0)
        if high != self.minimumHeight():
            self.setFixedHeight(high)
