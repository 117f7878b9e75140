"""The page while there is nothing to compare: what is so, why, and one button."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from sapo_ui.widgets.labels import EmptyState


class Message(QWidget):
    """A sign, two lines, and a button below them where something can be done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = EmptyState()
        self.button = QPushButton()
        self.button.setProperty("look", "primary")
        self.button.setAutoDefault(False)
        self.button.setAccessibleName("Choose runs to compare")
        column = QVBoxLayout(self)
        column.addStretch(2)
        column.addWidget(self.words)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def say(self, headline: str, text: str, sign: str = "", button: str = "") -> None:
        """Say this; without `button`, nothing is offered."""
        self.words.say(headline, text, sign)
        self.button.setText(button)
        self.button.setVisible(bool(button))
