"""A number and its interval on an axis that several rows share, in the colour of the row."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from sapo_ui import theme
from sapo_ui.widgets.charts.plot_math import nice_ticks

BAR, POINT = 4, 4.0

FLAT = 1e-9
"""Values that differ by less than this share are one."""

Axis = tuple[float, float]


def axis_around(values: Iterable[float | None], *, zero: bool = False) -> Axis:
    """From a round value below all of `values` to one above them; with `zero`, that is on it as well."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if zero or not known:
        known.append(0.0)
    low, high = min(known), max(known)
    if high - low < FLAT * max(1.0, abs(low), abs(high)):
        low, high = low - 0.01, high + 0.01
    ticks = nice_ticks(low, high, 10)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else high - low
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def paint_on_axis(
    painter: QPainter,
    where: QRectF,
    axis: Axis,
    interval: tuple[float | None, float | None, float | None],
    colour: QColor,
    *,
    zero: bool = False,
) -> None:
    """Draw (value, low, high) along the middle of `where`, which `axis` spans; `zero` marks the place of no
    difference."""
    look = theme.current()
    value, low, high = interval

    def x(at: float) -> float:
        share = (at - axis[0]) / ((axis[1] - axis[0]) or 1.0)
        return where.left() + min(1.0, max(0.0, share)) * where.width()

    middle = where.center().y()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(look.sunken))
    painter.drawRoundedRect(QRectF(where.left(), middle - BAR / 2, where.width(), BAR), 2, 2)
    painter.setBrush(colour)
    if low is not None and high is not None:
        painter.drawRoundedRect(QRectF(x(low), middle - BAR / 2, max(2.0, x(high) - x(low)), BAR), 2, 2)
    if zero:
        painter.setPen(QPen(QColor(look.muted), 1.5))
        painter.drawLine(QPointF(x(0.0), middle - 9), QPointF(x(0.0), middle + 9))
    if value is not None:
        painter.setPen(QPen(QColor(look.surface), 1.5))
        painter.drawEllipse(QPointF(x(value), middle), POINT + 0.5, POINT + 0.5)
