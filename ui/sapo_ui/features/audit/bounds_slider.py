"""A slider with two handles that a keyboard moves, too: the library's own knows the mouse alone."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from superqt import QDoubleRangeSlider

STEP, PAGE = 0.01, 0.1
MOVES = {
    Qt.Key.Key_Left: -STEP,
    Qt.Key.Key_Down: -STEP,
    Qt.Key.Key_Right: STEP,
    Qt.Key.Key_Up: STEP,
    Qt.Key.Key_PageDown: -PAGE,
    Qt.Key.Key_PageUp: PAGE,
}
HEIGHT = 20
"""Pixels: the handles are higher than the groove that the library measures."""


class BoundsSlider(QDoubleRangeSlider):
    """From 0 to 1. Arrows and pages move the left handle, with Shift the right one; neither passes the other."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(0.0, 1.0)
        self.setSingleStep(STEP)
        self.setMinimumHeight(HEIGHT)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        by = MOVES.get(Qt.Key(ev.key()))
        if by is None:
            super().keyPressEvent(ev)
            return
        low, high = self.value()
        if ev.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            high = min(1.0, max(low, round(high + by, 2)))
        else:
            low = max(0.0, min(high, round(low + by, 2)))
        self.setValue((low, high))
