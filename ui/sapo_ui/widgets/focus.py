"""Where the focus is, and giving it to a part of the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def holds(widget: QWidget, focused: QWidget | None) -> bool:
    """Whether the widget that has the focus (None: nothing has) lies inside `widget`."""
    return focused is not None and widget.isAncestorOf(focused)


def focus_first(whole: QWidget) -> bool:
    """Give the focus to `whole`, or to the first of its parts that takes it by Tab. False where none does: a panel that
    is still read has no controls."""
    for part in (whole, *whole.findChildren(QWidget)):
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isVisibleTo(whole) and part.isEnabled():
            part.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
    return False
