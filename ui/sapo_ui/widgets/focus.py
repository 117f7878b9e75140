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
    part: QWidget | None = whole
    while part is not None:  # in the order of Tab, which is the order on the screen; that of the children is not
        inside = part is whole or whole.isAncestorOf(part)
        takes = part.focusPolicy() & Qt.FocusPolicy.TabFocus and part.isEnabled()
        if inside and takes and part.isVisibleTo(whole):
            part.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return True
        following = part.nextInFocusChain()
        part = None if following is whole else following
    return False
