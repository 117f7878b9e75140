"""What the parts of a page stand in: a frame with a title, and something beside the title."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.labels import label


class TitledCard(QFrame):
    """A titled frame. `column` is where the content goes, `head` the line with the title."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_2)
        self.column.setSpacing(theme.SPACE_2)
        self.head = QHBoxLayout()
        self.head.setSpacing(theme.SPACE_3)
        self.title = label(title, "strong")
        self.head.addWidget(self.title)
        self.head.addStretch(1)
        self.column.addLayout(self.head)
