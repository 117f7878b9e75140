"""What stands in the place of an item where there is none: why, and one button."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.labels import EmptyState


class MessagePage(QFrame):
    """A headline, a sentence, and where there is something to do, a button for it."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.words = EmptyState()
        self.button = QPushButton()
        self.button.setAccessibleName("What can be done")  # until there is something to do
        self.button.setProperty("look", "primary")
        self.button.clicked.connect(self.pressed)
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE_2)
        column.addStretch(2)
        column.addWidget(self.words, 0)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        self.button.hide()

    def say(self, headline: str, text: str, button: str = "") -> None:
        """Say this; an empty `button` shows none."""
        self.words.say(headline, text)
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self.button.setVisible(bool(button))
