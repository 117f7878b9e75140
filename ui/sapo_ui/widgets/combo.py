"""Combo boxes of (text, value) pairs: made, filled again without losing the choice, read and restored by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QComboBox

from sapo_ui import theme
from sapo_ui.widgets.still_boxes import StillCombo

COMBO_ROOM = 56


def combo_box(name: str, items: Sequence[tuple[str, Any]], hover: str = "") -> QComboBox:
    """A combo box of (text, value), as wide as its longest text."""
    box = StillCombo()
    box.setAccessibleName(name)
    box.setToolTip(hover or name)
    box.setFont(theme.font("small"))
    set_items(box, items)
    return box


def chosen_values(boxes: Mapping[str, QComboBox]) -> dict[str, str]:
    """What is chosen in each box, as text."""
    return {name: str(box.currentData(Qt.ItemDataRole.UserRole)) for name, box in boxes.items()}


def choose_values(boxes: Mapping[str, QComboBox], choices: Mapping[str, str]) -> None:
    """Choose what `chosen_values` gave, where the boxes have it."""
    for name, box in boxes.items():
        for row in range(box.count()):
            if str(box.itemData(row, Qt.ItemDataRole.UserRole)) == choices.get(name):
                box.setCurrentIndex(row)


def set_items(box: QComboBox, items: Sequence[tuple[str, Any]]) -> None:
    """Replace the items of `box`, keep the chosen value where it is still there, and send no signal."""
    old = [(box.itemText(row), box.itemData(row, Qt.ItemDataRole.UserRole)) for row in range(box.count())]
    if old == list(items):
        return
    chosen: Any = box.currentData(Qt.ItemDataRole.UserRole)
    blocked = box.blockSignals(True)
    box.clear()
    for text, value in items:
        box.addItem(text, value)
    for row in range(box.count()):
        if box.itemData(row, Qt.ItemDataRole.UserRole) == chosen and chosen is not None:
            box.setCurrentIndex(row)
            break
    box.blockSignals(blocked)
    widest = max((QFontMetrics(box.font()).horizontalAdvance(text) for text, _ in items), default=40)
    box.setFixedWidth(widest + COMBO_ROOM)
