"""What the task's data look like: examples cut up into steps, and the golds that fail when they are graded against
themselves."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QTextBrowser, QVBoxLayout, QWidget

from sapo_studio.app.set_up.data_look import DataLook
from sapo_ui import theme
from sapo_ui.features.new_run.section import Extra
from sapo_ui.widgets.elided_label import ElidedLabel

HEIGHT = 196
LONGEST = 400
"""Signs of a step or question that are shown."""
MOST_BAD = 20


class DataPreview(Extra):
    """Has one height from the moment it is shown, so that nothing below moves when data arrive."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("look", "help")
        self.setFixedHeight(HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 12, 8)
        column.setSpacing(4)
        self.title = ElidedLabel(theme.font("strong"))
        self.text = QTextBrowser(self)
        self.text.setProperty("look", "plain")
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.document().setDocumentMargin(0)
        self.text.setAccessibleName("Examples from the data")
        column.addWidget(self.title)
        column.addWidget(self.text, 1)
        self.say("Data", "")

    def focusable(self) -> list[QWidget]:
        return [self.text]

    def say(self, title: str, text: str) -> None:
        """Say something in place of examples."""
        self.title.set_text(title)
        self.text.setPlainText(text)

    def tell(self, look: object, why: str) -> None:
        """Show what was found (a DataLook), else say why nothing was; with neither there is nothing to be seen."""
        if isinstance(look, DataLook):
            self.show_look(look)
        else:
            self.say("Data" if why else "", why)
        self.setVisible(isinstance(look, DataLook) or bool(why))

    def show_look(self, look: DataLook) -> None:
        """Show examples, and golds that fail first: they are why one looks."""
        splits = ", ".join(f"{count:,} {name}" for name, count in look.splits.items())
        self.title.set_text(f"{look.summary}. {splits}")
        parts = [f"<p><b>{html.escape(one)}</b></p>" for one in look.leaks]
        if look.bad:
            rows = "".join(f"<li>{_cut(name)}: {_cut(reason)}</li>" for name, reason in look.bad[:MOST_BAD])
            more = f"<li>and {len(look.bad) - MOST_BAD:,} more</li>" if len(look.bad) > MOST_BAD else ""
            parts.append(f"<p><b>Golds that fail</b></p><ul>{rows}{more}</ul>")
        for number, one in enumerate(look.examples, start=1):
            steps = "".join(f"<li><pre style='white-space: pre-wrap'>{_cut(step)}</pre></li>" for step in one.steps)
            parts.append(
                f"<p><b>Example {number}</b>, {len(one.steps)} steps. {_cut(one.question)}</p><ol>{steps}</ol>"
            )
        if not look.examples:
            parts.append(
                "<p>No row has a solution of its own: there is nothing to cut up into steps, and no warm-up.</p>"
            )
        mono = f"<style>pre {{ font-family: '{theme.MONO_FAMILY}'; font-size: 12px; margin: 0; }}</style>"
        self.text.setHtml(mono + "".join(parts))


def _cut(text: str) -> str:
    return html.escape(text if len(text) <= LONGEST else text[:LONGEST] + "\u2026")
