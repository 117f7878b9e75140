"""Closed combo boxes and spin boxes over which the mouse wheel scrolls what they lie in: it never changes a value that
happens to lie under the pointer.

Classes, for a filter in Python would be called for every event of every box.
"""

from __future__ import annotations

from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox


class StillCombo(QComboBox):
    """Passes the wheel on."""

    def wheelEvent(self, e: QWheelEvent) -> None:
        e.ignore()


class StillSpin(QSpinBox):
    """Passes the wheel on."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class StillDoubleSpin(QDoubleSpinBox):
    """Passes the wheel on."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
