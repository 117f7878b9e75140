"""Lines with their intervals, named at their ends instead of in a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.widgets.charts.chart_frame import Format
from sapo_ui.widgets.charts.plot_frame import PlotFrame
from sapo_ui.widgets.charts.plot_math import Floats, padded, thin
from sapo_ui.widgets.panel_export import Table, with_unit

if TYPE_CHECKING:
    from pyqtgraph import InfiniteLine

    from sapo_ui.widgets.charts.line_chart_items import Band, Crosshair, LineItems
    from sapo_ui.widgets.charts.plot_parts import PlotView

LEFT_ROOM = 46
SIDE_SHARE = 0.02
"""Room left and right of the data, as a share of its width."""

FLAT = 1e-6
"""Values that differ by no more than this share of themselves are drawn as one."""

MOST_FOR_LABELS = 0.56
"""Share of the chart's width that the names at the lines' ends may take."""


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

    @property
    def drawable(self) -> bool:
        """Whether any of its values has a place."""
        return bool(np.isfinite(self.y).any())


class LineChart(PlotFrame):
    """Draws `Line`s over one x axis. Under the pointer, or with the arrow keys, the end labels show the values at
    that x. With `zoom`, the wheel and dragging change what part of x is seen; y follows it."""

    hovered = Signal(object)
    """(float | None) The x that is read."""

    def __init__(self, parent: QWidget | None = None, *, zoom: bool = False) -> None:
        super().__init__(parent)
        self.zoom = zoom
        self._lines: tuple[Line, ...] = ()
        self._between: tuple[int, int] | None = None
        self._x_ticks: list[tuple[float, str]] | None = None
        self._x_format: Format = fmt.number
        self._y_format: Format = fmt.number
        self._value_format: Format = fmt.number
        self._whole_x = False
        self._units = ("", "")
        self._y_range: tuple[float, float] | None = None
        self._y_least = 0.0
        self._y_seen = (0.0, 1.0)
        self._log = False
        self._at: float | None = None
        self._zoomed = False
        self._placing = False
        self._items: list[LineItems] = []
        self._shading: Band
        self._crosshair: Crosshair
        self._separators: list[InfiniteLine] = []

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
        whole_x: bool = False,
        y_format: Format = fmt.number,
        value_format: Format | None = None,
        y_range: tuple[float, float] | None = None,
        y_least: float = 0.0,
        between: tuple[int, int] | None = None,
        separators: Sequence[float] = (),
        units: tuple[str, str] = ("", ""),
    ) -> None:
        """Draw `lines`. `value_format` writes the values at the lines' ends, `y_format` those on the axis. `whole_x`:
        x are whole numbers. `between` shades the area from one line (by index) to another; `y_least` is the least
        height of the y axis. `units` of x and of the values, for who takes the numbers out. A part of x that was zoomed
        to stays in view."""
        self._lines = tuple(line for line in lines if len(line.x))
        self._between = between if between is not None and len(self._lines) == len(lines) else None
        self._x_ticks = list(x_ticks) if x_ticks is not None else None
        self._x_format, self._y_format = x_format, y_format
        self._value_format = value_format or y_format
        self._y_range, self._y_least, self._whole_x, self._units = y_range, y_least, whole_x, units
        if not self._lines:
            self._zoomed = False
            if self._view is not None:
                self._view.setVisible(False)
            return
        view = self.need_view()
        view.setVisible(True)
        self._separate(view, separators)
        self._colour_lines(view)
        self._place(view)

    def set_log(self, log: bool) -> None:
        """Whether y is drawn by its logarithm; values of 0 and less are then left out."""
        self._log = log
        if self._view is not None and self._lines:
            self._draw(self._view)

    # The plot and its colours

    def add_items(self, view: PlotView) -> None:
        from sapo_ui.widgets.charts.line_chart_items import Band, Crosshair

        view.left.setWidth(LEFT_ROOM)
        view.set_top(6)
        self._shading = Band(view, -30)
        self._crosshair = Crosshair(view)
        view.pointed.connect(self._pointed)
        view.restored.connect(self.reset_view)
        view.box.sigXRangeChanged.connect(self._moved)

    def apply_colours(self, view: PlotView) -> None:
        look = theme.current()
        self._shading.apply_colours(QColor(look.muted), 0.18)
        self._crosshair.apply_colours(look.text, look.muted)
        for line in self._separators:
            line.setPen(_separator_pen())
        if self._lines:
            self._colour_lines(view)
            self._label(view)

    def _colour_lines(self, view: PlotView) -> None:
        from sapo_ui.widgets.charts.line_chart_items import LineItems

        while len(self._items) < len(self._lines):
            self._items.append(LineItems(view))
        for items, line in zip(self._items, self._lines, strict=False):
            colour = self.series_colour(line.series)
            items.apply_colours(colour, theme.current().surface, len(line.x), dashed=line.dashed)

    def _separate(self, view: PlotView, separators: Sequence[float]) -> None:
        from pyqtgraph import InfiniteLine

        while len(self._separators) < len(separators):
            line = InfiniteLine(angle=90, pen=_separator_pen())
            line.setZValue(-40)
            view.put(line)
            self._separators.append(line)
        for index, line in enumerate(self._separators):
            line.setVisible(index < len(separators))
            if index < len(separators):
                line.setValue(separators[index])

    def table(self) -> Table:
        """A row a point: its line, x, value, and the interval where there is one."""
        return _rows(self._lines, *self._units)

    # Scales

    def _x_range(self) -> tuple[float, float]:
        shown = [line for line in self._lines if line.drawable] or self._lines
        low, high = min(float(line.x[0]) for line in shown), max(float(line.x[-1]) for line in shown)
        if self._x_ticks:
            low, high = min(low, self._x_ticks[0][0]), max(high, self._x_ticks[-1][0])
        if high <= low:
            return low - 0.5, high + 0.5
        room = SIDE_SHARE * (high - low)
        return low - room, high + room

    def _scaled(self, values: Floats) -> Floats:
        """What is drawn of `values`: NaN for those that have no place."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self._log:
                values = np.where(values > 0, np.log10(values), np.nan)
            return np.where(np.isfinite(values), values, np.nan)

    def _y_limits(self, shown: Sequence[Floats]) -> tuple[float, float]:
        """The y axis over all values of `shown`; where none has a place, as it was."""
        if self._y_range is not None and not self._log:
            return padded(*self._y_range, share=0.03)
        finite = [values[np.isfinite(values)] for values in shown]
        finite = [values for values in finite if len(values)]
        if not finite:
            return self._y_seen
        low, high = min(float(values.min()) for values in finite), max(float(values.max()) for values in finite)
        middle = (low + high) / 2
        least = self._y_least
        if high - low <= FLAT * abs(middle):  # one value: its last digits are no scale
            least = max(least, abs(middle) / 2 or 1.0)
        if high - low < least:
            low, high = middle - least / 2, middle + least / 2
        self._y_seen = padded(low, high)
        return self._y_seen

    def _place(self, view: PlotView) -> None:
        """Fit the view to the data, or keep what was zoomed to."""
        low, high = self._x_range()
        self._placing = True
        if self.zoom:
            view.limit_x(low, high)
        if not self._zoomed:
            view.show_x(low, high)
        self._placing = False
        self._draw(view)

    def _moved(self) -> None:
        """The user has zoomed or panned."""
        if self._placing or self._view is None or not self._lines:
            return
        whole, seen = self._x_range(), self._view.seen
        self._zoomed = seen[1] - seen[0] < 0.999 * (whole[1] - whole[0])
        self._draw(self._view)

    @property
    def zoomed(self) -> bool:
        return self._zoomed

    def reset_view(self) -> None:
        self._zoomed = False
        if self._view is not None and self._lines:
            self._place(self._view)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._view is not None and self._lines:
            self._draw(self._view)

    # Drawing

    def _draw(self, view: PlotView) -> None:
        """Hand pyqtgraph what is in view, at most two points a pixel."""
        low, high = view.seen
        shown: list[Floats] = []
        for index, (items, line) in enumerate(zip(self._items, self._lines, strict=False)):
            part = _slice(line.x, low, high)
            # Thinned first: few values are then left to be scaled and measured, the lowest and the highest among them.
            x, y = line.x[part], line.y[part]
            if self._log:
                above = ~(y <= 0)  # NaN stays, as a gap
                x, y = x[above], y[above]
            x, y = thin(x, y, max(8, self.width()))
            y = self._scaled(y)
            items.show(x, y)
            shown.append(y)
            if line.low is not None and line.high is not None:
                interval = self._scaled(line.low[part]), self._scaled(line.high[part])
                shown += interval
                seen = slice(None) if self.shows_interval(index) else slice(0)
                items.show_interval(line.x[part][seen], interval[0][seen], interval[1][seen])
            else:
                items.show_interval(x[:0], x[:0], x[:0])
        view.show_y(*self._y_limits(shown))
        view.left.set_ticks(self._y_format, log=self._log)
        view.bottom.set_ticks(self._x_format, self._x_ticks, whole=self._whole_x)
        for items in self._items[len(self._lines) :]:
            items.clear()
        if self._between is None:
            nothing = np.zeros(0)
            self._shading.show(nothing, nothing, nothing)
        else:
            first, second = (self._lines[index] for index in self._between)
            shared, at, there = np.intersect1d(first.x, second.x, return_indices=True)
            self._shading.show(shared, self._scaled(first.y[at]), self._scaled(second.y[there]))
        self._label(view)
        self._show_crosshair()

    def _label(self, view: PlotView) -> None:
        from sapo_ui.widgets.charts.plot_parts import EndLabel

        high = view.seen[1]
        ends = [self._end(line, high) for line in self._lines]
        texts = [self._end_text(line, x) for line, x in zip(self._lines, ends, strict=True)]
        widest = max((self.fontMetrics().horizontalAdvance(text) for text in texts), default=0)
        view.ends.setWidth(round(min(widest + 14.0, self.width() * MOST_FOR_LABELS)))
        view.ends.set_labels(
            [
                EndLabel(
                    float(self._scaled(np.array([value_at(line, x)]))[0]),
                    self._end_text(line, x if self._at is None else self._at),
                    self.series_colour(line.series, text=True),
                )
                for line, x in zip(self._lines, ends, strict=True)
            ]
        )

    def _end(self, line: Line, high: float) -> float:
        """The last x of `line` that is in view."""
        return float(line.x[max(0, int(np.searchsorted(line.x, high, side="right")) - 1)])

    def _end_text(self, line: Line, at: float) -> str:
        return f"{line.name}  {self._value_format(value_at(line, at))}"

    def shows_interval(self, index: int) -> bool:
        """Whether the interval of this line is drawn. The y axis has room for it in either case."""
        del index
        return True

    # Reading values

    def _show_crosshair(self) -> None:
        if self._at is None:
            self._crosshair.clear()
            return
        ys = self._scaled(np.array([value_at(line, self._at) for line in self._lines]))
        self._crosshair.show(self._at, ys, [self.series_colour(line.series) for line in self._lines])

    def _read(self, at: float | None) -> None:
        if at == self._at:
            return
        self._at = at
        if self._view is not None and self._lines:
            self._label(self._view)
            self._show_crosshair()
        self.hovered.emit(at)

    def _near(self, at: float) -> Floats:
        """The points of all lines next to `at` that are in view, ascending: those before, on and after it."""
        low, high = self._view.seen if self._view is not None else (-math.inf, math.inf)
        found: list[Floats] = []
        for line in self._lines:
            inside = line.x[_slice(line.x, low, high, beyond=0)]
            found.append(inside[_slice(inside, at, at)])
        return np.unique(np.concatenate(found)) if found else np.zeros(0)

    def _pointed(self, x: object) -> None:
        near = self._near(x) if isinstance(x, float) else np.zeros(0)
        self._read(float(near[int(np.argmin(np.abs(near - x)))]) if len(near) and isinstance(x, float) else None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None or not self._lines:
            super().keyPressEvent(event)
            return
        if self._at is None:
            near = self._near(math.inf)
            self._read(float(near[-1]) if len(near) else None)
            return
        near = self._near(self._at)
        beyond = near[near > self._at] if step > 0 else near[near < self._at][::-1]
        if len(beyond):
            self._read(float(beyond[0]))


def value_at(line: Line, at: float | None) -> float:
    """The line's value at `at` (None: at its end); NaN where it has no point there."""
    if at is None:
        return float(line.y[-1])
    index = int(np.searchsorted(line.x, at))
    return float(line.y[index]) if index < len(line.x) and line.x[index] == at else math.nan


def _slice(x: Floats, low: float, high: float, beyond: int = 1) -> slice:
    """The points of `x` from `low` to `high`, and as many beyond on either side, so that lines run out of the view."""
    first = int(np.searchsorted(x, low)) - beyond
    last = int(np.searchsorted(x, high, side="right")) + beyond
    return slice(max(0, first), last)


def _separator_pen() -> object:
    from sapo_ui.widgets.charts.plot_parts import pen

    return pen(theme.current().hairline, 1, Qt.PenStyle.DashLine)


def _rows(lines: Sequence[Line], x: str, value: str) -> Table:
    """The points of `lines`, one by one: of training curves there may be a million."""
    yield ("series", with_unit("x", x), *(with_unit(name, value) for name in ("value", "low", "high")))
    for line in lines:
        low, high = (repeat(None) if ends is None else map(float, ends) for ends in (line.low, line.high))
        yield from zip(repeat(line.name), map(float, line.x), map(float, line.y), low, high, strict=False)
