"""Lines that are held against each other: the interval of one at a time, ends that go on, and figures of others."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import QWidget

from sapo_ui import theme
from sapo_ui.widgets.charts.line_chart import MOST_FOR_LABELS, Line, LineChart, Table
from sapo_ui.widgets.charts.plot_math import Floats

if TYPE_CHECKING:
    from sapo_ui.widgets.charts.overlay_items import HollowMarks, OpenEnd
    from sapo_ui.widgets.charts.plot_parts import PlotView

NEAR = 28
"""Pixels between the pointer and a line that it means."""

MOST_FOR_NAMES = 0.34
"""Share of the chart's width that a name and its value at a line's end may take."""

OPEN_END = 0.05
"""How far the dashed end of a line that goes on reaches, as a share of the width."""


@dataclass(frozen=True, eq=False)
class Marks:
    """Values that were not measured here, such as those of a paper. `series` is the line's that they belong to."""

    name: str
    x: Floats
    y: Floats
    series: int = 0


class OverlayChart(LineChart):
    """A line is in focus while the pointer is near it, or after Up and Down: only then its interval is drawn."""

    focused = Signal(object)
    """(index: int | None) Another line is in focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._focus: int | None = None
        self._kept: int | None = None
        self._going: frozenset[int] = frozenset()
        self._marks: tuple[Marks, ...] = ()
        self._bounds = (-math.inf, math.inf)
        self._ends: list[OpenEnd] = []
        self._squares: list[HollowMarks] = []

    @property
    def marks(self) -> tuple[Marks, ...]:
        """The figures of others that are drawn."""
        return self._marks

    @property
    def going(self) -> frozenset[int]:
        """The lines that are drawn as going on."""
        return self._going

    def set_beside(
        self,
        *,
        going: Collection[int] = (),
        marks: Sequence[Marks] = (),
        bounds: tuple[float, float] = (-math.inf, math.inf),
    ) -> None:
        """What the next lines (`set_lines`) are drawn with: those that go on, by index, and figures of others. The y
        axis leaves no room for what lies beyond `bounds`, such as intervals of a mean of shares."""
        self._going, self._marks, self._bounds = frozenset(going), tuple(marks), bounds

    def focus_on(self, index: int | None) -> None:
        """Put a line into focus until another is; None: none."""
        self._kept = index
        self._set_focus(index)

    def point_to(self, index: int | None) -> None:
        """Put a line into focus for a while, as the pointer does; None: that while is over."""
        self._set_focus(self._kept if index is None else index)

    def _set_focus(self, index: int | None) -> None:
        if index is not None and index >= len(self.lines):
            index = None
        if index != self._focus:
            self._focus = index
            name = "" if index is None else self.lines[index].name
            self.setAccessibleDescription(f"In focus: {name}" if name else "Up and Down put a line into focus.")
            if self._view is not None and self.lines:
                self._draw(self._view)
            self.focused.emit(index)

    # What is drawn beside the lines

    def shows_interval(self, index: int) -> bool:
        return index == self._focus

    def add_items(self, view: PlotView) -> None:
        super().add_items(view)
        view.pointed_at.connect(self._point_at)

    def apply_colours(self, view: PlotView) -> None:
        super().apply_colours(view)
        self._colour_beside()

    def _colour_beside(self) -> None:
        for item, index in zip(self._ends, sorted(self._going), strict=False):
            item.apply_colours(self.series_colour(self.lines[index].series))
        for item, marks in zip(self._squares, self._marks, strict=False):
            item.apply_colours(self.series_colour(marks.series), theme.current().surface)

    def table(self) -> Table:
        rows: list[Sequence[object]] = list(super().table())
        for one in self._marks:
            nothing = [None] * len(one.x)
            rows += zip([one.name] * len(one.x), one.x.tolist(), one.y.tolist(), nothing, nothing, strict=True)
        return rows

    def _x_range(self) -> tuple[float, float]:
        low, high = super()._x_range()
        return low, high + (OPEN_END * (high - low) if self._going else 0.0)

    def _y_limits(self, shown: Sequence[Floats]) -> tuple[float, float]:
        values = [*shown, *(self._scaled(one.y) for one in self._marks)]
        return super()._y_limits([np.clip(part, *self._bounds) for part in values])

    def _draw(self, view: PlotView) -> None:
        from sapo_ui.widgets.charts.overlay_items import HollowMarks, OpenEnd

        super()._draw(view)
        while len(self._ends) < len(self._going):
            self._ends.append(OpenEnd(view))
        while len(self._squares) < len(self._marks):
            self._squares.append(HollowMarks(view))
        low, high = view.seen
        for item in self._ends[len(self._going) :]:
            item.clear()
        for item, index in zip(self._ends, sorted(self._going), strict=False):
            line = self.lines[index]
            y = float(self._scaled(line.y[-1:])[0])
            item.show(float(line.x[-1]), float(line.x[-1]) + OPEN_END * (high - low), y)
        for item in self._squares[len(self._marks) :]:
            item.clear()
        for item, one in zip(self._squares, self._marks, strict=False):
            item.show(one.x, self._scaled(one.y))
        self._colour_beside()

    def _label(self, view: PlotView) -> None:
        from sapo_ui.widgets.charts.plot_parts import EndLabel

        super()._label(view)
        extra = [
            EndLabel(float(self._scaled(one.y[-1:])[0]), f"\u25a1 {one.name}", QColor(theme.current().muted))
            for one in self._marks
            if len(one.y)
        ]
        if extra:
            labels = [*view.ends.labels, *extra]
            widest = max(self.fontMetrics().horizontalAdvance(one.text) for one in labels)
            view.ends.setWidth(round(min(widest + 14.0, self.width() * MOST_FOR_LABELS)))
            view.ends.set_labels(labels)

    def _end_text(self, line: Line, at: float) -> str:
        """A long name gives way to the value behind it; where the line has no point, its name alone."""
        metrics = self.fontMetrics()
        value = super()._end_text(line, at).removeprefix(line.name) if np.any(line.x == at) else ""
        room = round(self.width() * MOST_FOR_NAMES) - metrics.horizontalAdvance(value)
        return metrics.elidedText(line.name, Qt.TextElideMode.ElideMiddle, room) + value

    # Which line is in focus

    def _point_at(self, at: object) -> None:
        self.point_to(self._nearest(at) if isinstance(at, QPointF) else None)

    def _nearest(self, at: QPointF) -> int | None:
        """The line nearest to a place in the view's own values; None where none is near."""
        if self._view is None:
            return None
        low, high = self._view.box.viewRange()[1]
        pixel = (high - low) / max(1.0, float(self._view.box.height()))
        found: list[tuple[float, int]] = []
        for index, line in enumerate(self.lines):
            if line.x[0] <= at.x() <= line.x[-1] or len(line.x) == 1:
                y = float(np.interp(at.x(), line.x, self._scaled(line.y)))
                if math.isfinite(y):
                    found.append((abs(y - at.y()) / pixel, index))
        best = min(found, default=(math.inf, 0))
        return best[1] if best[0] <= NEAR else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None or not self.lines:
            super().keyPressEvent(event)
            return
        order = sorted(range(len(self.lines)), key=lambda index: -float(np.nan_to_num(self.lines[index].y[-1])))
        at = order.index(self._focus) + step if self._focus in order else 0
        self.focus_on(order[max(0, min(len(order) - 1, at))])
