"""The report's drawings as inline SVG: lines with their 95 % bands, and bars.

Colors are classes of the style sheet (`s0` to `s5`), so that light and dark share one drawing; lines differ in their
marks too, and carry their names at their ends. Real text; a title and a description for who hears the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sapo_studio.app.html_report.markup import Element, element
from sapo_studio.app.html_report.svg import Drawing, drawing, number, text
from sapo_studio.app.reports.drawing import spread

WIDTH, HEIGHT = 560.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 150.0, 12.0, 34.0
INSET = 14.0
"""From the y axis to the first point, so that their figures do not touch."""
LINE_GAP = 15.0
"""Between the names at the ends of lines."""
SERIES = 6
MOST_TICKS = 8
BAR, ROW = 14.0, 26.0


@dataclass(frozen=True, slots=True)
class Point:
    """A value at `x`, with the ends of its interval where it has one."""

    x: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line. What is not finite among its points is left out. `valued`: whether its last value stands behind its
    name."""

    name: str
    points: Sequence[Point]
    dashed: bool = False
    valued: bool = True

    @property
    def finite(self) -> list[Point]:
        """What can be drawn."""
        return [point for point in self.points if math.isfinite(point.value) and math.isfinite(point.x)]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its name, its size, and how that is written. `estimate`: drawn hollow."""

    name: str
    amount: float
    text: str
    estimate: bool = False


def lines(
    key: str,
    title: str,
    drawn: Sequence[Line],
    *,
    x_name: str,
    x_label: Callable[[float], str],
    y_label: Callable[[float], str],
    y_least: float = 0.1,
    ticks: Sequence[float] = (),
) -> Drawing | None:
    """Lines, named at their ends. `key` makes ids of its own; the y axis spans at least `y_least`; `ticks` are those of
    the x axis, without any they stand where points do. None where there is nothing to draw."""
    shown = [(place, line, line.finite) for place, line in enumerate(drawn) if line.finite]
    if not shown:
        return None
    xs = sorted({point.x for _, _, points in shown for point in points})
    low, high = _limits([points for _, _, points in shown], y_least)
    first, last = xs[0], xs[-1] if xs[-1] > xs[0] else xs[0] + 1.0

    def across(x: float) -> float:
        return LEFT + INSET + (WIDTH - LEFT - INSET - RIGHT) * (x - first) / (last - first)

    def up(y: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / (high - low)

    parts: list[Element] = []
    for tick in _ticks(low, high):
        parts.append(
            element(
                "line",
                x1=number(LEFT),
                x2=number(WIDTH - RIGHT),
                y1=number(up(tick)),
                y2=number(up(tick)),
                class_="grid",
            )
        )
        parts.append(text(y_label(tick), LEFT - 8, up(tick) + 4, "end"))
    for x in ticks or _thinned(xs):
        parts.append(text(x_label(x), across(x), HEIGHT - BOTTOM + 17, "middle"))
    parts.append(text(x_name, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 2, "middle"))
    for place, _, points in shown:
        if band := _band(points, across, up):
            parts.append(element("path", d=band, class_=f"band s{place % SERIES}"))
    for place, line, points in shown:
        way = "M" + "L".join(f"{number(across(p.x))} {number(up(p.value))}" for p in points)
        parts.append(element("path", d=way, class_=f"line s{place % SERIES}" + (" dashed" if line.dashed else "")))
        parts += [_mark(place, across(p.x), up(p.value)) for p in points]
    parts += _ends(
        [(place, _end_name(line, points[-1], y_label), up(points[-1].value)) for place, line, points in shown]
    )
    description = " ".join(_told(line.name, points, x_label, y_label) for _, line, points in shown)
    return drawing(key, title, description, WIDTH, HEIGHT, parts)


def bars(key: str, title: str, drawn: Sequence[Bar]) -> Drawing | None:
    """Bars to one scale, named on their left, with their figure behind them. None where there are none."""
    shown = [bar for bar in drawn if math.isfinite(bar.amount)]
    if not shown:
        return None
    most = max(bar.amount for bar in shown) or 1.0
    room = WIDTH - LEFT - 60 - RIGHT
    parts: list[Element] = []
    for row, bar in enumerate(shown):
        y = row * ROW + 6
        kind = "hollow" if bar.estimate else "full"
        parts.append(text(bar.name, LEFT + 52, y + BAR - 2, "end"))
        length = max(1.0, room * bar.amount / most)
        where = {"x": number(LEFT + 60), "y": number(y), "width": number(length), "height": number(BAR)}
        parts.append(element("rect", **where, class_=f"{kind} s{row % SERIES}"))
        parts.append(text(bar.text, LEFT + 60 + length + 8, y + BAR - 2, "start"))
    description = " ".join(f"{bar.name}: {bar.text}." for bar in shown)
    return drawing(key, title, description, WIDTH, len(shown) * ROW + 6, parts)


def _limits(drawn: Sequence[Sequence[Point]], least: float) -> tuple[float, float]:
    ends = [
        end
        for points in drawn
        for p in points
        for end in (p.value, p.low, p.high)
        if end is not None and math.isfinite(end)
    ]
    low, high = min(ends), max(ends)
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    room = 0.06 * (high - low)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers within the limits, about five."""
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (size, 2 * size, 2.5 * size, 5 * size, 10 * size) if step >= rough)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _thinned(xs: Sequence[float]) -> Sequence[float]:
    """So many of `xs` as have room, the last among them."""
    every = -(-len(xs) // MOST_TICKS)
    return xs[::-1][::every][::-1]


def _band(points: Sequence[Point], across: Callable[[float], float], up: Callable[[float], float]) -> str:
    known = [
        (p.x, p.low, p.high)
        for p in points
        if p.low is not None and p.high is not None and math.isfinite(p.low) and math.isfinite(p.high)
    ]
    if not known:
        return ""
    if len(known) == 1:  # one alone has no width to fill
        x, low, high = known[0]
        return f"M{number(across(x) - 4)} {number(up(low))}h8V{number(up(high))}h-8Z"
    over = [f"{number(across(x))} {number(up(high))}" for x, _, high in known]
    under = [f"{number(across(x))} {number(up(low))}" for x, low, _ in reversed(known)]
    return "M" + "L".join([*over, *under]) + "Z"


def _mark(place: int, x: float, y: float) -> Element:
    shapes = ("M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0", "M-3-3h6v6h-6Z", "M0-4l4 7h-8Z")
    shapes += ("M0-4.5l4 4.5l-4 4.5l-4-4.5Z", "M0 4l4-7h-8Z", "M-4-1.3h2.7V-4h2.6v2.7H4v2.6H1.3V4h-2.6V1.3H-4Z")
    return element(
        "path",
        d=shapes[place % SERIES],
        transform=f"translate({number(x)} {number(y)})",
        class_=f"mark s{place % SERIES}",
    )


def _end_name(line: Line, last: Point, y_label: Callable[[float], str]) -> str:
    return f"{line.name} {y_label(last.value)}" if line.valued else line.name


def _ends(ends: Sequence[tuple[int, str, float]]) -> list[Element]:
    """Names beside the ends of lines, moved apart where they would cover each other."""
    ordered = sorted(ends, key=lambda end: end[2])
    places = spread([y for _, _, y in ordered], LINE_GAP)
    over = max(0.0, places[-1] - (HEIGHT - BOTTOM))
    return [
        text(name, WIDTH - RIGHT + 10, at - over + 4, "start", f"end s{place % SERIES}")
        for (place, name, _), at in zip(ordered, places, strict=True)
    ]


def _told(name: str, points: Sequence[Point], x: Callable[[float], str], y: Callable[[float], str]) -> str:
    if len(points) == 1:
        return f"{name}: {y(points[0].value)} at {x(points[0].x)}."
    return f"{name}: from {y(points[0].value)} at {x(points[0].x)} to {y(points[-1].value)} at {x(points[-1].x)}."
