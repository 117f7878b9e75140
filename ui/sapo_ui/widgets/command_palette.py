"""Ctrl+K: type a few letters of an action's name, press Enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from PySide6.QtGui import QAction, QColor, QKeyEvent, QPainter
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
from sapo_ui.widgets.plain_text import plain_tip

KEYS_ROLE = Qt.ItemDataRole.UserRole + 1


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


class _Rows(QStyledItemDelegate):
    """An action a row: its name on the left, its shortcut on the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        del option, index
        return QSize(100, 30)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        look = theme.current()
        where: Any = option.rect  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        state: Any = option.state  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(where, 4, 4)
        inside = where.adjusted(10, 0, -10, 0)
        menu, _, name = str(index.data()).partition(": ")
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        painter.drawText(inside, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, index.data(KEYS_ROLE))
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, menu)
        painter.setFont(theme.font("body"))
        painter.setPen(QColor(look.text))
        painter.drawText(
            inside.adjusted(56, 0, -90, 0), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name
        )
        painter.restore()


class CommandPalette(QDialog):
    """Lists the enabled actions of those given; runs the chosen one after it has closed."""

    def __init__(self, actions: Sequence[tuple[str, QAction]], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName("Find action")
        self._entries = [(f"{menu}: {_plain(action)}", action) for menu, action in actions if action.isEnabled()]
        frame = QFrame(self)
        frame.setProperty("look", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        column = QVBoxLayout(frame)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        self.line = QLineEdit()
        self.line.setPlaceholderText("Type the name of an action")
        self.line.setAccessibleName("Name of an action")
        self.line.setFont(theme.font("title"))
        self.line.textChanged.connect(self._filter)
        self.line.installEventFilter(self)
        self.list = QListWidget()
        self.list.setItemDelegate(_Rows(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("Actions")
        self.list.itemClicked.connect(self._run)
        column.addWidget(self.line)
        column.addWidget(self.list)
        self.resize(520, 380)
        self._filter("")

    def open_over(self, window: QWidget) -> None:
        """Show it over the upper middle of `window`."""
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - self.width()) // 2, corner.y() + 72)
        self.show()
        self.line.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key = Qt.Key(event.key())
            if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.list.count():
                step = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                item = self.list.currentItem()
                if self.list.count():
                    self._run(item)
                return True
        return super().eventFilter(watched, event)

    def _filter(self, text: str) -> None:
        self.list.clear()
        ranked = [
            (score, at) for at, (name, _) in enumerate(self._entries) if (score := matches(text, name)) is not None
        ]
        for _, at in sorted(ranked):
            name, action = self._entries[at]
            keys = action.shortcut().toString()
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.UserRole, at)
            item.setData(KEYS_ROLE, keys)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{name}, {keys}" if keys else name)
            item.setToolTip(plain_tip(action.toolTip()))
            self.list.addItem(item)
        self.list.setCurrentRow(0)

    def _run(self, item: QListWidgetItem) -> None:
        _, action = self._entries[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()


def _plain(action: QAction) -> str:
    return action.iconText().rstrip("\u2026")
