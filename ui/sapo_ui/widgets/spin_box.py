"""A box for a whole number."""

from __future__ import annotations

from PySide6.QtWidgets import QSpinBox

from sapo_ui.widgets.wheel_guard import WheelGuard

MARGIN, WIDEST = 7, 140


def spin_box(name: str, low: int, high: int, value: int, suffix: str = "") -> QSpinBox:
    """A spin box from `low` to `high`; its text stands as far from the edge as that of a line edit."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(suffix)
    box.setAccessibleName(name)
    box.setMaximumWidth(WIDEST)
    box.lineEdit().setTextMargins(MARGIN, 0, MARGIN, 0)  # a style sheet's padding is not kept here
    WheelGuard(box)
    return box
