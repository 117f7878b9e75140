"""The buttons below the item: each with its key printed on it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from sapo_ui import theme
from sapo_ui.widgets.flow_layout import FlowRow

JUDGEMENTS = (
    ("wrong", "1", "Incorrect", "The chosen step is incorrect"),
    ("neutral", "2", "Neutral", "The chosen step neither helps nor harms"),
    ("right", "3", "Correct", "The chosen step is correct"),
    ("first_error", "e", "First error is here", "The chosen step is the first error; the other steps are filled in"),
    ("no_error", "n", "No error", "No step is incorrect; steps not judged are filled in"),
)
"""What a step is judged by: verb, key, words, meaning."""

BUTTONS = (
    *JUDGEMENTS,
    ("comment", "c", "Comment", "Write a comment on the chosen step"),
    ("skip", "s", "Skip", "Pass this item over; it does not come again by itself"),
    ("reopen", "o", "Open again", "Take the save of this item back, to judge it anew"),
    ("undo", "u", "Undo", "Take back the last thing you did in this queue, on whichever item it was"),
    ("save", "Enter", "Save and next", "Mark this item as complete and go on"),
)
HEIGHT, PAD, CAP_PAD = 36, 12, 6
COMPACT_HEIGHT, COMPACT_PAD = 28, 7


class KeyButton(QPushButton):
    """A button that shows its key, where it has one, in a frame before its words. A click leaves the focus where it
    is."""

    def __init__(self, key: str, words: str, meaning: str, *, primary: bool = False) -> None:
        super().__init__(words)
        self._key = key
        self._primary = primary
        self._compact = False
        self.goes_on = False
        """What it does leads to another item."""
        if primary:
            self.setProperty("look", "primary")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAutoDefault(False)
        self.setAccessibleName(words or meaning)
        self.setToolTip(f"{meaning} ({key})" if key else meaning)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    @property
    def _cap(self) -> int:
        return self.fontMetrics().horizontalAdvance(self._key) + 2 * CAP_PAD if self._key else 0

    def set_compact(self, compact: bool) -> None:
        """Take less room."""
        self._compact = compact
        self._restyle()

    @property
    def _pad(self) -> int:
        return COMPACT_PAD if self._compact else PAD

    def mouseDoubleClickEvent(self, arg__1: QMouseEvent) -> None:
        """The second press of a double click: where the first one went to another item, it was not meant for that."""
        if self.goes_on:
            arg__1.accept()
        else:
            super().mouseDoubleClickEvent(arg__1)

    def sizeHint(self) -> QSize:
        return self._hint

    def roomy_width(self, words: str) -> int:
        """Pixels that it takes with `words` where it is not compact."""
        metrics = QFontMetrics(theme.font("body"))
        cap = metrics.horizontalAdvance(self._key) + 2 * CAP_PAD + 6 if self._key else 0
        return 2 * PAD + cap + metrics.horizontalAdvance(words)

    def _measure(self) -> None:
        words = self.fontMetrics().horizontalAdvance(self.text())
        height = COMPACT_HEIGHT if self._compact else HEIGHT
        self._hint = QSize(2 * self._pad + (self._cap + 6 if self._key else 0) + words, height)
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def say(self, words: str) -> None:
        """Say something else."""
        if words != self.text():
            self.setText(words)
            self.setAccessibleName(words)
            self._measure()

    def _restyle(self) -> None:
        self.setFont(theme.font("small" if self._compact else "body"))  # a new style sheet takes it back
        self._measure()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if not self.isEnabled():
            ink, fill, line = look.muted, look.window, look.hairline
        elif self._primary:
            ink, fill, line = look.on_accent, look.accent, look.accent
        elif self.isChecked():
            ink, fill, line = look.text, look.accent_soft, look.accent
        else:
            ink, fill, line = look.text, look.sunken if self.isDown() else look.raised, look.border
        if self.isEnabled() and self.underMouse():
            line = look.muted
        focus = self.hasFocus()
        if focus:
            line = look.text if self._primary else look.accent
        painter.setPen(QPen(QColor(line), 2 if focus or self.isChecked() else 1))
        painter.setBrush(QColor(fill))
        painter.drawRoundedRect(body.adjusted(0.5, 0.5, -0.5, -0.5) if focus else body, theme.RADIUS, theme.RADIUS)
        cap = QRectF(self._pad, (self.height() - 20) / 2, self._cap, 20)
        left = float(self._pad)
        if self._key:
            painter.setPen(QPen(QColor(ink if self._primary else look.border), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cap, 4, 4)
            painter.setPen(QColor(ink))
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, self._key)
            left = cap.right() + 6
        painter.setPen(QColor(ink))
        painter.drawText(
            QRectF(left, 0, self.width() - left, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text()
        )


class JudgeButtons(FlowRow):
    """All of them in one row, compact where that is needed for it; in further rows where even that is not enough."""

    pressed = Signal(object)
    """(verb: str)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, gap=theme.SPACE_2)
        self._compact = False
        self.buttons: dict[str, KeyButton] = {}
        for verb, key, words, meaning in BUTTONS:
            button = KeyButton(key, words, meaning, primary=verb == "save")
            button.clicked.connect(lambda _checked=False, verb=verb: self.pressed.emit(verb))
            button.goes_on = verb in ("save", "skip")
            self.buttons[verb] = button
            self.add(button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.oldSize().width() != event.size().width():
            self.set_compact(self._roomy_width() > event.size().width())
        super().resizeEvent(event)

    def _roomy_width(self) -> int:
        """Of all that are shown, were they as wide as they like to be."""
        words = {verb: text for verb, _, text, _ in BUTTONS}
        widths = [one.roomy_width(words[verb]) for verb, one in self.buttons.items() if not one.isHidden()]
        return sum(widths) + theme.SPACE_2 * (len(widths) - 1)

    def set_compact(self, compact: bool) -> None:
        """Take less room, or as much as they like."""
        if compact == self._compact:
            return
        self._compact = compact
        self.set_gap(theme.SPACE_1 if compact else theme.SPACE_2)
        for button in self.buttons.values():
            button.set_compact(compact)
        words = next(words for verb, _, words, _ in JUDGEMENTS if verb == "first_error")
        self.buttons["first_error"].say(words.partition(" is")[0] if compact else words)
