"""Lines with their intervals, named at their ends instead of in a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.chart_frame import ChartFrame, Format
from sapo_ui.widgets.plot_math import Floats, log_ticks, nice_ticks, padded, spread, thin

DOTS_UP_TO = 12


@dataclass(frozen=True, eq=False)
class Line:
    """A series. `x` ascends; `low` and `high` are its interval, point for point. `series` picks the colour."""

    name: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    series: int = 0
    dashed: bool = False


class LineChart(ChartFrame):
    """Draws `Line`s over one x axis. Under the pointer, or with the arrow keys, the end labels show the values at
    that x."""

    hovered = Signal(object)
    """(float | None) The x that is read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[Line, ...] = ()
        self._between: tuple[int, int] | None = None
        self._x_ticks: list[tuple[float, str]] | None = None
        self._x_format: Format = fmt.number
        self._y_format: Format = fmt.number
        self._value_format: Format = fmt.number
        self._y_range: tuple[float, float] | None = None
        self._y_least = 0.0
        self._log = False
        self._at: float | None = None
        self._separators: tuple[float, ...] = ()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is drawn."""
        return self._lines

    def set_lines(
        self,
        lines: Sequence[Line],
        *,
        x_ticks: Sequence[tuple[float, str]] | None = None,
        x_format: Format = fmt.number,
        y_format: Format = fmt.number,
        value_format: Format | None = None,
        y_range: tuple[float, float] | None = None,
        y_least: float = 0.0,
        between: tuple[int, int] | None = None,
        separators: Sequence[float] = (),
    ) -> None:
        """Draw `lines`. `value_format` writes the values at the lines' ends, `y_format` those on the axis. `between`
        shades the area from one line (by index) to another; `y_least` is the least
        height of the y axis."""
        self._lines = tuple(line for line in lines if len(line.x))
        self._between = between if between is not None and len(self._lines) == len(lines) else None
        self._x_ticks = list(x_ticks) if x_ticks is not None else None
        self._x_format, self._y_format = x_format, y_format
        self._value_format = value_format or y_format
        self._y_range, self._y_least = y_range, y_least
        self._separators = tuple(separators)
        self.update()

    def set_log(self, log: bool) -> None:
        """Whether y is drawn by its logarithm; values of 0 and less are then left out."""
        self._log = log
        self.update()

    # Scales

    def _x_range(self) -> tuple[float, float]:
        low = min(float(line.x[0]) for line in self._lines)
        high = max(float(line.x[-1]) for line in self._lines)
        if self._x_ticks:
            low, high = min(low, self._x_ticks[0][0]), max(high, self._x_ticks[-1][0])
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    def _y_limits(self) -> tuple[float, float]:
        if self._y_range is not None and not self._log:
            return self._y_range
        parts = [part for line in self._lines for part in (line.y, line.low, line.high) if part is not None]
        values = np.concatenate(parts)
        values = values[np.isfinite(values)]
        if self._log:
            values = np.log10(values[values > 0])
        if not len(values):
            return (0.0, 1.0)
        low, high = float(values.min()), float(values.max())
        if high - low < self._y_least:
            middle = (low + high) / 2
            low, high = middle - self._y_least / 2, middle + self._y_least / 2
        return padded(low, high)

    def _label_width(self) -> float:
        widest = max(
            (self.fontMetrics().horizontalAdvance(self._end_text(line, None)) for line in self._lines), default=0
        )
        return min(widest + 16.0, self.width() * 0.45)

    def _end_text(self, line: Line, at: float | None) -> str:
        return f"{line.name}  {self._value_format(value_at(line, at))}"

    def _plot(self) -> QRectF:
        left = 50.0
        return QRectF(
            left,
            8,
            max(10.0, self.width() - left - self._label_width()),
            max(10.0, self.height() - 8 - self.ascent() - 10),
        )

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._lines:
            return
        painter = QPainter(self)
        look = theme.current()
        plot, (x0, x1), (y0, y1) = self._plot(), self._x_range(), self._y_limits()

        def to_x(x: float) -> float:
            return plot.left() + 6 + (x - x0) / (x1 - x0) * (plot.width() - 12)

        def to_y(y: float) -> float:
            return plot.bottom() - (y - y0) / (y1 - y0) * plot.height()

        self._paint_axes(painter, plot, (x0, x1), (y0, y1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(plot.adjusted(0, -4, 4, 4))
        points = [self._points(line, plot, (x0, x1), (y0, y1)) for line in self._lines]
        if self._between is not None:
            first, second = (self._lines[index] for index in self._between)
            self._shade(painter, first, second, (x0, x1), (y0, y1), plot)
        for line in self._lines:
            self._band(painter, line, plot, (x0, x1), (y0, y1))
        for line, where in zip(self._lines, points, strict=True):
            pen = QPen(self.series_colour(line.series), 2 if len(where) <= 160 else 1)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            if line.dashed:
                pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.drawPolyline(QPolygonF(where))
            if len(where) <= DOTS_UP_TO:
                painter.setPen(QPen(QColor(look.surface), 1.5))
                painter.setBrush(self.series_colour(line.series))
                for point in where:
                    painter.drawEllipse(point, 3.6, 3.6)
        painter.setClipping(False)
        if self._at is not None:
            painter.setPen(QPen(QColor(look.muted), 1, Qt.PenStyle.DotLine))
            x = round(to_x(self._at)) + 0.5
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            for line in self._lines:
                y = self._scaled(value_at(line, self._at))
                if math.isfinite(y):
                    painter.setPen(QPen(QColor(look.text), 1.5))
                    painter.setBrush(self.series_colour(line.series))
                    painter.drawEllipse(QPointF(to_x(self._at), to_y(y)), 4.5, 4.5)
        self._paint_ends(painter, plot, [to_y(self._scaled(float(line.y[-1]))) for line in self._lines])
        if self.hasFocus():
            painter.setPen(QPen(QColor(look.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)

    def _scaled(self, value: float) -> float:
        if not self._log:
            return value
        return math.log10(value) if value > 0 else math.nan

    def _to_points(
        self, x: Floats, y: Floats, plot: QRectF, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> list[QPointF]:
        if self._log:
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.where(y > 0, np.log10(y), np.nan)
        there = np.isfinite(y)
        x, y = x[there], y[there]
        px = plot.left() + 6 + (x - x_range[0]) / (x_range[1] - x_range[0]) * (plot.width() - 12)
        py = plot.bottom() - (y - y_range[0]) / (y_range[1] - y_range[0]) * plot.height()
        return [QPointF(float(a), float(b)) for a, b in zip(px, py, strict=True)]

    def _points(
        self, line: Line, plot: QRectF, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> list[QPointF]:
        return self._to_points(*thin(line.x, line.y, max(8, int(plot.width()))), plot, x_range, y_range)

    def _area(self, painter: QPainter, top: list[QPointF], bottom: list[QPointF], colour: QColor, alpha: float) -> None:
        colour.setAlphaF(alpha)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([*top, *reversed(bottom)]))

    def _band(
        self, painter: QPainter, line: Line, plot: QRectF, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> None:
        if line.low is None or line.high is None:
            return
        there = np.isfinite(line.low) & np.isfinite(line.high)
        if not there.any():
            return
        high = self._to_points(line.x[there], line.high[there], plot, x_range, y_range)
        low = self._to_points(line.x[there], line.low[there], plot, x_range, y_range)
        self._area(painter, high, low, self.series_colour(line.series), 0.16)
        pen = QPen(self.series_colour(line.series), 1)
        painter.setPen(pen)
        for top, bottom in zip(high, low, strict=True):
            painter.drawLine(top, bottom)

    def _shade(
        self,
        painter: QPainter,
        a: Line,
        b: Line,
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        plot: QRectF,
    ) -> None:
        shared = np.intersect1d(a.x, b.x)
        if not len(shared):
            return
        upper = self._to_points(shared, a.y[np.isin(a.x, shared)], plot, x_range, y_range)
        lower = self._to_points(shared, b.y[np.isin(b.x, shared)], plot, x_range, y_range)
        colour = QColor(theme.current().muted)
        self._area(painter, upper, lower, colour, 0.18)

    def _paint_axes(
        self, painter: QPainter, plot: QRectF, x_range: tuple[float, float], y_range: tuple[float, float]
    ) -> None:
        (x0, x1), (y0, y1) = x_range, y_range
        most = max(2, int(plot.height() / 40))
        if self._log:
            ticks = log_ticks(10**y0, 10**y1) or [10 ** ((y0 + y1) / 2)]
            every = max(1, math.ceil(len(ticks) / (most + 1)))
            levels = [(math.log10(tick), self._y_format(tick)) for tick in ticks[::every]]
        else:
            levels = [(tick, self._y_format(tick)) for tick in nice_ticks(y0, y1, most)]
        scale = plot.height() / (y1 - y0)
        self.paint_y_axis(painter, plot, [(plot.bottom() - (value - y0) * scale, text) for value, text in levels])
        wide = (plot.width() - 12) / (x1 - x0)
        painter.setPen(QPen(QColor(theme.current().hairline), 1, Qt.PenStyle.DashLine))
        for x in self._separators:
            at = round(plot.left() + 6 + (x - x0) * wide) + 0.5
            painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
        marks = self._x_ticks
        if marks is None:
            marks = [(tick, self._x_format(tick)) for tick in nice_ticks(x0, x1, max(2, int(plot.width() / 80)))]
        self.paint_x_axis(painter, plot, [(plot.left() + 6 + (x - x0) * wide, text) for x, text in marks])

    def _paint_ends(self, painter: QPainter, plot: QRectF, wanted: list[float]) -> None:
        height = float(self.ascent())
        safe = [y if math.isfinite(y) else plot.bottom() for y in wanted]
        places = spread([y - height / 2 for y in safe], height, plot.top() - 6, plot.bottom() + 6)
        room = self.width() - plot.right() - 10
        for line, y in zip(self._lines, places, strict=True):
            painter.setPen(self.series_colour(line.series, text=True))
            text = self.fontMetrics().elidedText(self._end_text(line, self._at), Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(QRectF(plot.right() + 8, y, room + 2, height), Qt.AlignmentFlag.AlignVCenter, text)

    # Reading

    def _read(self, at: float | None) -> None:
        if at != self._at:
            self._at = at
            self.update()
            self.hovered.emit(at)

    def _positions(self) -> Floats:
        return np.unique(np.concatenate([line.x for line in self._lines])) if self._lines else np.zeros(0)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._lines:
            return
        plot, (x0, x1) = self._plot(), self._x_range()
        x = x0 + (event.position().x() - plot.left() - 6) / max(1.0, plot.width() - 12) * (x1 - x0)
        positions = self._positions()
        self._read(float(positions[int(np.argmin(np.abs(positions - x)))]))

    def leaveEvent(self, event: QEvent) -> None:
        del event
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        positions = self._positions()
        if step is None or not len(positions):
            super().keyPressEvent(event)
            return
        index = len(positions) - 1 if self._at is None else int(np.searchsorted(positions, self._at)) + step
        self._read(float(positions[max(0, min(len(positions) - 1, index))]))


def value_at(line: Line, at: float | None) -> float:
    """The line's value at `at` (None: at its end); NaN where it has no point there."""
    if at is None:
        return float(line.y[-1])
    index = int(np.searchsorted(line.x, at))
    return float(line.y[index]) if index < len(line.x) and line.x[index] == at else math.nan
