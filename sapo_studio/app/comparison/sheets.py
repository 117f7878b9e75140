"""A comparison as tables for a terminal or a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sapo_studio.app.comparison.metrics import SHOWN, TABLE
from sapo_studio.app.comparison.records import (
    Axis,
    ComparedRun,
    Comparison,
    ConfigRow,
    PairedDifference,
    Point,
    QuestionByQuestion,
    RunGroup,
    Side,
    Test,
)
from sapo_studio.app.reports.cells import NOTHING, cell
from sapo_studio.app.reports.sheets import Sheet
from sapo_studio.domain.metric_catalog import MetricInfo
from sapo_studio.readable import counted
from sapo_studio.store.records import MetricValue

AXES: dict[Axis, str] = {"iteration": "iteration", "flops": "FLOPs", "seconds": "seconds of work"}
"""The axes of curves, in words."""
TESTS: dict[Test, str] = {
    "mcnemar": "exact McNemar over questions",
    "bootstrap": "paired bootstrap over questions",
    "seeds_paired": "paired t over seeds",
    "seeds": "Welch's t over seeds",
    "apart": "not paired",
}
"""What the tests are called."""
_SIDE_BY_SIDE = 4
"""With more runs than these, values of a key stand below each other, with the runs that have them."""
_TEXT = 60
"""Characters of a question or a value in a row."""


def sheets(found: Comparison, axis: Axis = "iteration") -> list[Sheet]:
    """All of it, in the order of reading. Nothing that is empty."""
    made = [_runs(found), _seeds(found), _differences(found), *_curves(found, axis), _configuration(found)]
    return [sheet for sheet in made if sheet is not None]


def headline(found: Comparison) -> str:
    """What is compared, as a line."""
    on = f"evaluation set {found.set}" if found.set else "test questions"
    runs = counted(len(found.runs), "run")
    sides = f", {counted(len(found.groups), 'configuration')}" if len(found.groups) < len(found.runs) else ""
    return f"{runs}{sides}, on {on}: {found.questions}"


# -- Runs


def _runs(found: Comparison) -> Sheet:
    columns = [name for name in TABLE if any(name in run.values for run in found.runs)]
    columns += [name for name in found.tested if name not in columns]
    paper = any(run.iteration in run.paper for run in found.runs)
    heads = ["run", "seed", "iteration", *(_head(SHOWN[name]) for name in columns), "FLOPs", "seconds"]
    rows = [
        (
            run.label + (" *" if run.group == found.baseline else ""),
            str(run.seed),
            NOTHING if run.iteration is None else f"{run.iteration} of {run.iterations}",
            *(cell(SHOWN[name], run.values.get(name)) for name in columns),
            _flops(run),
            NOTHING if run.seconds is None else f"{run.seconds:,.0f}",
            *([_paper(run)] if paper else ()),
        )
        for run in found.runs
    ]
    notes = [note for run in found.runs for note in run.notes]
    notes += ["* the baseline. ± is half of a 95 % interval: of one run over questions or solutions."]
    if paper:
        notes.append("paper: its own greedy accuracy with this task, model and method after as many iterations.")
    return Sheet(_when(found), (*heads, *(["paper, %"] if paper else ())), tuple(rows), "\n".join(notes))


def _when(found: Comparison) -> str:
    if all(run.picked.iteration is None for run in found.runs):
        return "At the last iteration"
    at = {run.iteration for run in found.runs}
    return f"After iteration {at.pop()}" if len(at) == 1 else "At the iterations that were picked"


def _head(metric: MetricInfo) -> str:
    name = metric.column or metric.title
    return f"{name}, {metric.shown_unit}" if metric.shown_unit not in ("", "tokens") else name


def _flops(run: ComparedRun) -> str:
    if run.iteration == 0:
        return "0"
    return NOTHING if run.compute is None or not run.compute.complete else f"{run.compute.flops:.3g}"


def _paper(run: ComparedRun) -> str:
    value = run.paper.get(-1 if run.iteration is None else run.iteration)
    return NOTHING if value is None else f"{100 * value:.2f}"


def _seeds(found: Comparison) -> Sheet | None:
    """Sides of several seeds."""
    several = [group for group in found.groups if group.several]
    columns = [name for name in TABLE if any(name in group.values for group in several)]
    columns += [name for name in found.tested if name not in columns]
    if not several:
        return None
    heads = ("configuration", "seeds", "iteration", *(_head(SHOWN[name]) for name in columns))
    rows = [
        (
            group.label + (" *" if place == found.baseline else ""),
            ", ".join(map(str, group.seeds)),
            NOTHING if group.iteration is None else str(group.iteration),
            *(cell(SHOWN[name], group.values.get(name)) for name in columns),
        )
        for place, group in enumerate(found.groups)
    ]
    return Sheet("Over seeds", heads, tuple(rows), "± is half of a 95 % t interval of the mean over seeds.")


# -- Differences


def _differences(found: Comparison) -> Sheet | None:
    if not found.differences:
        return None
    heads = ("", "metric", "difference", "95 % interval", "p", "p, Holm", "wins", "loses", "over", "")
    rows = tuple(_difference_row(found.groups, one) for one in found.differences)
    used = [words for test, words in TESTS.items() if any(one.test == test for one in found.differences)]
    notes = [f"Tested: {'; '.join(used)}."] if used else []
    told = dict.fromkeys(notes_of_differences(found))
    if any(one.common_helps for one in found.differences):
        told["--common compares on the questions that both have."] = None
    return Sheet("Differences", heads, rows, "\n".join([*notes, *told, *found.notes]), prose=True)


def notes_of_differences(found: Comparison) -> list[str]:
    """What to know of single differences, each once; of what is not said of all of them it is named which it is."""
    by_note: dict[str, list[str]] = {}
    for one in found.differences:
        metric = SHOWN[one.metric]
        which = f"{found.groups[one.left].label} less {found.groups[one.right].label}"
        if len(found.tested) > 1:
            which += f", {metric.column or metric.title}"
        for note in one.notes:
            by_note.setdefault(note, []).append(which)
    every = len(found.differences)
    return [note if len(of) == every else f"{'; '.join(of)}: {note}" for note, of in by_note.items()]


def _difference_row(groups: Sequence[RunGroup], one: PairedDifference) -> tuple[str, ...]:
    metric = SHOWN[one.metric]
    over = NOTHING if not one.test else _over(one)
    return (
        f"{groups[one.left].label} less {groups[one.right].label}",
        metric.column or metric.title,
        _points(metric, one.value),
        NOTHING if one.low is None else f"{_points(metric, one.low)} to {_points(metric, one.high)}",
        p_value(one.p),
        p_value(one.p_holm),
        NOTHING if one.wins is None else f"{one.wins:,}",
        NOTHING if one.losses is None else f"{one.losses:,}",
        over,
        one.refused or one.verdict,
    )


def _over(one: PairedDifference) -> str:
    if one.test in ("seeds", "seeds_paired"):
        return counted(one.n, "seed")
    return f"n = {one.n:,}" if one.test == "apart" else counted(one.n, "question")


def _points(metric: MetricInfo, value: float | None) -> str:
    """A difference, with its sign: of shares in points."""
    if value is None:
        return NOTHING
    if metric.unit in ("share", "points"):
        return f"{100 * value:+.1f}"
    return f"{value:+,.0f}" if metric.unit in ("tokens", "count") else f"{value:+.3f}"


def p_value(p: float | None) -> str:
    """A p value in few characters."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


