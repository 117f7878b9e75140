"""The verifiers of a matrix by iteration, a picture a task: the gap and the self-verification error of all methods that
have a verifier (the paper's Figures 1 and 6), and for each method what the gap lies between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sapo_studio.app.experiments.table import read_run
from sapo_studio.app.reports import drawing
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.domain.statistics import Mean, mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from sapo_studio.app.experiments.matrix_file import Matrix
    from sapo_studio.app.experiments.runner import Placed
    from sapo_studio.store.db import Store

Curve = Sequence[tuple[int, Mean]]
"""Iteration, and the mean over seeds."""
Curves = Mapping[str, Curve]
"""By metric."""
GAP, ERROR, VERIFIER, CEILING = "gap", "self_verification_error", "verifier_step_accuracy", "mce"
ACROSS = 6


def verifiers(out: Path, store: Store, matrix: Matrix, found: Sequence[Placed]) -> list[Path]:
    """Draw TASK-verifiers.svg (NAME-verifiers.svg where there is one task) into `out`, over finished runs that have a
    verifier. Returns what was drawn."""
    drawn: list[Path] = []
    for task in matrix.tasks:
        methods: dict[str, Curves] = {}
        for name, method in matrix.methods.items():
            runs = [
                read_run(store, placed).metrics
                for placed in found
                if placed.done and placed.cell.task == task and placed.cell.method == name
            ]
            curves = by_iteration(runs)
            if GAP in curves:
                methods[method.title] = curves
        if methods:
            drawn.append(picture(out / f"{task or matrix.name}-verifiers.svg", methods))
    return drawn


def by_iteration(runs: Sequence[Mapping[int, Mapping[str, float]]]) -> Curves:
    """Means over runs of what all of them have measured."""
    curves: dict[str, Curve] = {}
    for metric in (GAP, ERROR, VERIFIER, CEILING):
        shared = (
            set.intersection(*({i for i, values in run.items() if metric in values} for run in runs)) if runs else ()
        )
        if shared:
            curves[metric] = [(i, mean([run[i][metric] for run in runs])) for i in sorted(shared)]
    return curves


def picture(path: Path, methods: Mapping[str, Curves]) -> Path:
    """Above: gap and self-verification error, a line a method. Below: verifier and ceiling, a panel a method."""
    rows = -(-len(methods) // ACROSS)
    across = max(3, min(len(methods), ACROSS))  # one alone would be as wide as the page
    with drawing.drawing(path, 11.5, 3.8 + 2.3 * rows) as figure:
        above, below = cast("list[SubFigure]", figure.subfigures(2, 1, height_ratios=[3.8, 2.3 * rows]))
        left, right = above.subplots(1, 2)
        grid = below.subplots(rows, across, sharex=True, sharey=True, squeeze=False)
        panels = [axes for row in grid for axes in row]
        for place, (axes, (title, curves)) in enumerate(zip(panels, methods.items(), strict=False)):
            _between(axes, title, curves, named=place == 0)
            if place % across == 0:
                axes.set_ylabel("step accuracy, %")
            axes.set_xlabel("iteration" if place + across >= len(methods) else "")
        for axes in panels[len(methods) :]:
            axes.set_visible(False)
        _all(figure, left, methods, GAP, "Gap: ceiling less verifier, points")
        _all(figure, right, methods, ERROR, f"{METRICS[ERROR].title}, {METRICS[ERROR].shown_unit}")
    return path


def _all(figure: Figure, axes: Axes, methods: Mapping[str, Curves], metric: str, title: str) -> None:
    drawing.plain(axes, "iteration", "", title)
    ends: list[drawing.End] = []
    for place, (name, curves) in enumerate(methods.items()):
        if metric not in curves:
            continue
        colour, marker, style = drawing.look(place)
        # Many bands over one another could not be told apart: the first method's (the one compared with) is shown.
        x, y = _line(axes, curves[metric], colour, marker, style, band=place == 0, signed=metric == GAP)
        ends.append(drawing.End(x, y, name, colour))
    if metric == GAP:
        axes.axhline(0, color=drawing.GREY, linewidth=1.0)
    drawing.whole_numbers(axes)
    drawing.label_ends(figure, axes, ends)


def _between(axes: Axes, title: str, curves: Curves, *, named: bool) -> None:
    """What the gap of one method lies between."""
    drawing.plain(axes, "", "", title)
    axes.title.set_fontsize(9)
    for metric, colour, style, name in (
        (CEILING, drawing.GREY, "--", "Monte-Carlo ceiling"),
        (VERIFIER, drawing.BLUE, "-", "verifier"),
    ):
        if metric in curves:
            _line(axes, curves[metric], colour, "", style, name)
    drawing.whole_numbers(axes)
    if named:
        axes.legend(frameon=False, fontsize=8, loc="lower right", handlelength=1.6, borderpad=0)


def _line(
    axes: Axes,
    curve: Curve,
    colour: str,
    marker: str,
    style: str = "-",
    name: str | None = None,
    *,
    band: bool = True,
    signed: bool = False,
) -> tuple[float, float]:
    """Mean in per cent, and its interval as a `band` or as a bar at the end; shares end at 0 and 100, what is `signed`
    does not. Returns where the line ends."""
    x = [i for i, _ in curve]
    y = [100 * one.value for _, one in curve]
    axes.plot(x, y, color=colour, marker=marker or None, linestyle=style, label=name)
    if all(one.low is not None for _, one in curve):
        low, high = (
            [100 * (end or 0.0) for end in ends]
            for ends in zip(*((one.low, one.high) for _, one in curve), strict=True)
        )
        if not signed:
            low, high = ([min(100.0, max(0.0, end)) for end in ends] for ends in (low, high))
        if band:
            axes.fill_between(x, low, high, color=colour, alpha=drawing.BAND, linewidth=0)
        else:
            axes.vlines(x[-1], low[-1], high[-1], color=colour, alpha=0.6, linewidth=1.2)
    return x[-1], y[-1]
