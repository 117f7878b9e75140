"""A surface with a hairline around it, on which something stands; with a title above it where that is asked for."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.elided_label import ElidedLabel


class Card(QFrame):
    """Holds `inside`. `head` is the line with the title, for what belongs beside it."""

    def __init__(self, inside: QWidget, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.inside = inside
        self.setProperty("look", "card")
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        self.head = QHBoxLayout()
        self.head.setSpacing(theme.SPACE_3)
        self._title = ElidedLabel(theme.font("strong"), parent=self)
        self._title.setVisible(bool(title))
        self.head.addWidget(self._title, 1)
        column.addLayout(self.head)
        column.addWidget(inside, 1)
        self.set_title(title)

    def set_title(self, title: str) -> None:
        """Name what stands on it; empty: without a title."""
        self._title.set_text(title)
        self._title.setVisible(bool(title))
        margins = (theme.SPACE_3, theme.SPACE_2, theme.SPACE_2, 0) if title else (0, 0, 0, 0)
        self.head.setContentsMargins(*margins)


class TitledCard(Card):
    """A card that is filled line by line: `column` is where they go."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        body = QWidget()
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_2)
        self.column.setSpacing(theme.SPACE_2)
        super().__init__(body, title, parent)
        self.setAccessibleName(title)
