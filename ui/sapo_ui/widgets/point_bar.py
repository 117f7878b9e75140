"""A measured number on a fixed scale from 0 to 1: a point, and its interval as a bar."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme

HEIGHT, GROOVE, BAR, POINT = 12, 4, 4, 3


class PointBar(QWidget):
    """Bars of the same width are on the same scale. What lies outside of it is drawn at its end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value: float | None = None
        self._low: float | None = None
        self._high: float | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self._restyle)

    def show_value(self, value: float | None, low: float | None = None, high: float | None = None) -> None:
        """Draw `value` with its interval; None draws the empty scale."""
        if (value, low, high) != (self._value, self._low, self._high):
            self._value, self._low, self._high = value, low, high
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, HEIGHT)

    def _restyle(self) -> None:
        self.update()

    def _x(self, value: float) -> float:
        return min(1.0, max(0.0, value)) * (self.width() - POINT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.height() / 2
        painter.setBrush(QColor(look.sunken))
        painter.drawRoundedRect(QRectF(0, middle - GROOVE / 2, self.width(), GROOVE), 2, 2)
        if self._low is not None and self._high is not None:
            left, right = self._x(self._low), self._x(self._high) + POINT
            painter.setBrush(QColor(look.muted))
            painter.drawRoundedRect(QRectF(left, middle - BAR / 2, right - left, BAR), 2, 2)
        if self._value is not None:
            painter.setBrush(QColor(look.text))
            painter.drawRect(QRectF(self._x(self._value), middle - HEIGHT / 2 + 0.5, POINT, HEIGHT - 1))
