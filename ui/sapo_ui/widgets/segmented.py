"""A row of joined buttons of which one is down."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme

HEIGHT, PAD = 28, 9


class Segmented(QWidget):
    """One choice of few, all of them in sight. Left and Right change it."""

    chosen = Signal(object)
    """(the value) The user chose another."""

    def __init__(self, name: str, hover: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[tuple[str, int], ...] = ()
        self._value: int | None = None
        self._name = name
        self.setAccessibleName(name)
        self.setToolTip(hover or name)
        self.setFont(theme.font("small"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    @property
    def value(self) -> int | None:
        """What is chosen."""
        return self._value

    @property
    def values(self) -> list[int]:
        """What can be chosen."""
        return [value for _, value in self._items]

    def set_items(self, items: Sequence[tuple[str, int]]) -> None:
        """Offer (text, value)s; keeps the choice where it is still there."""
        if tuple(items) != self._items:
            self._items = tuple(items)
            if self._value not in self.values:
                self._value = None
            self.updateGeometry()
            self.update()

    def set_value(self, value: int | None) -> None:
        """Choose without a signal."""
        if value != self._value:
            self._value = value
            name = next((text for text, known in self._items if known == value), "")
            self.setAccessibleDescription(f"{self._name}: {name}")
            self.update()

    def _restyle(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(sum(self._widths())) + 2, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _widths(self) -> list[float]:
        return [self.fontMetrics().horizontalAdvance(text) + 2.0 * PAD for text, _ in self._items]

    def rect_of(self, value: int) -> QRectF:
        """Where the button of `value` is."""
        left = 1.0
        for (_, known), wide in zip(self._items, self._widths(), strict=True):
            if known == value:
                return QRectF(left, 1, wide, HEIGHT - 2)
            left += wide
        return QRectF()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._items:
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self.isEnabled() else 0.5)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(look.border), 1))
        painter.setBrush(QColor(look.raised))
        painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
        for text, value in self._items:
            where = self.rect_of(value)
            down = value == self._value
            if down:
                painter.setPen(QPen(QColor(look.accent), 1.5))
                painter.setBrush(QColor(look.accent_soft))
                painter.drawRoundedRect(where.adjusted(1, 1, -1, -1), theme.RADIUS - 2, theme.RADIUS - 2)
            painter.setPen(QColor(look.text if down else look.muted))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, text)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.drawRoundedRect(frame.adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for value in self.values:
            if self.rect_of(value).contains(event.position()):
                self._choose(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._items:
            super().keyPressEvent(event)
            return
        at = self.values.index(self._value) if self._value in self.values else 0
        self._choose(self.values[max(0, min(len(self._items) - 1, at + step))])

    def _choose(self, value: int) -> None:
        if value != self._value:
            self.set_value(value)
            self.chosen.emit(value)
