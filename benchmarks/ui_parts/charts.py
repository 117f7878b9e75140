"""Frames of the heatmap and of a long curve."""

from __future__ import annotations

import numpy as np

from sapo_ui.features.heatmap.binning import Grid, MarkLayer
from sapo_ui.features.heatmap.view import HeatmapView
from sapo_ui.widgets.charts.line_chart import Line, LineChart
from ui_parts.measure import Report, frames

SIZE = (1200, 440)
COLUMNS, STEPS = 20_000, 16


def grid(columns: int) -> Grid:
    """Made-up trajectories of 4 to 16 steps, most of them with a first error."""
    rng = np.random.default_rng(0)
    length, error = rng.integers(4, STEPS + 1, columns), rng.integers(0, 5, columns)
    step = np.arange(1, STEPS + 1)
    values = rng.random((columns, STEPS)).astype(np.float32)
    values[step[None, :] > length[:, None]] = np.nan
    marks = (MarkLayer("verified", "square", error), MarkLayer("predicted", "triangle", np.roll(error, 1)))
    return Grid(values, rng.integers(0, columns // 8, columns), marks)


def heatmap() -> Report:
    """Zooming and panning over 20,000 trajectories of up to 16 steps, and taking in new rows of fewer and as many."""
    view = HeatmapView()
    view.resize(*SIZE)
    view.show()
    redraw: Report = {}
    for columns in (COLUMNS // 100, COLUMNS // 10, COLUMNS):
        made = grid(columns)

        def take(_: int, made: Grid = made) -> None:
            view.set_grid(made)
            view.grab()

        redraw[str(columns)] = frames(take, 20)

    def zoom(at: int) -> None:
        view.zoom(0.8 if at % 30 < 15 else 1 / 0.8, 0.4)
        view.grab()

    def pan(at: int) -> None:
        view.pan(173 if at % 60 < 30 else -173)
        view.grab()

    report = {"columns": COLUMNS, "steps": STEPS, "redraw": redraw, "zoom": frames(zoom)}
    view.fit()
    view.zoom(0.3, 0.5)
    report["pan"] = frames(pan)
    view.deleteLater()
    return report


def curve(points: int) -> Report:
    """Zooming, panning and growing of one long curve."""
    rng = np.random.default_rng(1)
    x, y = np.arange(float(points)), rng.normal(0, 0.1, points).cumsum()
    chart = LineChart(zoom=True)
    chart.resize(*SIZE)
    chart.show()
    chart.set_lines([Line("loss", x, y)])
    view = chart.view
    assert view is not None

    def zoom(at: int) -> None:
        share = 0.9 ** (at % 30)
        view.show_x(points * (0.5 - share / 2), points * (0.5 + share / 2))
        chart.grab()

    def pan(at: int) -> None:
        low = points * 0.2 + points * 0.005 * (at % 60)
        view.show_x(low, low + points * 0.4)
        chart.grab()

    def grow(at: int) -> None:
        shown = points - 1000 + at
        chart.set_lines([Line("loss", x[:shown], y[:shown])])
        chart.grab()

    report = {"points": points, "zoom": frames(zoom), "pan": frames(pan)}
    chart.reset_view()
    report["grow"] = frames(grow, 60)
    chart.deleteLater()
    return report
