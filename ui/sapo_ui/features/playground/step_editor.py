"""A step being changed, in its place among the others."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from sapo_studio.requests.limits import ROLLOUTS
from sapo_ui import theme
from sapo_ui.features.playground.places import TEXT
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.spin_boxes import whole_box

MOST_ROLLOUTS = 64
"""More would not be read; `sapo try` takes more."""

LINES = 6
"""The field grows with its text up to here."""


class StepEditor(QFrame):
    """A field with the step, how many rollouts are to go on from it, and two buttons. Ctrl+Enter goes on, Esc leaves
    the step as it is."""

    continue_wanted = Signal(object, object)
    """(text: str, rollouts: int)"""
    left = Signal()
    """Nothing is to be changed."""

    def __init__(self, number: int, text: str, rollouts: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = number
        self.setProperty("look", "help")
        self.field = QPlainTextEdit(text)
        self.field.setFont(theme.font("mono_small"))
        self.field.setAccessibleName(f"Step {number}, to be changed")
        self.field.setTabChangesFocus(True)
        self.field.installEventFilter(self)
        self.field.textChanged.connect(self._changed)
        self.rollouts = whole_box("Rollouts from the changed step", int(ROLLOUTS.low or 1), MOST_ROLLOUTS, rollouts)
        self.rollouts.setFixedWidth(56)
        self.rollouts.installEventFilter(self)
        self.go = QPushButton("Continue")
        self.go.setProperty("look", "primary")
        self.go.setToolTip("Let the checkpoint go on from here, as often as said (Ctrl+Enter)")
        self.go.clicked.connect(self._go)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Leave the step as it is (Esc)")
        self.cancel.clicked.connect(self.left)
        for button in (self.go, self.cancel):
            button.setAutoDefault(False)
            button.installEventFilter(self)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_2)
        asked = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        asked.set_text("What if this step were right?")
        row.addWidget(asked, 1)
        row.addWidget(label("Rollouts", "small", "muted"))
        row.addWidget(self.rollouts)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        column = QVBoxLayout(self)
        column.setContentsMargins(TEXT - 10, theme.SPACE_1, theme.SPACE_2, theme.SPACE_2)
        column.setSpacing(theme.SPACE_1)
        column.addWidget(self.field)
        column.addLayout(row)
        self._changed()

    def _changed(self) -> None:
        lines = max(2, min(LINES, self.field.document().size().toSize().height()))
        self.field.setFixedHeight(self.field.fontMetrics().lineSpacing() * lines + 12)
        self.go.setEnabled(bool(self.field.toPlainText().strip()))

    def _go(self) -> None:
        text = self.field.toPlainText()
        if text.strip():
            self.continue_wanted.emit(text, self.rollouts.value())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                if event.type() == QEvent.Type.KeyPress:
                    self._go()
                event.accept()  # the page's own Ctrl+Enter would ask the question again
                return True
            if event.key() == Qt.Key.Key_Escape:
                if event.type() == QEvent.Type.KeyPress:
                    self.left.emit()
                event.accept()
                return True
        return super().eventFilter(watched, event)
