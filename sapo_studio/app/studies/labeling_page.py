"""What `sapo label-study` found, as tables, a page and a picture. Costs are per trajectory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sapo_studio.app.reports import drawing
from sapo_studio.app.reports.paragraphs import filled
from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.metrics import wilson
from sapo_studio.files import write_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {
    key: (drawing.COLOURS[k % len(drawing.COLOURS)] if labeler.rolls_out else drawing.GREY, drawing.look(k)[1])
    for k, (key, labeler) in enumerate(LABELERS.items())
}
"""Colour and mark of each labeler; grey is who measures nothing."""
HEADS = ("labeler", "checks", "rollouts", "tokens", "/Shep.", "/Omega", "MFLOP", "ms", "steps", "exact")
LEGEND = (
    "Costs per trajectory: prefixes checked (*checks*), *rollouts*, generated *tokens* (also as a share of Shepherd's "
    "and Omega's), *MFLOP* (generated tokens and those read) and *ms*; *steps*: share of labels that are correct by "
    "the step oracle; *exact*: share of trajectories whose first error is found."
)
Row = dict[str, Any]
PANELS: tuple[tuple[str, Callable[[Row], float | None], bool], ...] = (
    ("tokens generated", lambda row: row["tokens"] / row["trajectories"], True),
    ("milliseconds", lambda row: 1000 * row["seconds"] / row["trajectories"], True),
    ("labels correct, %", lambda row: _percent(row["step_accuracy"]), False),
    ("first error found, %", lambda row: _percent(row["first_error_accuracy"]), False),
)
"""Title, value, and whether it is a cost (drawn by factors, labelers that cost nothing left out)."""


def sheet(one: Row) -> Sheet:
    """One study's labelers side by side."""
    rows = {row["labeler"]: row for row in one["labelers"]}
    count = next(iter(rows.values()))["trajectories"]
    title = f"{count} incorrect trajectories" + (f" of problems of {one['length']} steps" if one["length"] else "")
    note = ""

    def against(row: Row, other: str) -> str:
        theirs = rows[other]["tokens"] if other in rows else 0
        return f"{row['tokens'] / theirs:.2f}" if theirs else ""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    lines: list[tuple[str, ...]] = []
    for name, row in rows.items():
        if row["least_checks"] is not None:
            note = f"No search from these scores can do with fewer than {row['least_checks']:.2f} checks."
            if row.get("promised") is not None:
                note += f" The search is {row['promised']:.1%} sure of its first errors on average"
                note += f"; it reached the confidence asked for in {row['reached']:.1%} of trajectories"
                note += "." if row["kept"] is None else f", and {row['kept']:.1%} of these first errors are true."
        lines.append(
            (
                LABELERS[name].title,
                f"{row['checks'] / count:.2f}",
                f"{row['rollouts'] / count:.1f}",
                f"{row['tokens'] / count:.1f}",
                against(row, "shepherd"),
                against(row, "omega"),
                f"{row['flops'] / count / 1e6:,.1f}",
                f"{1000 * row['seconds'] / count:.1f}",
                share(row["step_accuracy"]),
                share(row["first_error_accuracy"]),
            )
        )
    return Sheet(title, HEADS, tuple(lines), note)


def head(found: Row) -> str:
    """What was studied, in one line."""
    return (
        f"{found['run']}, iteration {found['iteration']}: at most {found['rollouts']} rollouts per check; "
        f"the search ends at {found['confidence']:.0%} confidence"
    )


def write(out: Path, found: Row) -> list[Path]:
    """Write results.md, results.json and labelers.svg into the folder `out`. Returns what was written."""
    image = picture(out / "labelers.svg", found["studies"])
    text, raw = out / "results.md", out / "results.json"
    write_output(text, filled(markdown(found, image.name)))
    write_output(raw, json.dumps(found, indent=1) + "\n")
    return [text, raw, image]


def markdown(found: Row, image: str) -> str:
    """The page."""
    parts = [f"# Labelers on the same trajectories\n\n{head(found)}.\n\n{LEGEND}{_doubt(found)}\n"]
    parts += [f"![cost and accuracy by labeler]({image})\n"]
    return "\n".join([*parts, *(sheet(one).markdown() for one in found["studies"])])


def _doubt(found: Row) -> str:
    """How far off a share of found first errors may be: the widest of the intervals."""
    widths = [
        (interval.high - interval.low) / 2
        for one in found["studies"]
        for row in one["labelers"]
        if (exact := row["first_error_accuracy"]) is not None
        for interval in (wilson(round(exact * row["trajectories"]), row["trajectories"]),)
    ]
    return (
        f" Of so few trajectories, *exact* may be off by up to {100 * max(widths):.0f} points (95 %)." if widths else ""
    )


def picture(path: Path, studies: Sequence[Row]) -> Path:
    """Costs and accuracies: a line a labeler by length, or bars where there is one study alone."""
    if len(studies) > 1:
        _by_length(path, sorted(studies, key=lambda one: one["length"]))
    else:
        _bars(path, studies[0]["labelers"])
    return path


def _by_length(path: Path, studies: Sequence[Row]) -> None:
    with drawing.drawing(path, 10.5, 7.0) as figure:
        grid = figure.subplots(2, 2, sharex=True)
        for row, pair in enumerate(grid):
            for axes, (title, value, cost) in zip(pair, PANELS[2 * row : 2 * row + 2], strict=True):
                drawing.plain(
                    axes,
                    "steps of the problem" if row else "",
                    "",
                    title + (" per trajectory (log scale)" if cost else ""),
                )
                _lines(figure, axes, studies, value, cost)


def _lines(
    figure: Figure, axes: Axes, studies: Sequence[Row], value: Callable[[Row], float | None], cost: bool
) -> None:
    ends: list[drawing.End] = []
    for name, (colour, marker) in LOOKS.items():
        points = [
            (one["length"], y)
            for one in studies
            for row in one["labelers"]
            if row["labeler"] == name and (y := value(row)) is not None and (y > 0 or not cost)
        ]
        # Who labels by the outcome alone measures nothing that time could be told of.
        if not points or (cost and not LABELERS[name].rolls_out):
            continue
        x, y = [x for x, _ in points], [y for _, y in points]
        axes.plot(x, y, color=colour, marker=marker, linestyle="-" if LABELERS[name].rolls_out else "--")
        ends.append(drawing.End(x[-1], y[-1], LABELERS[name].title, colour))
    axes.set_xticks([one["length"] for one in studies])
    if cost:
        drawing.plain_logarithms(axes)
    drawing.label_ends(figure, axes, ends)


def _bars(path: Path, rows: Sequence[Row]) -> None:
    with drawing.drawing(path, 10.5, 0.7 + 0.42 * len(rows)) as figure:
        places = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (title, value, _) in zip(places, PANELS, strict=True):
            values = [value(row) for row in rows]
            drawing.plain(axes, "", "", title)
            bars = axes.barh(
                [LABELERS[row["labeler"]].title for row in rows],
                [one or 0.0 for one in values],
                color=[LOOKS[row["labeler"]][0] for row in rows],
                height=0.62,
            )
            axes.bar_label(bars, ["" if one is None else f"{one:,.1f}" for one in values], padding=3, fontsize=8.5)
            axes.margins(x=0.22)
            axes.grid(visible=False)
            axes.set_xticks([])
            axes.spines["bottom"].set_visible(False)
            axes.tick_params(length=0)
        places[0].invert_yaxis()  # the others share it


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value
