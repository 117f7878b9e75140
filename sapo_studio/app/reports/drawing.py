"""How the program's pictures look, in one place: colours, axes, labels at the ends of lines, and files that are the
same whenever the numbers are.

Colours are Okabe's and Ito's, which people who see colours differently can tell apart; shades are cividis.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sapo_studio.errors import InputError
from sapo_studio.files import cannot_write, output_place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, AMBER, BLACK = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#8c6d00",
    "#000000",
)
GREY = "#6b7280"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, AMBER, BLACK)
"""In the order in which lines take them. Yellow, which cannot be read on white, is a dark amber here."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
STYLE: dict[str, Any] = {
    "svg.hashsalt": "sapo",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#374151",
    "xtick.color": "#374151",
    "ytick.color": "#374151",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
}
BAND = 0.13
"""How strongly a 95 % band is filled."""


def look(place: int) -> tuple[str, str, str]:
    """Colour, mark and style of the line at `place` among many: those behind the eighth are dashed and have another
    mark."""
    again = place >= len(COLOURS)
    mark = MARKERS[(place + 3 * again) % len(MARKERS)]
    return COLOURS[place % len(COLOURS)], mark, "--" if again else "-"


def require() -> None:
    """Raise InputError where matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise InputError(
            "The pictures need matplotlib", fix="Install it with `pip install 'sapo-studio[baselines]'`."
        ) from error


def prepare(out: Path) -> None:
    """Make the folder for a page and its pictures, before the minutes of work that fill it. Raises InputError where
    that or drawing is not possible."""
    require()
    fix = "Choose another place."
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {out}", why=str(error), fix=fix) from error
    try:
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        why = error.strerror or str(error)  # the second names what is being made, which nobody has heard of
        raise InputError(f"Nothing can be written into the folder {out}", why=why, fix=fix) from error


@contextlib.contextmanager
def drawing(path: Path, width: float, height: float) -> Generator[Figure]:
    """A figure of so many inches to draw on, which becomes the file `path`. Raises InputError as `require` and
    `output_place` do, StoreError where it cannot be written."""
    require()
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(cast("Any", STYLE)):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        kind = path.suffix.removeprefix(".")
        metadata = {"Date": None} if kind == "svg" else None
        try:
            figure.savefig(output_place(path), format=kind, metadata=metadata, dpi=150)
        except OSError as error:
            raise cannot_write(path, error) from error


def plain(axes: Axes, x: str, y: str, title: str = "") -> None:
    """Names and a grid of horizontal lines."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title)
    axes.grid(visible=True, axis="y")


def plain_logarithms(axes: Axes) -> None:
    """The y axis by factors, with numbers as people write them."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_number))


def whole_numbers(axes: Axes) -> None:
    """Iterations along the x axis, of which there are no halves."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _number(value: float, _: int | None) -> str:
    return f"{value:,g}"


@dataclass(frozen=True)
class End:
    """Where a line ends, and what stands there."""

    x: float
    y: float
    text: str
    colour: str


def label_ends(figure: Figure, axes: Axes, ends: Sequence[End], size: float = 8.5) -> None:
    """Names at the right ends of lines, moved apart where they would cover each other. After all has been drawn."""
    if not ends:
        return
    if (layout := figure.get_layout_engine()) is not None:
        layout.execute(figure)  # the axes have their size; nothing need be drawn for that
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    to_axes = axes.transData + axes.transAxes.inverted()
    height = axes.get_window_extent().height * 72 / figure.dpi
    gap = 1.25 * size / height
    ordered = sorted(ends, key=lambda end: end.y)
    wanted = [float(to_axes.transform((end.x, end.y))[1]) for end in ordered]
    for end, want, at in zip(ordered, wanted, spread(wanted, gap), strict=True):
        axes.annotate(
            end.text,
            xy=(end.x, end.y),
            xytext=(1.025, at),
            textcoords="axes fraction",
            color=end.colour,
            fontsize=size,
            va="center",
            arrowprops={"arrowstyle": "-", "color": end.colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
            if abs(at - want) > gap / 3
            else None,
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in rising order, `gap` apart at least, as near to the `wanted` ones (rising) as can be, in the middle of
    the crowd."""
    groups: list[list[float]] = []  # [sum of what is wanted less the gaps before, how many]
    for index, want in enumerate(wanted):
        groups.append([want - index * gap, 1])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, count = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += count
    levels = [total / count for total, count in groups for _ in range(int(count))]
    return [level + index * gap for index, level in enumerate(levels)]


def heat(axes: Axes, values: Sequence[Sequence[float]], texts: Sequence[Sequence[str]]) -> None:
    """A table with numbers on shades of cividis, light where the value is small."""
    import matplotlib

    shades = matplotlib.colormaps["cividis_r"]
    most = max(max(row) for row in values) or 1.0
    axes.imshow(values, cmap=shades, vmin=0.0, vmax=most, aspect="auto")
    for row, (numbers, words) in enumerate(zip(values, texts, strict=True)):
        for column, (number, word) in enumerate(zip(numbers, words, strict=True)):
            axes.text(column, row, word, ha="center", va="center", color="black" if number < 0.55 * most else "white")
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0)
