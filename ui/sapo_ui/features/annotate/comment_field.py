"""Where a comment is written: text stays text, whatever the keys mean elsewhere on the page."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.widgets.labels import label

LINES = 3


class _Field(QPlainTextEdit):
    """Enter and Esc end the writing; every other key is its own."""

    ended = Signal(object)
    """(keep: bool)"""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not shift:
            self.ended.emit(True)
        elif event.key() == Qt.Key.Key_Escape:
            self.ended.emit(False)
        else:
            super().keyPressEvent(event)
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                return  # what the field does not know may be a shortcut of the window
        event.accept()  # what moves the cursor nowhere must not move anything else

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self.ended.emit(True)


class CommentField(QWidget):
    """Hidden until `write`. What was written is kept by Enter, and by leaving the field for another place; Esc drops
    it."""

    written = Signal(object, object)
    """(step: int, text: str) It is another text than before."""

    left = Signal()
    """The field has closed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step, self._before = 0, ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_1)
        self._title = label("", "small", "muted")
        self.field = _Field()
        self.field.setAccessibleName("Comment")
        self.field.setTabChangesFocus(True)
        self.field.setFont(theme.font("body"))
        self.field.setFixedHeight(LINES * self.field.fontMetrics().lineSpacing() + 14)
        self.field.ended.connect(self._ended)
        column.addWidget(self._title)
        column.addWidget(self.field)
        self.hide()

    @property
    def writing(self) -> bool:
        """Whether a comment is being written."""
        return bool(self._step)

    def write(self, step: int, text: str) -> None:
        """Write a comment on a step, beginning with `text`."""
        self._step, self._before = step, text
        self._title.setText(f"Comment on step {step} \u00b7 Enter keeps it, Shift+Enter begins a line, Esc leaves")
        self.field.setAccessibleName(f"Comment on step {step}")
        self.field.setPlainText(text)
        self.field.selectAll()
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_field(self, *, keep: bool) -> None:
        """End the writing, if there is one."""
        if not self._step:
            return
        step, text, self._step = self._step, self.field.toPlainText().strip(), 0
        self.hide()
        if keep and text != self._before:
            self.written.emit(step, text)
        self.left.emit()

    def _ended(self, keep: object) -> None:
        self.close_field(keep=bool(keep))
