"""The page without a run: what this is, and what would fill it. Until the store has been read it says neither."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.panels.page import Page
from sapo_ui.services.poller import StoreChange
from sapo_ui.theme import icons
from sapo_ui.widgets.plain_text import PlainLabel

PATIENCE_MS = 400
"""How long the page is blank before it says that the store is being read."""


class EmptyPage(Page):
    """Shown while no run is chosen. Offers the demo while there is no run at all."""

    help = (
        "### No run is chosen\n\nChoose one in the list on the left, or press **Ctrl+N** to set one up. "
        "**Ctrl+K** finds any action by its name."
    )

    def __init__(self, new_run: QAction, demo: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = QWidget()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.reading = PlainLabel("Reading the store\u2026")
        self.reading.setProperty("look", "muted")
        self.reading.setVisible(False)
        whole.addWidget(self.reading, 1, Qt.AlignmentFlag.AlignCenter)
        whole.addWidget(self.words, 1)
        column = QVBoxLayout(self.words)
        column.setSpacing(8)
        column.addStretch(3)
        picture = PlainLabel()
        picture.setPixmap(icons.app_icon().pixmap(72, 72))
        self.title = PlainLabel()
        self.title.setFont(theme.font("heading"))
        self.text = PlainLabel()
        self.text.setProperty("look", "muted")
        self.text.setWordWrap(True)
        self.text.setFixedWidth(460)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        for widget in (picture, self.title, self.text):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        self.demo_button = QPushButton(demo.iconText())
        self.demo_button.setProperty("look", "primary")
        self.demo_button.setToolTip(demo.toolTip())
        self.demo_button.clicked.connect(demo.trigger)
        self.new_button = QPushButton(new_run.iconText())
        self.new_button.setToolTip(f"{new_run.toolTip()} ({new_run.shortcut().toString()})")
        self.new_button.clicked.connect(new_run.trigger)
        buttons.addWidget(self.demo_button)
        buttons.addWidget(self.new_button)
        buttons.addStretch(1)
        column.addSpacing(8)
        column.addLayout(buttons)
        column.addStretch(4)
        self.words.setVisible(False)
        self._patience = QTimer(self)  # what is read at once is not announced
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self.reading.show)
        self._patience.start()

    def take(self, change: StoreChange) -> None:
        self.show_count(len(change.runs))

    def show_count(self, runs: int) -> None:
        """There are this many runs."""
        self._patience.stop()
        self.reading.hide()
        self.words.show()
        self.demo_button.setVisible(runs == 0)
        if runs == 0:
            self.title.setText("See where reasoning breaks")
            self.text.setText(
                "A run trains a small reasoner and its step verifier in turns, and shows every step they get wrong. "
                "The demo runs the arithmetic lab on this machine and takes a few minutes; its first scores appear "
                "within seconds."
            )
        else:
            self.title.setText("No run is chosen")
            self.text.setText("Choose a run on the left, or set up a new one.")
        self.text.setFixedHeight(self.text.heightForWidth(self.text.width()))