# -- Curves


def _curves(found: Comparison, axis: Axis) -> list[Sheet]:
    """Of each tested metric, a row a side and a column an iteration."""
    iterations = sorted({p.iteration for group in found.groups for curve in group.curves.values() for p in curve})
    names = ["start" if i == 0 else f"it {i}" for i in iterations]
    made: list[Sheet] = []
    for metric in found.tested:
        rows = [
            (group.label, *(_at(SHOWN[metric], group.curves[metric], i, axis) for i in iterations))
            for group in found.groups
            if metric in group.curves
        ]
        if rows:
            by = "" if axis == "iteration" else f", at {AXES[axis]}"
            made.append(Sheet(f"{_title(SHOWN[metric])} by iteration{by}", ("", *names), tuple(rows)))
    return made


def _title(metric: MetricInfo) -> str:
    return f"{metric.title}, {metric.shown_unit}" if metric.shown_unit else metric.title


def _at(metric: MetricInfo, curve: Sequence[Point], iteration: int, axis: Axis) -> str:
    point = next((point for point in curve if point.iteration == iteration), None)
    if point is None:
        return NOTHING
    value = cell(metric, MetricValue(point.value, point.low, point.high, point.n))
    if axis == "iteration":
        return value
    x = point.x(axis)
    where = NOTHING if x is None else f"{x:.3g}" if axis == "flops" else f"{x:,.0f}"
    return f"{value} at {where}"


