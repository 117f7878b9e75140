"""The colour of a picked run, wherever it is named."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from sapo_ui import theme

DOT = 5.0
"""Pixels from the middle of a dot to its edge."""


def colour_of(slot: int | None) -> QColor:
    """The colour of a run; grey for one that has none."""
    look = theme.current()
    return QColor(look.border if slot is None else look.series[slot % len(look.series)])


def paint_dot(painter: QPainter, slot: int | None, x: float, y: float) -> None:
    """Draw the dot around a point; hollow for a run that has no colour."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colour = colour_of(slot)
    painter.setPen(QPen(colour, 1.5) if slot is None else Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush if slot is None else colour)
    painter.drawEllipse(QPointF(x, y), DOT, DOT)
