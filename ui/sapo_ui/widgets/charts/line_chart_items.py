"""What pyqtgraph draws for one `Line`: the curve, its band and its interval bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from sapo_ui.widgets.charts.plot_math import Floats
from sapo_ui.widgets.charts.plot_parts import PlotView, pen

DOTS_UP_TO = 12
WIDE_UP_TO = 160
"""A pen two pixels wide is several times slower than one, so long curves are drawn thin."""

NOTHING = np.zeros(0)


class Band:
    """The area between two curves over the same x."""

    def __init__(self, view: PlotView, z: float) -> None:
        # The two outlines are only measured, never drawn: they are no items of the scene.
        self.upper, self.lower = pg.PlotCurveItem(), pg.PlotCurveItem()
        self.fill = pg.FillBetweenItem(self.upper, self.lower)
        self.fill.setZValue(z)
        view.put(self.fill)

    def show(self, x: Floats, upper: Floats, lower: Floats) -> None:
        """Fill between `upper` and `lower`; nothing where they are empty or not finite."""
        there = np.isfinite(upper) & np.isfinite(lower)
        self.fill.setVisible(bool(there.any()))
        self.upper.setData(x[there], upper[there])
        self.lower.setData(x[there], lower[there])

    def apply_colours(self, colour: QColor, alpha: float) -> None:
        """Take a colour."""
        made = QColor(colour)
        made.setAlphaF(alpha)
        self.fill.setBrush(made)
        self.fill.setPen(None)


class LineItems:
    """The items of one line, used again for whatever line takes its place."""

    def __init__(self, view: PlotView) -> None:
        self.band = Band(view, -20)
        self.bars = pg.ErrorBarItem()
        self.curve = pg.PlotDataItem(antialias=True, connect="finite", useCache=False)
        view.put(self.bars)
        view.put(self.curve)

    def show(self, x: Floats, y: Floats) -> None:
        """Draw the curve; a value that is NaN is a gap."""
        self.curve.setData(x, y)
        self.curve.setVisible(bool(np.isfinite(y).any()))

    def show_interval(self, x: Floats, low: Floats, high: Floats) -> None:
        """Draw an interval at each x where it is known."""
        self.band.show(x, high, low)
        there = np.isfinite(low) & np.isfinite(high)
        self.bars.setData(x=x[there], y=low[there], top=(high - low)[there], bottom=0.0, beam=0.0)
        self.bars.setVisible(bool(there.any()))

    def clear(self) -> None:
        """Draw nothing."""
        self.show(NOTHING, NOTHING)
        self.show_interval(NOTHING, NOTHING, NOTHING)

    def apply_colours(self, colour: QColor, ground: str, points: int, *, dashed: bool) -> None:
        """Take a colour; dots on `ground` where the points are few."""
        style = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
        curve: Any = self.curve
        curve.setPen(pen(colour, 2 if points <= WIDE_UP_TO else 1, style))
        curve.setSymbol("o" if points <= DOTS_UP_TO else None)
        curve.setSymbolSize(8)
        curve.setSymbolBrush(colour)
        curve.setSymbolPen(pen(ground, 1.5))
        self.bars.setData(pen=pen(colour))
        self.band.apply_colours(colour, 0.16)


class Crosshair:
    """The line under the pointer, and a dot on each curve there."""

    def __init__(self, view: PlotView) -> None:
        self.line = pg.InfiniteLine(angle=90)
        self.dots = pg.ScatterPlotItem(pxMode=True, useCache=False, antialias=True)
        self.dots.setZValue(20)
        self.line.setZValue(10)
        view.put(self.line)
        view.put(self.dots)
        self.clear()

    def show(self, x: float, ys: Floats, colours: list[QColor]) -> None:
        """Read at `x`; a value that is not finite gets no dot."""
        there = np.isfinite(ys)
        brushes = [pg.mkBrush(colour) for colour, known in zip(colours, there, strict=True) if known]
        self.line.setValue(x)
        self.line.setVisible(True)
        self.dots.setData(x=np.full(int(there.sum()), x), y=ys[there], brush=brushes)
        self.dots.setVisible(bool(there.any()))

    def clear(self) -> None:
        """Read nothing."""
        self.line.setVisible(False)
        self.dots.setVisible(False)

    def apply_colours(self, text: str, muted: str) -> None:
        """Take the theme's colours."""
        self.line.setPen(pen(muted, 1, Qt.PenStyle.DotLine))
        self.dots.setPen(pen(text, 1.5))
        self.dots.setSize(10)
