"""What stands in the place of something that is not there: why, and one button."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from sapo_ui.widgets.labels import EmptyState


class MessagePage(QFrame):
    """A sign, a headline, a sentence, and where there is something to do, a button for it. `card`: on a ground of its
    own."""

    pressed = Signal()

    def __init__(self, *, card: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if card:
            self.setProperty("look", "card")
        self.words = EmptyState()
        self.button = QPushButton()
        self.button.setAccessibleName("What can be done")  # until there is something to do
        self.button.setProperty("look", "primary")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.pressed)
        self.button.hide()
        self.words.put_below(self.button)
        column = QVBoxLayout(self)
        column.addWidget(self.words)

    def say(self, headline: str, text: str, button: str = "", sign: str = "") -> None:
        """Say this; an empty `button` shows none. `sign`: the name of an icon above it."""
        self.button.setText(button)
        self.button.setAccessibleName(button)
        self.button.setVisible(bool(button))
        self.words.say(headline, text, sign)