# -- Configuration


def _configuration(found: Comparison) -> Sheet:
    keys = [run.key for run in found.runs]
    labels = [run.label for run in found.runs]
    told = found.configuration
    beside = len(found.runs) <= _SIDE_BY_SIDE
    if beside:
        rows = [(row.key, *(_value(row, place, key) for place, key in enumerate(keys))) for row in told.different]
    else:
        rows = [(row.key, _by_value(row, labels)) for row in told.different]
    notes = [f"{counted(len(told.equal), 'equal key')}."] + [one.note for one in told.identities]
    if len(found.runs) == 1:
        notes = [f"{found.runs[0].label} is compared with nothing."]
    heads = ("key", *labels) if beside else ("key", "values")
    return Sheet("Configuration: keys that differ", heads, tuple(rows), "\n".join(notes), prose=not beside)


def _value(row: ConfigRow, place: int, key: str) -> str:
    text = value_text(row.values[place])
    before = row.changes.get(key)
    return f"{text} (was {value_text(before[0].before)})" if before else text


def value_text(value: object) -> str:
    """A value of the configuration in a cell."""
    if value is None:
        return NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _short(text) if text else '""'


def _by_value(row: ConfigRow, labels: Sequence[str]) -> str:
    by_value: dict[str, list[str]] = {}
    for value, label in zip(row.values, labels, strict=True):
        by_value.setdefault(value_text(value), []).append(label)
    most_first = sorted(by_value.items(), key=lambda item: -len(item[1]))
    return "; ".join(f"{text}: {_who(who)}" for text, who in most_first)


def _who(labels: Sequence[str]) -> str:
    return ", ".join(labels) if len(labels) <= _SIDE_BY_SIDE else counted(len(labels), "run")


# -- Question by question

OUTCOME_WORDS: Mapping[str, str] = {
    "both": "both right",
    "left": "left only",
    "right": "right only",
    "neither": "neither",
}
"""What an outcome is called."""


def question_sheet(found: QuestionByQuestion, left: str, right: str) -> Sheet:
    """A page of questions. `left` and `right`: what the runs are called."""
    title = f"Question by question: {left} and {right}"
    if found.refused:
        more = " --common compares on the questions that both have." if found.common_helps else ""
        return Sheet(title, ("", ""), (), found.refused + more)
    heads = ("q", "outcome", "gap", "right answer", left, "says", right, "says", "traces", "question")
    rows = tuple(
        (
            str(row.place),
            OUTCOME_WORDS[row.outcome],
            NOTHING if row.gap is None else f"{row.gap:+.2f}",
            _short(row.reference),
            _side(row.left),
            _short(row.left.answer),
            _side(row.right),
            _short(row.right.answer),
            f"{row.left.trajectory}, {row.right.trajectory}",
            _short(row.text),
        )
        for row in found.rows
    )
    first = found.offset + 1 if rows else 0
    counts = f"both {found.both:,}, left only {found.left_only:,}, right only {found.right_only:,}"
    of = f"{first} to {found.offset + len(rows)} of {found.total:,}"
    gap = {"scores": "mean scores", "samples": "shares of correct samples", "": ""}[found.gap_by]
    notes = [f"{found.n:,} questions: {counts}, neither {found.neither:,}. Shown: {of}."]
    if gap:
        notes.append(f"gap: {gap}, left less right. A mark, a mean score, correct samples of all.")
    return Sheet(title, heads, rows, "\n".join(notes), prose=True)


def _side(side: Side) -> str:
    mark = "✓" if side.correct else "✗"
    score = f" {side.mean:.2f}" if side.mean is not None else ""
    samples = f" {side.samples_correct}/{side.samples}" if side.samples else ""
    return f"{mark}{score}{samples}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 1]}…"
