"""One row of the New run form: label, editor, unit, help, and what is wrong with the value, in place."""

from __future__ import annotations

import html
import re
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.benchmark_picker import picker_for
from sapo_ui.features.new_run.form_spec import FieldSpec
from sapo_ui.features.new_run.pickers import Picker
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.widgets.wheel_guard import WheelGuard

EDITOR_WIDTH = 200
LABEL_WIDTH = 150


def rich(text: str) -> str:
    """Help text with its `code` in a monospace face."""
    span = f"<span style=\"font-family:'{theme.MONO_FAMILY}'\">"
    return re.sub(r"`([^`]+)`", lambda found: f"{span}{found[1]}</span>", html.escape(text, quote=False))


class FieldRow(QWidget):
    """One field of RunConfig. Every part is made with its parent: to change a parent later means to be styled again."""

    edited = Signal()
    """The user changed the value."""

    def __init__(self, spec: FieldSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self.editor: QLineEdit | QComboBox | QCheckBox = self._make_editor()
        self.editor.setAccessibleName(f"{spec.label} ({spec.unit})" if spec.unit else spec.label)
        self.editor.setAccessibleDescription(spec.help)
        self.editor.setToolTip(
            f"<p>{rich(spec.help)}</p><p><b>{spec.path}</b> \u00b7 {html.escape(self._bounds())}</p>"
        )
        label = PlainLabel(spec.label, self)
        label.setFixedWidth(LABEL_WIDTH)
        label.setFixedHeight(theme.CONTROL_HEIGHT)
        label.setFont(theme.font("body"))
        label.setBuddy(self.editor)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        self._kept: Any = spec.default
        line.addWidget(self.editor)
        self.picker: Picker | None = None
        if spec.picker and isinstance(self.editor, QLineEdit):
            self.picker = picker_for(spec)(self.editor, self._changed, self)
            self.picker.setAccessibleName(f"Choose: {spec.label}")
            line.addWidget(self.picker)
        if spec.unit:
            unit = PlainLabel(spec.unit, self)
            unit.setProperty("look", "muted")
            line.addWidget(unit)
        line.addStretch(1)
        self.wrong = PlainLabel(parent=self)
        self.wrong.setProperty("look", "bad")
        self.wrong.setFont(theme.font("small"))
        self.wrong.setWordWrap(True)
        self.wrong.hide()
        self.help = PlainLabel(rich(spec.help), self)
        self.help.setProperty("look", "muted")
        self.help.setFont(theme.font("small"))
        self.help.setWordWrap(True)
        self.help.setTextFormat(Qt.TextFormat.RichText)
        right = QVBoxLayout()
        right.setSpacing(3)
        right.addLayout(line)
        right.addWidget(self.wrong)
        right.addWidget(self.help)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(right, 1)

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

    def mark(self, message: str) -> None:
        """Say what is wrong, right here; nothing: all is well."""
        changed = bool(message) != (self.editor.property("wrong") == "true")
        self.wrong.setText(message)
        self.wrong.setVisible(bool(message))
        self.editor.setAccessibleDescription(f"Wrong value. {message}" if message else self.spec.help)
        if changed:
            self.editor.setProperty("wrong", "true" if message else "false")
            self.editor.style().unpolish(self.editor)
            self.editor.style().polish(self.editor)

    def _changed(self) -> None:
        self.edited.emit()

    def _bounds(self) -> str:
        return "on or off" if self.spec.kind == "switch" else self.spec.expected

    def _make_editor(self) -> QLineEdit | QComboBox | QCheckBox:
        if self.spec.kind == "switch":
            box = QCheckBox("on", self)
            box.setMinimumHeight(theme.CONTROL_HEIGHT)
            box.toggled.connect(self._changed)
            return box
        if self.spec.kind == "choice":
            combo = QComboBox(self)
            combo.addItems(list(self.spec.choices))
            combo.setFixedWidth(EDITOR_WIDTH)
            combo.setFixedHeight(theme.CONTROL_HEIGHT)
            WheelGuard(combo)
            combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            combo.currentIndexChanged.connect(self._changed)
            return combo
        edit = QLineEdit(self)
        edit.setFixedHeight(theme.CONTROL_HEIGHT)
        edit.setFixedWidth(EDITOR_WIDTH if self.spec.kind not in ("text", "columns") else 2 * EDITOR_WIDTH - 80)
        if self.spec.kind == "kept":
            edit.setReadOnly(True)
            edit.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        elif self.spec.kind not in ("text", "columns"):
            edit.setAlignment(Qt.AlignmentFlag.AlignRight)
        edit.textEdited.connect(self._changed)
        return edit
