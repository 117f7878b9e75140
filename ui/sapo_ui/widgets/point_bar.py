"""A measured number on a fixed scale from 0 to 1: a point, and its interval as a bar."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_ui import theme

HEIGHT, GROOVE, BAR, POINT = 12, 4, 4, 3
RING = 4.5


def paint_interval(
    painter: QPainter,
    where: QRectF,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    most: float = 1.0,
    ring: float | None = None,
) -> None:
    """Draw the scale from 0 to `most` along the middle of `where`, with a `value` and its interval, and a `ring` at a
    second value that it is held against. What lies outside of the scale is drawn at its end."""
    look = theme.current()

    def x(at: float) -> float:
        return where.left() + min(1.0, max(0.0, at / most)) * (where.width() - POINT)

    painter.setPen(Qt.PenStyle.NoPen)
    middle = where.center().y()
    painter.setBrush(QColor(look.sunken))
    painter.drawRoundedRect(QRectF(where.left(), middle - GROOVE / 2, where.width(), GROOVE), 2, 2)
    if low is not None and high is not None:
        left, right = x(low), x(high) + POINT
        painter.setBrush(QColor(look.muted))
        painter.drawRoundedRect(QRectF(left, middle - BAR / 2, right - left, BAR), 2, 2)
    if value is not None:
        painter.setBrush(QColor(look.text))
        painter.drawRect(QRectF(x(value), middle - HEIGHT / 2 + 0.5, POINT, HEIGHT - 1))
    if ring is not None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((look.surface, 4.0), (look.accent, 2.0)):
            painter.setPen(QPen(QColor(color), width))
            painter.drawEllipse(QPointF(x(ring) + POINT / 2, middle), RING, RING)


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

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_interval(painter, QRectF(self.rect()), self._value, self._low, self._high)
