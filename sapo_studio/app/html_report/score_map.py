"""The verifier heatmap of an iteration as one drawing of bounded size: trajectories in order of their first error,
taken together in rows, steps across, shade by mean score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sapo_studio.app.html_report.charts import WIDTH
from sapo_studio.app.html_report.markup import Element, element, table
from sapo_studio.app.html_report.subject import Subject, nothing
from sapo_studio.app.html_report.svg import Drawing, drawing, number, text
from sapo_studio.domain.labels import detect
from sapo_studio.store import queries
from sapo_studio.store.records import HeatmapData, HeatmapQuery

ROWS, STEPS = 80, 24
"""Most rows and steps that are drawn: the drawing stays below 40 kB."""
SHADES = 11
LEFT, RIGHT, TOP, HIGH = 72.0, 16.0, 8.0, 4.0
LEGEND = 46.0


def score_maps(subject: Subject) -> list[Element]:
    """The first and the newest iteration whose samples were scored before they were labeled, and the scores behind the
    drawings as a table."""
    scored = [
        (iteration, found)
        for iteration in range(1, subject.run.iterations + 1)
        if len((found := _read(subject, iteration)).ids)
    ]
    if not scored:
        return [nothing(f"No samples have been scored by a verifier{subject.yet}.")]
    chosen = [scored[0], scored[-1]] if len(scored) > 1 else scored
    figures = [_drawing(iteration, found).figure(_counts(found)) for iteration, found in chosen]
    tables = [_table(iteration, found) for iteration, found in chosen]
    note = (
        "Each row stands for several trajectories that follow each other when sorted by their first error: by rollouts,"
        " else by the verifier. The line with a dark edge is where most of a row have their first error by rollouts."
    )
    more = element("details", element("summary", "Mean scores by step, as numbers"), tables)
    return [element("div", figures, class_="figures"), element("p", note, class_="note"), more]


def _read(subject: Subject, iteration: int) -> HeatmapData:
    query = HeatmapQuery(subject.run.id, iteration, iteration - 1, sort="first_error")
    return queries.heatmap(subject.store, query)


def _counts(found: HeatmapData) -> str:
    shown = len(found.ids)
    return f"{shown:,} trajectories" if shown == found.total else f"the first {shown:,} of {found.total:,} trajectories"


def _drawing(iteration: int, found: HeatmapData) -> Drawing:
    groups = np.array_split(np.arange(len(found.ids)), min(ROWS, len(found.ids)))
    width = int(min(STEPS, found.scores.shape[1], found.n_steps.max()))
    means = np.array([_means(found, rows, width) for rows in groups])
    wide = (WIDTH - LEFT - RIGHT) / width
    shades: dict[int, list[str]] = {}
    for row, column in zip(*np.nonzero(~np.isnan(means)), strict=True):
        shade = round(float(means[row, column]) * (SHADES - 1))
        x, y = number(LEFT + wide * float(column)), number(TOP + HIGH * float(row))
        shades.setdefault(shade, []).append(f"M{x} {y}h{number(wide)}v{number(HIGH)}h-{number(wide)}z")
    parts = [element("path", d="".join(cells), class_=f"cell v{shade}") for shade, cells in sorted(shades.items())]
    bottom = TOP + HIGH * len(groups)
    if stair := _stair(found, groups, width, wide):
        parts += [element("path", d=stair, class_=kind) for kind in ("stair edge", "stair")]
    parts += [text(str(step), LEFT + wide * (step - 0.5), bottom + 15, "middle") for step in range(1, width + 1)]
    parts.append(text("step", LEFT - 8, bottom + 15, "end"))
    parts += _sides(found, groups)
    parts += _legend(bottom + 24)
    title = f"Scores by V{iteration - 1} of iteration {iteration}'s samples"
    return drawing(f"map-{iteration}", title, _told(found), WIDTH, bottom + LEGEND, parts)


def _means(found: HeatmapData, rows: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """By step: the mean score of the trajectories that have it. NaN where none has."""
    there = np.arange(1, width + 1) <= found.n_steps[rows][:, None]
    scores = np.where(there, found.scores[rows][:, :width].astype(np.float64), 0.0)
    n = there.sum(axis=0)
    return np.divide(scores.sum(axis=0), n, out=np.full(width, np.nan), where=n > 0)


def _stair(found: HeatmapData, groups: list[NDArray[np.int64]], width: int, wide: float) -> str:
    """A line before the step where most of a row have their first error."""
    way: list[str] = []
    for row, members in enumerate(groups):
        errors = found.verified[members]
        known = errors[(errors > 0) & (errors <= width)]
        if 2 * len(known) <= len(members):
            continue
        x = number(LEFT + wide * (float(np.bincount(known).argmax()) - 1))
        way.append(f"M{x} {number(TOP + HIGH * row)}v{number(HIGH)}")
    return "".join(way)


def _sides(found: HeatmapData, groups: list[NDArray[np.int64]]) -> list[Element]:
    """Where the trajectories with a correct answer begin, in words beside the rows."""
    wrong = [not found.correct[members].mean() > 0.5 for members in groups]
    parts: list[Element] = []
    for kind, words in ((True, "incorrect"), (False, "correct")):
        rows = [row for row, one in enumerate(wrong) if one is kind]
        if rows:
            parts.append(text(words, LEFT - 8, TOP + HIGH * (float(np.mean(rows)) + 0.5) + 4, "end"))
    return parts


def _legend(top: float) -> list[Element]:
    parts = [text("score 0", LEFT - 8, top + 15, "end")]
    for shade in range(SHADES):
        where = {"x": number(LEFT + 14 * shade), "y": number(top + 5), "width": "14", "height": "12"}
        parts.append(element("rect", **where, class_=f"cell v{shade}"))
    parts.append(text("1", LEFT + 14 * SHADES + 6, top + 15, "start"))
    return parts


def _told(found: HeatmapData) -> str:
    """The drawing in words: how high correct and incorrect trajectories score, and how often the drop is found."""
    parts: list[str] = []
    for correct, words in ((True, "with a correct answer"), (False, "with an incorrect answer")):
        rows = np.nonzero(found.correct == correct)[0]
        if len(rows):
            there = np.arange(1, found.scores.shape[1] + 1) <= found.n_steps[rows][:, None]
            mean = float(found.scores[rows][there].mean())
            parts.append(f"{len(rows):,} trajectories {words}: mean step score {mean:.2f}.")
    known = np.nonzero(found.verified > 0)[0]
    if len(known):
        hits = sum(
            detect([float(v) for v in found.scores[row][: found.n_steps[row]]]) == found.verified[row] for row in known
        )
        parts.append(
            f"In {hits:,} of {len(known):,} trajectories whose first error rollouts have found, the scores drop most"
            " there."
        )
    return " ".join(parts)


def _table(iteration: int, found: HeatmapData) -> Element:
    width = int(min(STEPS, found.scores.shape[1], found.n_steps.max()))
    rows: list[list[str]] = []
    for correct, words in ((True, "correct answer"), (False, "incorrect answer")):
        members = np.nonzero(found.correct == correct)[0]
        if len(members):
            means = _means(found, members, width)
            rows.append([words, *("\u2013" if np.isnan(mean) else f"{mean:.2f}" for mean in means)])
    heads = ("mean score at step", *map(str, range(1, width + 1)))
    return table(heads, rows, caption=f"V{iteration - 1}, samples of iteration {iteration}", class_="numbers")
