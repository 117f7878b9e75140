"""The mouse wheel scrolls; it never changes a value that happens to lie under the pointer."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget


class WheelGuard(QObject):
    """Passes the wheel on from `guarded`, a closed combo box or a spin box, to what it lies in."""

    def __init__(self, guarded: QWidget) -> None:
        super().__init__(guarded)
        guarded.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        return super().eventFilter(watched, event)
