"""Text as it is: what comes from data is never taken for HTML, in labels and in what hovering shows."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget


class PlainLabel(QLabel):
    """A label that shows its text as it is. Qt's own guesses whether it is HTML."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def plain_tip(text: str) -> str:
    """`text` for a tooltip, which has no format of its own: what Qt might take for HTML is escaped."""
    if "<" not in text:
        return text
    return f"<span style='white-space: pre-wrap'>{html.escape(text)}</span>"


def show_plainly(window: QWidget) -> None:
    """Let all labels of a dialog that Qt put together show their texts as they are."""
    for label in window.findChildren(QLabel):
        if label.textFormat() is Qt.TextFormat.AutoText:
            label.setTextFormat(Qt.TextFormat.PlainText)
