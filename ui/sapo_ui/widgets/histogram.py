"""A histogram with a threshold line that can be dragged."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.chart_frame import ChartFrame
from sapo_ui.widgets.plot_math import Floats, nice_ticks

LEFT, TOP, RIGHT = 50, 24, 12


class ThresholdHistogram(ChartFrame):
    """Counts `values` in equal bins. What reaches the threshold is drawn in the accent colour. Drag the line, or
    use Left and Right."""

    threshold_changed = Signal(object)
    """(float)"""

    def __init__(self, parent: QWidget | None = None, *, name: str = "threshold", unit: str = "") -> None:
        super().__init__(parent)
        self._values: Floats = np.zeros(0)
        self._counts = np.zeros(0, np.int64)
        self._edges: Floats = np.zeros(1)
        self._threshold = 0.0
        self._name, self._unit = name, unit
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)

    @property
    def threshold(self) -> float:
        """Where the line stands."""
        return self._threshold

    @property
    def reaching(self) -> int:
        """How many values are at or above the threshold."""
        return int(np.count_nonzero(self._values >= self._threshold))

    def set_values(self, values: Floats) -> None:
        """Count `values`."""
        self._values = values[np.isfinite(values)]
        self._bin()

    def _bin(self) -> None:
        if len(self._values):
            low = min(float(self._values.min()), 0.0)
            high = max(float(self._values.max()), 0.05)
            step = next(s for s in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1e9) if (high - low) / s <= 60)
            first, last = np.floor(low / step), np.ceil(high / step)
            self._edges = np.arange(first, last + 1) * step
            self._counts = np.histogram(self._values, self._edges)[0]
        else:
            self._counts = np.zeros(0, np.int64)
        self.update()

    def set_threshold(self, threshold: float) -> None:
        """Move the line; told as `threshold_changed`."""
        threshold = round(min(1.0, max(0.0, threshold)), 3)
        if threshold != self._threshold:
            self._threshold = threshold
            self.update()
            self.threshold_changed.emit(threshold)

    def _plot(self) -> QRectF:
        return QRectF(
            LEFT, TOP, max(10, self.width() - LEFT - RIGHT), max(10, self.height() - TOP - self.ascent() - 10)
        )

    def _x(self, value: float) -> float:
        plot = self._plot()
        span = float(self._edges[-1] - self._edges[0]) or 1.0
        return plot.left() + (value - float(self._edges[0])) / span * plot.width()

    def line_x(self) -> float:
        """Where the line is drawn."""
        return self._x(self._threshold)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not len(self._counts):
            return
        look = theme.current()
        painter = QPainter(self)
        plot = self._plot()
        most = max(1, int(self._counts.max()))
        ticks = [tick for tick in nice_ticks(0, most, max(2, int(plot.height() / 36))) if tick.is_integer()]
        self.paint_y_axis(painter, plot, [(plot.bottom() - t / most * plot.height(), fmt.count(t)) for t in ticks])
        low, high = float(self._edges[0]), float(self._edges[-1])
        marks = nice_ticks(low, high, max(2, int(plot.width() / 70)))
        self.paint_x_axis(painter, plot, [(self._x(mark), f"{mark:g}") for mark in marks])
        at = self.line_x()
        for index, amount in enumerate(self._counts.tolist()):
            if not amount:
                continue
            left, right = self._x(float(self._edges[index])), self._x(float(self._edges[index + 1]))
            tall = max(1.0, amount / most * plot.height())
            body = QRectF(left + 0.5, plot.bottom() - tall, max(1.0, right - left - 1), tall)
            split = min(max(at, body.left()), body.right())
            painter.fillRect(QRectF(body.left(), body.top(), split - body.left(), tall), QColor(look.border))
            painter.fillRect(QRectF(split, body.top(), body.right() - split, tall), QColor(look.accent))
        self._paint_line(painter, plot, at)

    def _paint_line(self, painter: QPainter, plot: QRectF, at: float) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(look.text), 2))
        painter.drawLine(QPointF(at, plot.top() - 2), QPointF(at, plot.bottom()))
        painter.setBrush(QColor(look.accent if self.hasFocus() else look.surface))
        painter.drawEllipse(QPointF(at, plot.bottom()), 6, 6)
        text = f"{self._name} {self._threshold:g}"
        wide = self.fontMetrics().horizontalAdvance(text) + 4
        left = at + 6 if at + 6 + wide < self.width() else at - 6 - wide
        painter.setPen(QColor(look.text))
        painter.drawText(QRectF(left, 2, wide, TOP - 4), Qt.AlignmentFlag.AlignVCenter, text)

    def _drag(self, event: QMouseEvent) -> None:
        plot = self._plot()
        share = (event.position().x() - plot.left()) / max(1.0, plot.width())
        self.set_threshold(float(self._edges[0]) + share * float(self._edges[-1] - self._edges[0]))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and len(self._counts):
            self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and len(self._counts):
            self._drag(event)
        near = len(self._counts) > 0 and abs(event.position().x() - self.line_x()) < 8
        self.setCursor(Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -0.01, Qt.Key.Key_Right: 0.01}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.set_threshold(self._threshold + step)
