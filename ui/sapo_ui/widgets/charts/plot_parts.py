"""The parts of pyqtgraph that the charts use, made quiet: round ticks, labels at line ends, a box that pans and zooms
along x only. Imports pyqtgraph, which takes a while: the charts import this module when they first have data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import Format
from sapo_ui.widgets.charts.plot_controls import QuietPlot
from sapo_ui.widgets.charts.plot_math import log_ticks, nice_ticks, spread

PIXELS_PER_TICK = {"left": 40, "bottom": 64}
MARGIN = 40
"""How far the text of a tick may stand out over the beginning of its axis, in pixels."""
END = 2
"""The same over its end."""


class TickAxis(pg.AxisItem):
    """Round values, or a fixed list of them, without an axis line. Texts that would run into each other are left out.

    On a logarithmic axis the view's own values are exponents of ten.
    """

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self._format: Format = fmt.number
        self._fixed: dict[float, str] | None = None
        self._log = False
        self._whole = False
        self.enableAutoSIPrefix(False)

    def set_ticks(
        self,
        form: Format,
        fixed: Sequence[tuple[float, str]] | None = None,
        *,
        log: bool = False,
        whole: bool = False,
    ) -> None:
        """Write values by `form`, or take the (value, text) of `fixed`; `whole`: whole numbers only."""
        self._format, self._log, self._whole = form, log, whole
        self._fixed = dict(fixed) if fixed is not None else None
        self.picture = None
        self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N803
        """One level of ticks within the view."""
        values = self._wanted(minVal, maxVal, size)
        return [(1.0, values if self.orientation == "left" else self._apart(values, minVal, maxVal, size))]

    def _wanted(self, low: float, high: float, size: float) -> list[float]:
        slack = (high - low) * 1e-6
        most = max(2, int(size / PIXELS_PER_TICK[self.orientation]))
        if self._fixed is not None:
            return [value for value in self._fixed if low - slack <= value <= high + slack]
        if self._log:
            found = log_ticks(10**low, 10**high) or [10 ** ((low + high) / 2)]
            return [math.log10(tick) for tick in found[:: max(1, math.ceil(len(found) / (most + 1)))]]
        found = nice_ticks(low - slack, high + slack, most)
        return [tick for tick in found if not self._whole or float(tick).is_integer()]

    def _apart(self, values: Sequence[float], low: float, high: float, size: float) -> list[float]:
        metrics = QFontMetricsF(theme.font("small"))
        kept: list[float] = []
        edge = -math.inf
        for value, text in zip(values, self.tickStrings(values, 1.0, 1.0), strict=True):
            half = metrics.horizontalAdvance(text) / 2
            middle = min((value - low) / ((high - low) or 1.0) * size, size + END - half)
            if middle - half > edge + 8:
                kept.append(value)
                edge = middle + half
        return kept

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The text of each of `values`."""
        del scale, spacing
        if self._fixed is not None:
            return [self._fixed[value] for value in values]
        return [self._format(10**value if self._log else value) for value in values]

    def generateDrawSpecs(self, p: QPainter) -> tuple[Any, list[Any], list[Any]] | None:
        """Gridlines and texts; below, texts alone (a tick without length would be drawn as a dot), none of which
        stands out on the right, where the names of lines are."""
        specs = super().generateDrawSpecs(p)
        if specs is None or self.orientation == "left":
            return specs
        end = self.mapRectFromParent(self.geometry()).right() + END
        texts = [(where.translated(min(0.0, end - where.right()), 0), flags, text) for where, flags, text in specs[2]]
        return specs[0], [], texts

    def boundingRect(self) -> QRectF:
        return super().boundingRect().adjusted(-MARGIN, -8, MARGIN, 8)


@dataclass(frozen=True)
class EndLabel:
    """Text at the end of a line, in its colour. `y` is in the view's own values."""

    y: float
    text: str
    colour: QColor


class EndLabels(pg.AxisItem):
    """Takes the place of the right axis and of a legend: names the lines where they end, clear of each other."""

    def __init__(self) -> None:
        super().__init__("right")
        self._labels: tuple[EndLabel, ...] = ()

    @property
    def labels(self) -> tuple[EndLabel, ...]:
        """What is written."""
        return self._labels

    def set_labels(self, labels: Sequence[EndLabel]) -> None:
        """Write `labels`."""
        self._labels = tuple(labels)
        self.picture = None
        self.update()

    def generateDrawSpecs(self, p: QPainter) -> tuple[Any, list[Any], list[Any]]:
        """Texts and their places, for `drawPicture`."""
        box = self.mapRectFromParent(self.geometry())
        metrics = QFontMetricsF(theme.font("small"))
        low, high = self.range
        height, room = metrics.height(), box.width() - 10
        ys = [box.bottom() - (one.y - low) / ((high - low) or 1.0) * box.height() for one in self._labels]
        wanted = [(y if math.isfinite(y) else box.bottom()) - height / 2 for y in ys]
        places = spread(wanted, height, box.top() - 6, box.bottom() + 6)
        specs = [
            (
                QRectF(box.left() + 8, y, room + 2, height),
                metrics.elidedText(one.text, Qt.TextElideMode.ElideRight, room),
                one.colour,
            )
            for one, y in zip(self._labels, places, strict=True)
        ]
        return None, [], specs

    def drawPicture(self, p: QPainter, axisSpec: Any, tickSpecs: list[Any], textSpecs: list[Any]) -> None:  # noqa: N803
        """Write the texts."""
        p.setFont(theme.font("small"))
        for where, text, colour in textSpecs:
            p.setPen(colour)
            p.drawText(where, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, text)

    def boundingRect(self) -> QRectF:
        return super().boundingRect().adjusted(0, -12, 0, 12)


