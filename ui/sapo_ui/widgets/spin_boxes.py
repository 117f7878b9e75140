"""Spin boxes whose text stands as that of other fields does."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QLineEdit, QSpinBox

from sapo_ui.widgets.still_boxes import StillDoubleSpin, StillSpin

SIDE = 7
"""Pixels beside the text. Qt's style sheets know no padding of a spin box's text."""


def whole_box(name: str, low: int, high: int, value: int, suffix: str = "") -> QSpinBox:
    """A field for a whole number."""
    box = StillSpin()
    box.setRange(low, high)
    box.setValue(value)
    box.setSuffix(suffix)
    _dress(box, name)
    return box


def share_box(name: str, step: float, decimals: int) -> QDoubleSpinBox:
    """A field for a number from 0 to 1."""
    box = StillDoubleSpin()
    box.setRange(0.0, 1.0)
    box.setSingleStep(step)
    box.setDecimals(decimals)
    _dress(box, name)
    return box


def _dress(box: QAbstractSpinBox, name: str) -> None:
    box.setAccessibleName(name)
    text = box.findChild(QLineEdit)
    if text is not None:
        text.setTextMargins(SIDE, 0, SIDE, 0)
