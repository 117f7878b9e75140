"""What pyqtgraph draws beside the lines of an `OverlayChart`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from sapo_ui.widgets.charts.plot_math import Floats
from sapo_ui.widgets.charts.plot_parts import PlotView, pen

MARK = 9
"""Pixels."""


class OpenEnd:
    """A dashed piece behind the last point of a line that goes on. It says nothing of where to, so it is level."""

    def __init__(self, view: PlotView) -> None:
        self.curve = pg.PlotCurveItem(antialias=True)
        self.curve.setZValue(-5)
        view.put(self.curve)

    def show(self, x: float, end: float, y: float) -> None:
        """Draw it from `x` to `end`; nothing where `y` has no place."""
        self.curve.setVisible(bool(np.isfinite(y)))
        self.curve.setData(np.array([x, end]), np.array([y, y]))

    def clear(self) -> None:
        """Draw nothing."""
        self.curve.setVisible(False)

    def apply_colours(self, colour: QColor) -> None:
        """Take a colour."""
        self.curve.setPen(pen(colour, 2, Qt.PenStyle.DotLine))


class HollowMarks:
    """Hollow squares."""

    def __init__(self, view: PlotView) -> None:
        self.marks: Any = pg.ScatterPlotItem(pxMode=True, useCache=False, antialias=True)
        self.marks.setSymbol("s")
        self.marks.setSize(MARK)
        self.marks.setZValue(15)
        view.put(self.marks)

    def show(self, x: Floats, y: Floats) -> None:
        """Draw one at each point that has a place."""
        there = np.isfinite(y)
        self.marks.setData(x=x[there], y=y[there])
        self.marks.setVisible(bool(there.any()))

    def clear(self) -> None:
        """Draw nothing."""
        self.marks.setVisible(False)

    def apply_colours(self, colour: QColor, ground: str) -> None:
        """Take a colour, on `ground`."""
        self.marks.setPen(pen(colour, 2))
        self.marks.setBrush(QColor(ground))
