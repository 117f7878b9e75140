"""One row of the New run form: label, control, and one slot for a hint, a finding, or what is wrong with the value. Its
height never changes, so nothing below it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton, QSizePolicy, QToolButton, QWidget

from sapo_ui import theme
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.benchmark_picker import picker_for
from sapo_ui.features.new_run.form_spec import FieldSpec
from sapo_ui.features.new_run.hints import hint
from sapo_ui.features.new_run.pickers import Picker
from sapo_ui.theme import glyphs, icons
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.still_boxes import StillCombo

ROW_HEIGHT = 36
LABEL_WIDTH = 156
EDITOR_WIDTH = 136
"""Of a control, with the button that picks a value for it."""
PICKER_WIDTH = 32
RESET_WIDTH = 24
GAP = 8
WIDE = ("model", "data", "python")
"""What picks a path: such values are long."""
LONGEST_FIX = 12
"""Signs of a value that stands on a button."""
WIDEST = 900
"""A wider row leaves its end empty: what belongs to a value stays near it."""
NARROW = 400
"""Below this width, label and control give room to the slot."""

Tone = Literal["muted", "good", "warning", "bad"]
ICONS: dict[Tone, str] = {"muted": "", "good": "check", "warning": "warning", "bad": "warning"}


@dataclass(frozen=True)
class Finding:
    """What was found out about a value (a model that was looked into, data that were read), in place of its hint.

    `bad`: a run could not begin with it. `fix`: a value that would do, None where only the user knows one.
    """

    text: str
    tone: Tone = "good"
    fix: Any = None

    @property
    def bad(self) -> bool:
        """Whether it stands in the way of a run."""
        return self.tone == "bad"


class FieldRow(QWidget):
    """One field of RunConfig. Label and slot are painted: a form of a hundred rows opens at once."""

    edited = Signal()
    """The user changed the value."""
    left = Signal()
    """The user is done with the value: the focus moved on, Enter was pressed, or a choice was made."""
    focused = Signal(str)
    """(path) The control has the focus."""
    reset_wanted = Signal(str)
    """(path) The value of the preset is wanted back."""

    def __init__(self, spec: FieldSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.problem = ""
        """What is wrong with the value; empty: nothing."""
        self.changed = False
        """Whether it differs from the preset's."""
        self.finding: Finding | None = None
        self._fix: Any = None
        self._kept: Any = spec.default
        self.fix: QPushButton | None = None
        self.reset: QToolButton | None = None
        self.setFixedHeight(ROW_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.editor: QLineEdit | QComboBox | QCheckBox = self._make_editor()
        self.editor.setAccessibleName(f"{spec.label} ({spec.unit})" if spec.unit else spec.label)
        self.editor.setAccessibleDescription(spec.help)
        self.editor.installEventFilter(self)
        self.picker: Picker | None = None
        if spec.picker and isinstance(self.editor, QLineEdit):
            self.picker = picker_for(spec)(self.editor, self._picked, self)
            self.picker.setAccessibleName(f"Choose: {spec.label}")
        theme.on_change(self, self._restyle)

    # -- the value

    def value(self) -> Any:
        """What is set; the bare text where it cannot be read as this kind of value."""
        if self.spec.kind == "kept":
            return self._kept
        if isinstance(self.editor, QCheckBox):
            return self.editor.isChecked()
        if isinstance(self.editor, QComboBox):
            return self.editor.currentText()
        return form_spec.parse(self.spec, self.editor.text())

    def set_value(self, value: Any) -> None:
        """Set it, as the program: `edited` is not sent."""
        self._kept = value
        self.editor.blockSignals(True)
        if isinstance(self.editor, QCheckBox):
            self.editor.setChecked(bool(value))
        elif isinstance(self.editor, QComboBox):
            self.editor.setCurrentText(str(value))
        else:
            self.editor.setText(form_spec.show(value))
            self.editor.setCursorPosition(0)
        self.editor.blockSignals(False)
        self.update()

    # -- what is said about it

    @property
    def said(self) -> str:
        """What stands in the slot."""
        if self.problem:
            return self.problem
        return self.finding.text if self.finding is not None else hint(self.spec.path, self.value(), self.spec.help)

    @property
    def tone(self) -> Tone:
        """How it is said."""
        if self.problem:
            return "bad"
        return self.finding.tone if self.finding is not None else "muted"

    @property
    def wrong(self) -> bool:
        """Whether no run can begin with the value."""
        return self.tone == "bad"

    def say(self, problem: str, *, changed: bool, fix: Any = None) -> None:
        """Mark the value as wrong (`problem`), with a button for the value `fix`, and as `changed` from the preset."""
        if (problem, changed, fix) == (self.problem, self.changed, self._fix):
            self.update()
            return
        self.problem, self.changed, self._fix = problem, changed, fix
        self._show_state()

    def tell(self, finding: Finding | None) -> None:
        """Show what was found out about the value, or its hint again."""
        if finding != self.finding:
            self.finding = finding
            self._show_state()

    def _show_state(self) -> None:
        wrong = self.wrong
        told = f"Wrong value. {self.said}" if wrong else f"Changed. {self.said}" if self.changed else self.said
        self.editor.setAccessibleDescription(f"{told} {self.spec.help}")
        if wrong != (self.editor.property("wrong") == "true"):
            self.editor.setProperty("wrong", "true" if wrong else "false")
            self.editor.style().unpolish(self.editor)
            self.editor.style().polish(self.editor)
        self._offer_fix()
        self._offer_reset()
        self._place()
        self.update()

    @property
    def _would_do(self) -> Any:
        """A value that would do in place of a wrong one."""
        if self.problem:
            return self._fix
        return self.finding.fix if self.finding is not None and self.finding.bad else None

    def _offer_fix(self) -> None:
        offered = self._would_do is not None
        if self.fix is None and offered:
            self.fix = QPushButton(self)
            self.fix.setFont(theme.font("small"))
            self.fix.clicked.connect(self._take_fix)
            QWidget.setTabOrder(self.picker or self.editor, self.fix)
        if self.fix is not None:
            self.fix.setVisible(offered)
            if offered:
                shown = form_spec.show(self._would_do)
                long = "Use the preset's" if self.problem else "Correct it"
                self.fix.setText("Clear" if not shown else f"Use {shown}" if len(shown) <= LONGEST_FIX else long)
                self.fix.setToolTip(plain_tip(shown))
                self.fix.setAccessibleName(f"{f'Use {shown} for' if shown else 'Clear'} {self.spec.label}")

    def _offer_reset(self) -> None:
        if self.reset is None and self.changed:
            self.reset = QToolButton(self)
            self.reset.setFixedSize(RESET_WIDTH, RESET_WIDTH)
            self.reset.setProperty("look", "icon")
            self.reset.setToolTip("Back to the preset's value")
            self.reset.setAccessibleName(f"Reset: {self.spec.label}")
            self.reset.setIcon(icons.icon("reset", theme.current().muted))
            self.reset.clicked.connect(self._reset)
            QWidget.setTabOrder(self.fix or self.picker or self.editor, self.reset)
        if self.reset is not None:
            self.reset.setVisible(self.changed)

    def _take_fix(self) -> None:
        self.set_value(self._would_do)
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)
        self._picked()

    def _reset(self) -> None:
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)
        self.reset_wanted.emit(self.spec.path)

    def _picked(self) -> None:
        self.edited.emit()
        self.left.emit()

    def focusable(self) -> list[QWidget]:
        """What Tab stops at, from left to right."""
        parts = (self.editor, self.picker, self.fix, self.reset)
        return [part for part in parts if part is not None]

    def take_focus(self) -> None:
        """Go to the control, with all of a text chosen."""
        self.editor.setFocus(Qt.FocusReason.TabFocusReason)

    # -- Qt's own

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn and watched is self.editor:
            self.focused.emit(self.spec.path)
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        return QSize(560, ROW_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.editor.setFocus(Qt.FocusReason.MouseFocusReason)
        super().mousePressEvent(event)

    def _place(self) -> None:
        """Give everything its place: controls under each other, the slot takes the rest."""
        tight = self.width() < NARROW
        label = LABEL_WIDTH - 32 if tight else LABEL_WIDTH
        room = EDITOR_WIDTH - 24 if tight else EDITOR_WIDTH
        if (self.spec.picker in WIDE or self.spec.kind == "columns") and self.width() >= NARROW + 120:
            room += 64
        top = (ROW_HEIGHT - theme.CONTROL_HEIGHT) // 2
        own = room - (PICKER_WIDTH + 4 if self.picker is not None else 0)
        self.editor.setGeometry(label, top, own, theme.CONTROL_HEIGHT)
        if self.picker is not None:
            self.picker.setGeometry(label + own + 4, top, PICKER_WIDTH, theme.CONTROL_HEIGHT)
        right = min(self.width(), WIDEST) - RESET_WIDTH
        if self.reset is not None:
            self.reset.move(right, (ROW_HEIGHT - RESET_WIDTH) // 2)
        right -= 4
        if self.fix is not None and not self.fix.isHidden():
            width = min(self.fix.sizeHint().width(), 132)
            self.fix.setGeometry(right - width, top, width, theme.CONTROL_HEIGHT)
            right -= width + GAP
        self._label = QRect(16, 0, label - 22, ROW_HEIGHT)
        self._slot = QRect(label + room + 12, 0, max(0, right - label - room - 12), ROW_HEIGHT)
        self.setToolTip("")

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        if self.changed:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent))
            painter.drawEllipse(QRectF(4, ROW_HEIGHT / 2 - 3, 6, 6))
        painter.setFont(theme.font("strong" if self.changed else "body"))
        painter.setPen(QColor(look.text))
        label = painter.fontMetrics().elidedText(self.spec.label, Qt.TextElideMode.ElideRight, self._label.width())
        painter.drawText(self._label, middle, label)
        tone, slot = self.tone, QRect(self._slot)
        colour = {"muted": look.muted, "good": look.good, "warning": look.warning, "bad": look.bad}[tone]
        if ICONS[tone] and slot.width() > 16:
            glyphs.paint(painter, ICONS[tone], colour, QRectF(slot.left(), (ROW_HEIGHT - 14) / 2, 14, 14))
            slot.setLeft(slot.left() + 20)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted if tone == "good" else colour))
        text = self.said
        if self.problem and painter.fontMetrics().horizontalAdvance(text) > slot.width():
            text = self.spec.brief if text == self.spec.expected else text
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, slot.width())
        painter.drawText(slot, middle, shown)
        cut = shown != self.said or label != self.spec.label
        self.setToolTip(plain_tip(f"{self.spec.label}: {self.said}") if cut else "")

    def _restyle(self) -> None:
        if self.reset is not None:
            self.reset.setIcon(icons.icon("reset", theme.current().muted))
        self.update()

    def _make_editor(self) -> QLineEdit | QComboBox | QCheckBox:
        if self.spec.kind == "switch":
            box = QCheckBox("on", self)
            box.toggled.connect(self._picked)
            return box
        if self.spec.kind == "choice":
            combo = StillCombo(self)
            combo.addItems(list(self.spec.choices))
            combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            combo.currentIndexChanged.connect(self._picked)
            return combo
        edit = QLineEdit(self)
        edit.setAcceptDrops(False)  # the page takes files, wherever they fall
        if self.spec.kind == "kept":
            edit.setReadOnly(True)
        elif self.spec.kind not in ("text", "columns"):
            edit.setAlignment(Qt.AlignmentFlag.AlignRight)
        edit.textEdited.connect(self.edited)
        edit.editingFinished.connect(self.left)
        return edit
