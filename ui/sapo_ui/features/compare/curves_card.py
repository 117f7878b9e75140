"""The curves of the picked runs over each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QTabBar, QVBoxLayout, QWidget

from sapo_studio.app.comparison.metrics import SHOWN
from sapo_studio.app.comparison.records import Axis, Comparison, Point
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.compare.figures import Slots, measured_tabs, slot_of, value_text
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.charts.chart_frame import Format
from sapo_ui.widgets.charts.line_chart import Line
from sapo_ui.widgets.charts.overlay_chart import Marks, OverlayChart
from sapo_ui.widgets.combo import combo_box
from sapo_ui.widgets.labels import label
from sapo_ui.wording import iteration_name

AXES: tuple[tuple[str, Axis], ...] = (("By iteration", "iteration"), ("By FLOPs", "flops"), ("By seconds", "seconds"))


class CurvesCard(Card):
    """Tabs choose the metric, the box the x axis."""

    metric_chosen = Signal(object)
    """(metric: str)"""

    axis_chosen = Signal(object)
    """(axis: Axis)"""

    chosen = Signal(object)
    """(group: int | None) Another line is in focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        inside = QWidget()
        super().__init__(inside, "", parent)
        self.setAccessibleName("Curves")
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Metric")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setFont(theme.font("small"))
        self.tabs.currentChanged.connect(self._tab)
        self.axis = combo_box("X axis", AXES, "What the curves go along")
        self.axis.currentIndexChanged.connect(self._axis_changed)
        self.chart = OverlayChart()
        self.chart.setAccessibleName("Curves")
        self.chart.focused.connect(self._focused)
        self.note = label("", "small", "muted", wrap=True)
        self._metrics: tuple[str, ...] = ()
        self._groups: list[int] = []
        self._said = self._notes = ""
        row = QHBoxLayout()
        row.setContentsMargins(theme.SPACE_1, theme.SPACE_1, theme.SPACE_2, 0)
        row.addWidget(self.tabs, 1)
        row.addWidget(self.axis)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, theme.SPACE_1)
        column.setSpacing(theme.SPACE_1)
        column.addLayout(row)
        column.addWidget(self.chart, 1)
        column.addWidget(self.note)
        self.note.setContentsMargins(theme.SPACE_3, 0, theme.SPACE_3, theme.SPACE_1)

    def show_comparison(self, comparison: Comparison, metric: str, axis: Axis, slots: Slots, *, papers: bool) -> None:
        """Draw the curves of `metric` along `axis`; with `papers`, the paper's figures where there are any."""
        self._fill(comparison, metric, axis)
        lines: list[Line] = []
        going: list[int] = []
        marks: list[Marks] = []
        missing: list[str] = []
        self._groups = []
        for at, group in enumerate(comparison.groups):
            points = group.curves.get(metric, ())
            known = [(x, point) for point in points if (x := point.x(axis)) is not None]
            if points and not known:
                missing.append(group.label)
            if not known:
                continue
            known.sort(key=lambda one: one[0])
            slot = slot_of(comparison, at, slots) or 0
            lines.append(_line(group.label, known, slot))
            self._groups.append(at)
            if any(comparison.run(run_id).going for run_id in group.runs):
                going.append(len(lines) - 1)
            run = comparison.run(group.runs[0])
            paper = [(x, run.paper[point.iteration]) for x, point in known if point.iteration in run.paper]
            if papers and metric == "greedy_accuracy" and paper:
                xs, values = np.array(paper).T
                marks.append(Marks(f"paper, {run.paper_method}", xs, values, series=slot))
        ticks = None
        if axis == "iteration":
            last = max((run.iterations for run in comparison.runs), default=0)
            ticks = [(float(number), iteration_name(number)) for number in range(last + 1)]
        along = next(text for text, key in AXES if key == axis)
        self.chart.setAccessibleName(f"{SHOWN[metric].short} {along.lower()}")
        bounds = (0.0, 1.0) if SHOWN[metric].unit == "share" else (-math.inf, math.inf)
        self.chart.set_beside(going=going, marks=marks, bounds=bounds)
        self.chart.set_lines(
            lines,
            x_ticks=ticks,
            x_format=_x_text(axis),
            y_format=lambda value: _y_text(metric, value),
            value_format=lambda value: value_text(metric, value),
            y_least=0.02 if SHOWN[metric].unit in ("share", "points") else 0.0,
        )
        said = [f"{', '.join(missing)}: nobody counted {_counted(axis)}." if missing else ""]
        if going:
            said.append("Dotted end: still running.")
        self._said = " ".join(part for part in said if part)
        self._show_note()

    def say(self, notes: str) -> None:
        """What there is to know of the runs."""
        self._notes = notes
        self._show_note()

    def _show_note(self) -> None:
        self.note.setText("\n".join(part for part in (self._said, self._notes) if part))
        self.note.setVisible(bool(self.note.text()))

    def focus_on(self, group: int | None) -> None:
        """Put the line of a side into focus."""
        self.chart.focus_on(self._groups.index(group) if group in self._groups else None)

    def point_to(self, group: int | None) -> None:
        """Put it into focus for a while; None: that while is over."""
        self.chart.point_to(self._groups.index(group) if group in self._groups else None)

    def _fill(self, comparison: Comparison, metric: str, axis: Axis) -> None:
        wanted = measured_tabs(comparison)
        blocked = self.tabs.blockSignals(True)
        if wanted != self._metrics:
            self._metrics = wanted
            while self.tabs.count():
                self.tabs.removeTab(0)
            for at, name in enumerate(wanted):
                self.tabs.addTab(SHOWN[name].short)
                self.tabs.setTabToolTip(at, SHOWN[name].definition)
        if metric in wanted:
            self.tabs.setCurrentIndex(wanted.index(metric))
        self.tabs.blockSignals(blocked)
        blocked = self.axis.blockSignals(True)
        self.axis.setCurrentIndex(get_args(Axis).index(axis))
        self.axis.blockSignals(blocked)

    def _axis_changed(self) -> None:
        self.axis_chosen.emit(self.axis.currentData())

    def _tab(self, at: int) -> None:
        if 0 <= at < len(self._metrics):
            self.metric_chosen.emit(self._metrics[at])

    def _focused(self, index: object) -> None:
        self.chosen.emit(self._groups[index] if isinstance(index, int) and index < len(self._groups) else None)


def _line(name: str, known: Sequence[tuple[float, Point]], slot: int) -> Line:
    low = np.array([math.nan if point.low is None else point.low for _, point in known])
    high = np.array([math.nan if point.high is None else point.high for _, point in known])
    measured = bool(np.isfinite(low).any())
    return Line(
        name,
        np.array([x for x, _ in known]),
        np.array([point.value for _, point in known]),
        low if measured else None,
        high if measured else None,
        series=slot,
    )


def _x_text(axis: Axis) -> Format:
    return fmt.duration if axis == "seconds" else fmt.number


def _y_text(metric: str, value: float) -> str:
    unit = SHOWN[metric].unit
    if unit == "share":
        return fmt.percent(value).replace(f".0{fmt.THIN}%", f"{fmt.THIN}%")
    return fmt.points(value) if unit == "points" else fmt.number(value)


def _counted(axis: Axis) -> str:
    return "its FLOPs" if axis == "flops" else "how long it worked"
