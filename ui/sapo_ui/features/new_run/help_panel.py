"""The whole help of the setting that has the focus, in a place of its own below the form."""

from __future__ import annotations

import html
import re
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.form_spec import FieldSpec
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label

HEIGHT = 104
NOTHING = (
    "Choose a setting to read what it does. F8 goes to the next wrong value, Alt and an arrow to the next section."
)


def rich(text: str) -> str:
    """Help text with its `code` in a monospace face."""
    span = f"<span style=\"font-family:'{theme.MONO_FAMILY}'\">"
    return re.sub(r"`([^`]+)`", lambda found: f"{span}{found[1]}</span>", html.escape(text, quote=False))


class HelpPanel(QFrame):
    """Has one height, whatever it says; a longer text scrolls."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("look", "help")
        self.setFixedHeight(HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 12, 8)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(12)
        self.title = label("", "strong")
        self.facts = ElidedLabel(theme.font("mono_small"), role=self.palette().ColorRole.PlaceholderText)
        head.addWidget(self.title)
        head.addWidget(self.facts, 1)
        column.addLayout(head)
        self.text = QTextBrowser(self)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setProperty("look", "plain")
        self.text.document().setDocumentMargin(0)
        self.text.setAccessibleName("Help on the setting")
        self.text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        column.addWidget(self.text, 1)
        self.tell(None, None)

    def tell(self, spec: FieldSpec | None, base: Any, problem: str = "") -> None:
        """Explain this setting, whose value in the preset is `base`; first what is wrong with it, if anything."""
        if spec is None:
            self.title.setText("New run")
            self.facts.set_text("")
            self.text.setPlainText(NOTHING)
            return
        self.title.setText(spec.label)
        preset = f" \u00b7 preset {form_spec.show(base) or 'empty'}" if base != spec.default else ""
        default = form_spec.show(spec.default) or "empty"
        self.facts.set_text(f"{spec.path} \u00b7 default {default}{preset}")
        said = spec.kind in ("switch", "kept") or problem == spec.expected
        right = "" if said else f" <i>{html.escape(spec.expected)}</i>"
        wrong = f"<b style='color:{theme.current().bad}'>{html.escape(problem)}</b> " if problem else ""
        self.text.setHtml(f"{wrong}{rich(spec.help)}{right}")
