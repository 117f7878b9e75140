"""A histogram with a threshold line that can be dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.plot_frame import PlotFrame
from sapo_ui.widgets.charts.plot_math import Floats
from sapo_ui.widgets.panel_export import Table, with_unit

if TYPE_CHECKING:
    from sapo_ui.widgets.charts.histogram_items import Bars, Threshold
    from sapo_ui.widgets.charts.plot_parts import PlotView

LEFT_ROOM, RIGHT_ROOM = 46, 12
FOOT, HEAD = 7, 20
"""Room for the handle below the bars and for the value above them, in pixels."""
NEAR = 8
"""So many pixels from the line one can take hold of it."""
BIN_WIDTHS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1e9)
MOST_BINS = 60


class ThresholdHistogram(PlotFrame):
    """Counts `values` in equal bins. What reaches the threshold is drawn in the accent colour. Drag the line, click
    where it should stand, or use Left and Right."""

    threshold_changed = Signal(object)
    """(float)"""

    def __init__(
        self, parent: QWidget | None = None, *, name: str = "threshold", units: tuple[str, str] = ("", "")
    ) -> None:
        """`units` of the values and of what is counted, for who takes the numbers out."""
        super().__init__(parent)
        self._values: Floats = np.zeros(0)
        self._counts = np.zeros(0, np.int64)
        self._edges: Floats = np.zeros(1)
        self._threshold = 0.0
        self._name = name
        self._units = units
        self._bars: Bars
        self._line: Threshold

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
        if len(self._values):
            low = min(float(self._values.min()), 0.0)
            high = max(float(self._values.max()), 0.05)
            step = next(s for s in BIN_WIDTHS if (high - low) / s <= MOST_BINS)
            first, last = np.floor(low / step), np.ceil(high / step)
            self._edges = np.arange(first, last + 1) * step
            self._counts = np.histogram(self._values, self._edges)[0]
            self._draw(self.need_view())
        else:
            self._counts = np.zeros(0, np.int64)
        if self._view is not None:
            self._view.setVisible(len(self._counts) > 0)

    def set_threshold(self, threshold: float) -> None:
        """Move the line; told as `threshold_changed`."""
        threshold = round(min(1.0, max(0.0, threshold)), 3)
        if threshold != self._threshold:
            self._threshold = threshold
            self._show_threshold()
            self.threshold_changed.emit(threshold)

    def table(self) -> Table:
        """A row a bin: from, to, how many."""
        bins = zip(self._edges[:-1].tolist(), self._edges[1:].tolist(), self._counts.tolist(), strict=False)
        value, counted = self._units
        return [(with_unit("from", value), with_unit("to", value), with_unit("count", counted)), *bins]

    def line_x(self) -> float:
        """Where the line is drawn, in pixels of this widget; NaN while there is nothing to draw."""
        if self._view is None:
            return float("nan")
        at: QPoint = self._view.mapFromScene(self._view.box.mapViewToScene(QPointF(self._threshold, 0.0)))
        return float(self._view.mapTo(self, at).x())

    # The plot

    def add_items(self, view: PlotView) -> None:
        from sapo_ui.widgets.charts.histogram_items import Bars, Threshold

        view.left.setWidth(LEFT_ROOM)
        view.left.set_ticks(fmt.count, whole=True)
        view.bottom.set_ticks("{:g}".format)
        view.ends.setWidth(RIGHT_ROOM)
        self._bars = Bars(view)
        self._line = Threshold(view, self._name)
        self._line.line.sigDragged.connect(self._dragged)
        view.box.picked.connect(self._picked)
        view.pointed.connect(self._pointed)
        view.box.sigResized.connect(self._resized)

    def apply_colours(self, view: PlotView) -> None:
        look = theme.current()
        self._bars.apply_colours(QColor(look.border), QColor(look.accent))
        self._line.apply_colours(look)

    def _draw(self, view: PlotView) -> None:
        most = max(1, int(self._counts.max()))
        tall = max(FOOT + HEAD + 8.0, float(view.box.height()))
        pixel = most / (tall - FOOT - HEAD)
        view.show_x(float(self._edges[0]), float(self._edges[-1]))
        view.show_y(-FOOT * pixel, most + HEAD * pixel)
        self._line.place(FOOT / tall, 1 - HEAD / 2 / tall)
        self._show_threshold()

    def _resized(self) -> None:
        if self._view is not None and len(self._counts):
            self._draw(self._view)

    def _show_threshold(self) -> None:
        if self._view is not None and len(self._counts):
            self._bars.show(self._edges, self._counts, self._threshold)
            self._line.line.setValue(self._threshold)

    def _dragged(self) -> None:
        self.set_threshold(self._line.x)
        self._show_threshold()  # the line itself goes no further than the threshold

    def _pointed(self, x: object) -> None:
        if self._view is None:
            return
        near = isinstance(x, float) and abs(x - self._threshold) < NEAR * self._view.pixel
        self._view.viewport().setCursor(Qt.CursorShape.SizeHorCursor if near else Qt.CursorShape.ArrowCursor)

    def _picked(self, x: object) -> None:
        if isinstance(x, float):
            self.set_threshold(x)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -0.01, Qt.Key.Key_Right: 0.01}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.set_threshold(self._threshold + step)
