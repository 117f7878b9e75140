"""The heatmap's marks: a hollow triangle, a filled square, a ring. White on a dark edge, so that they read on
every score."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF


def triangle(painter: QPainter, at: QPointF, size: float, colour: QColor, edge: QColor) -> None:
    """A hollow triangle, `size` pixels wide, centred at `at`."""
    half = size / 2
    shape = QPolygonF(
        [
            QPointF(at.x(), at.y() - half),
            QPointF(at.x() + half, at.y() + half * 0.8),
            QPointF(at.x() - half, at.y() + half * 0.8),
        ]
    )
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(edge, 3.4), QPen(colour, 1.5)):
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolygon(shape)


def square(painter: QPainter, at: QPointF, size: float, colour: QColor, edge: QColor) -> None:
    """A filled square."""
    painter.setPen(QPen(edge, 1.4))
    painter.setBrush(colour)
    painter.drawRect(QRectF(at.x() - size / 2, at.y() - size / 2, size, size))


def ring(painter: QPainter, at: QPointF, size: float, colour: QColor, edge: QColor) -> None:
    """A ring."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(edge, 3.6), QPen(colour, 1.7)):
        painter.setPen(pen)
        painter.drawEllipse(at, size / 2, size / 2)


DRAW = {"triangle": triangle, "square": square, "ring": ring}
SIZES = {"triangle": 9.0, "square": 6.0, "ring": 13.0}
"""Pixels, on the heatmap."""

TEXT_SIZES = {"triangle": 9.0, "square": 6.5, "ring": 9.0}
"""Pixels, in a line of text."""
