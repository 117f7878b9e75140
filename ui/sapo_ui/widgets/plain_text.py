"""Text as it is: what comes from data is never taken for HTML, in labels and in what hovering shows."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget


class PlainLabel(QLabel):
    """A label that shows its text as it is. Qt's own guesses whether it is HTML."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


_LONGEST_WORD = 40
_UNBROKEN = re.compile(rf"[!-~]{{{_LONGEST_WORD},}}")
_EIGHT = re.compile(r".{8}(?!$)")


def breakable(text: str) -> str:
    """`text` for a label that wraps: a word longer than any line could be broken nowhere, and its end would be out of
    sight. It gets places to break at (zero-width spaces); text whose words are of usual length stays as it is.
    """
    return _UNBROKEN.sub(lambda word: _EIGHT.sub("\\g<0>\u200b", word[0]), text)


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
