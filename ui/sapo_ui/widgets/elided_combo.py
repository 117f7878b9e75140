"""A combo box of a fixed width for names of any length."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

from sapo_ui import theme
from sapo_ui.widgets.combo import COMBO_ROOM
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.still_boxes import StillCombo

WIDEST_LIST = 520


class ElidedCombo(StillCombo):
    """A long name ends in an ellipsis while the box is closed, and is whole in its list and on hover."""

    def __init__(self, name: str, width: int) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFont(theme.font("small"))
        self.setFixedWidth(width)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.currentTextChanged.connect(self._say)

    def fill(self, items: Sequence[tuple[str, object]], value: object) -> None:
        """Offer (text, value)s with `value` chosen, without a signal."""
        blocked = self.blockSignals(True)
        self.clear()
        for at, (text, data) in enumerate(items):
            self.addItem(text, data)
            if data == value:
                self.setCurrentIndex(at)
        self.blockSignals(blocked)
        widest = max((self.fontMetrics().horizontalAdvance(text) for text, _ in items), default=0)
        self.view().setMinimumWidth(min(WIDEST_LIST, widest + COMBO_ROOM))
        self._say()

    def _say(self) -> None:
        self.setToolTip(plain_tip(f"{self.accessibleName()}: {self.currentText()}"))

    def paintEvent(self, e: QPaintEvent) -> None:
        del e
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.width() - COMBO_ROOM
        shown = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room)
        option.currentText = shown  # pyright: ignore[reportAttributeAccessIssue]  # missing in the stubs
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
