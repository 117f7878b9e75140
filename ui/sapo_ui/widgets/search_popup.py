"""A list that is searched by typing: a line, and below it what matches, best first."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from sapo_ui import theme

ROW = 30
"""Pixels of a row."""


def matches(query: str, text: str) -> int | None:
    """How well `text` matches: lower is better, None not at all. Every word of the query must begin a word, or else
    occur, in it."""
    words, have = query.casefold().split(), text.casefold()
    score = 0
    for word in words:
        at = have.find(word)
        if at < 0:
            return None
        score += at if at == 0 or not have[at - 1].isalnum() else 100 + at
    return score


class SearchRows(QStyledItemDelegate):
    """A row, with the chosen one marked; `draw` is what stands in it."""

    pad = 10
    """Pixels free at the left and the right."""

    def draw(self, painter: QPainter, inside: Any, index: QModelIndex | QPersistentModelIndex) -> None:
        """Draw the texts of a row into the rectangle `inside`."""
        raise NotImplementedError

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        del option, index
        return QSize(100, ROW)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        where: Any = option.rect  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        state: Any = option.state  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.current().accent_soft))
            painter.drawRoundedRect(where, 4, 4)
        self.draw(painter, where.adjusted(self.pad, 0, -self.pad, 0), index)
        painter.restore()


class SearchPopup(QDialog):
    """The line keeps the focus; arrows move in the list, Enter or a click takes. It deletes itself once it is closed.

    `look` is that of its frame, `line_name` what the line is called, `names` what the list is; `rows` draws it.
    """

    def __init__(self, rows: SearchRows, look: str, line_name: str, names: str, hint: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        frame = QFrame(self)
        frame.setProperty("look", look)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self.column = QVBoxLayout(frame)
        self.column.setContentsMargins(theme.SPACE_2, theme.SPACE_2, theme.SPACE_2, theme.SPACE_2)
        self.column.setSpacing(theme.SPACE_2)
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        self.line.setAccessibleName(line_name)
        self.line.textChanged.connect(self.fill)
        self.line.installEventFilter(self)
        self.list = QListWidget()
        rows.setParent(self.list)
        self.list.setItemDelegate(rows)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(names)
        self.list.itemClicked.connect(self.take)
        self.column.addWidget(self.line)
        self.column.addWidget(self.list, 1)

    def fill(self, query: str) -> None:
        """Show what matches `query`."""
        raise NotImplementedError

    def take(self, item: QListWidgetItem) -> None:
        """This was chosen."""
        raise NotImplementedError

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.list.count():
                step = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self.list.count():
                    self.take(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)