class Box(pg.ViewBox):
    """Where the data is drawn. Left drag and wheel are pyqtgraph's; the right button is left to the context menu."""

    picked = Signal(object)
    """(float) The x that was clicked, or dragged to, with the left button."""

    def __init__(self, *, zoom: bool) -> None:
        super().__init__(enableMenu=False)
        self._pans = zoom
        self.setMouseEnabled(x=zoom, y=False)

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Pan, where that is allowed."""
        if ev.button() != Qt.MouseButton.LeftButton:
            ev.ignore()
        elif self._pans:
            super().mouseDragEvent(ev, axis)
        else:
            ev.accept()
            self.picked.emit(float(self.mapToView(ev.pos()).x()))

    def mouseClickEvent(self, ev: Any) -> None:
        """Pick an x."""
        if ev.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(float(self.mapToView(ev.pos()).x()))


class PlotView(pg.PlotWidget):
    """A plot without pyqtgraph's buttons and menus. Keys, focus and context menu are left to the widget around it."""

    pointed = Signal(object)
    """(float | None) The x under the pointer; None when it has left."""

    pointed_at = Signal(object)
    """(QPointF | None) The same with its y, in the view's own values."""

    restored = Signal()
    """Double click."""

    def __init__(self, parent: QWidget, *, zoom: bool = False) -> None:
        self.box = Box(zoom=zoom)
        self.left = TickAxis("left")
        self.bottom = TickAxis("bottom")
        self.ends = EndLabels()
        axes = {"left": self.left, "bottom": self.bottom, "right": self.ends}
        super().__init__(parent, plotItem=QuietPlot(viewBox=self.box, axisItems=axes, enableMenu=False))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.viewport().setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.setAntialiasing(True)
        # pyqtgraph's own signatures are too loose to be checked
        self._item: Any = self.getPlotItem()
        self._item.layout.setContentsMargins(0, 0, 0, 0)
        # Never shown. Without a parent it would outlive the window.
        self._item.ctrlMenu.setParent(self, Qt.WindowType.Popup)
        self.box.disableAutoRange()
        for axis in axes.values():
            axis.setZValue(-200)  # gridlines lie under the data

    def put(self, item: Any) -> None:
        """Draw `item`, over the values of both axes."""
        self._item.addItem(item, ignoreBounds=True)

    def set_top(self, pixels: int) -> None:
        """Leave room above the data."""
        self._item.layout.setContentsMargins(0, pixels, 0, 0)

    def show_x(self, low: float, high: float) -> None:
        """Show x from `low` to `high`."""
        self._item.setXRange(low, high, padding=0)

    def show_y(self, low: float, high: float) -> None:
        """Show y from `low` to `high`."""
        self._item.setYRange(low, high, padding=0)

    def limit_x(self, low: float, high: float) -> None:
        """Let nobody pan or zoom out of `low` to `high`, nor into less than a ten-thousandth of it."""
        self._item.setLimits(xMin=low, xMax=high, minXRange=(high - low) * 1e-4)

    @property
    def seen(self) -> tuple[float, float]:
        """The x that is in view, from and to."""
        low, high = self.box.viewRange()[0]
        return float(low), float(high)

    @property
    def pixel(self) -> float:
        """The width of a pixel in x."""
        low, high = self.seen
        return (high - low) / max(1.0, float(self.box.width()))

    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        super().mouseMoveEvent(ev)
        at: QPointF = self.box.mapSceneToView(self.mapToScene(ev.position().toPoint()))
        self.pointed.emit(at.x())
        self.pointed_at.emit(at)

    def leaveEvent(self, ev: QEvent) -> None:
        super().leaveEvent(ev)
        self.pointed.emit(None)
        self.pointed_at.emit(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.restored.emit()


def pen(colour: QColor | str, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A pen as wide on the screen whatever the scale."""
    made = QPen(QColor(colour), width, style)
    made.setCosmetic(True)
    made.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return made
