"""Ctrl+K: type a few letters of an action's name, press Enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QAction, QColor, QPainter
from PySide6.QtWidgets import QListWidgetItem, QWidget

from sapo_ui import theme
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.search_popup import SearchPopup, SearchRows, matches

KEYS_ROLE = Qt.ItemDataRole.UserRole + 1


class _Rows(SearchRows):
    """An action a row: its name on the left, its shortcut on the right."""

    def draw(self, painter: QPainter, inside: Any, index: QModelIndex | QPersistentModelIndex) -> None:
        look, middle = theme.current(), Qt.AlignmentFlag.AlignVCenter
        menu, _, name = str(index.data()).partition(": ")
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        painter.drawText(inside, Qt.AlignmentFlag.AlignRight | middle, index.data(KEYS_ROLE))
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | middle, menu)
        painter.setFont(theme.font("body"))
        painter.setPen(QColor(look.text))
        painter.drawText(inside.adjusted(56, 0, -90, 0), Qt.AlignmentFlag.AlignLeft | middle, name)


class CommandPalette(SearchPopup):
    """Lists the enabled actions of those given; runs the chosen one after it has closed."""

    def __init__(self, actions: Sequence[tuple[str, QAction]], parent: QWidget) -> None:
        super().__init__(_Rows(), "card", "Name of an action", "Actions", "Type the name of an action", parent)
        self.setAccessibleName("Find action")
        self._entries = [(f"{menu}: {_plain(action)}", action) for menu, action in actions if action.isEnabled()]
        self.line.setFont(theme.font("title"))
        self.resize(520, 380)
        self.fill("")

    def open_over(self, window: QWidget) -> None:
        """Show it over the upper middle of `window`."""
        corner = window.mapToGlobal(window.rect().topLeft())
        self.move(corner.x() + (window.width() - self.width()) // 2, corner.y() + 72)
        self.show()
        self.line.setFocus()

    def fill(self, query: str) -> None:
        self.list.clear()
        ranked = [
            (score, at) for at, (name, _) in enumerate(self._entries) if (score := matches(query, name)) is not None
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

    def take(self, item: QListWidgetItem) -> None:
        _, action = self._entries[item.data(Qt.ItemDataRole.UserRole)]
        self.close()
        action.trigger()


def _plain(action: QAction) -> str:
    return action.iconText().rstrip("\u2026")
