"""What pyqtgraph draws for a histogram with a threshold: bars in two colours, a line with a handle and a label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtGui import QColor

from sapo_ui import theme
from sapo_ui.widgets.charts.plot_math import Floats
from sapo_ui.widgets.charts.plot_parts import PlotView, pen

HANDLE = 12
"""Width of the handle in pixels."""
GAP_SHARE = 0.08
"""Share of a bin's width that is left free between two bars."""


class Bars:
    """Counts by bin: below the threshold in one colour, from it on in another. A bin the line goes through is cut."""

    def __init__(self, view: PlotView) -> None:
        self.below = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None)
        self.reaching = pg.BarGraphItem(x0=[], x1=[], height=[], pen=None)
        for item in (self.below, self.reaching):
            view.put(item)

    def show(self, edges: Floats, counts: npt.NDArray[np.int64], threshold: float) -> None:
        """Draw `counts` between `edges`."""
        there = counts > 0
        room = float(edges[1] - edges[0]) * GAP_SHARE / 2
        left, right, height = edges[:-1][there] + room, edges[1:][there] - room, counts[there]
        split = np.clip(threshold, left, right)
        for item, x0, x1 in ((self.below, left, split), (self.reaching, split, right)):
            drawn = x1 > x0
            item.setOpts(x0=x0[drawn], x1=x1[drawn], height=height[drawn])

    def apply_colours(self, below: QColor, reaching: QColor) -> None:
        """Take two colours."""
        self.below.setOpts(brush=below, pen=None)
        self.reaching.setOpts(brush=reaching, pen=None)


class Threshold:
    """A line to drag, with a round handle at its foot and its value at its head."""

    def __init__(self, view: PlotView, name: str) -> None:
        self.line = pg.InfiniteLine(angle=90, movable=True, label=f"{name} {{value:g}}", labelOpts={"position": 1.0})
        self.line.setZValue(10)
        self.line.label.setFont(theme.font("small"))
        view.put(self.line)

    @property
    def x(self) -> float:
        """Where it stands."""
        at: Any = self.line.value()
        return float(at)

    def place(self, foot: float, head: float) -> None:
        """Draw the handle at `foot` and the value at `head`, shares of the view's height from below."""
        self.line.clearMarkers()
        self.line.addMarker("o", 0.0, HANDLE)
        self.line.setSpan(foot, 1.0)
        self.line.label.setPosition(head)

    def apply_colours(self, look: theme.Theme) -> None:
        """Take the theme's colours."""
        self.line.setPen(pen(look.text, 2))
        self.line.setHoverPen(pen(look.accent, 2))
        self.line.label.setColor(QColor(look.text))
