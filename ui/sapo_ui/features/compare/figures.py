"""The numbers of a comparison as the page's tables write them: rows of text, with an interval each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sapo_studio.app.comparison.records import ComparedRun, Comparison, PairedDifference, RunGroup, Test
from sapo_studio.domain.metric_catalog import METRICS, Unit
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui.widgets.interval_axis import Axis, axis_around

TOKENS = "label_tokens"
"""What the page calls the tokens that a run's own labeler spent: the store has them under each labeler's name."""

TABS = (
    ("greedy_accuracy", "Greedy"),
    ("sampled_accuracy", "Sampled"),
    ("sound_accuracy", "Sound"),
    ("verifier_step_accuracy", "Verifier"),
    ("gap", "Gap"),
    (TOKENS, "Label tokens"),
)
"""What can be compared, and what it is called."""

SHORT = dict(TABS) | {TOKENS: "Tokens"}

TESTS: dict[Test, str] = {
    "mcnemar": "Exact McNemar test on {n} questions",
    "bootstrap": "Paired bootstrap over {n} questions",
    "seeds_paired": "Paired t test over {n} seeds",
    "seeds": "Welch\u2019s t test over {n} seeds",
    "apart": "Test of two shares as of different questions, {n} of them: no single answers are kept",
}


THAN = ("better", "worse", "higher", "lower")
"""Verdicts that say which way."""


@dataclass(frozen=True)
class Row:
    """A line of a table. `interval`: value, low and high on the table's axis. `cells`: what stands before and behind
    the axis. `group`: the side that it is of. `spoken`: all of it as a sentence."""

    group: int
    slot: int | None
    name: str
    note: str
    cells: tuple[str, ...]
    interval: tuple[float | None, float | None, float | None]
    spoken: str


@dataclass(frozen=True)
class Figures:
    """A table. `titles`: of the columns behind the name; the second is the axis'."""

    titles: tuple[str, ...]
    rows: tuple[Row, ...]
    axis: Axis
    zero: bool = False


Slots = Mapping[str, int | None]


def slot_of(comparison: Comparison, group: int, slots: Slots) -> int | None:
    """The colour of a side: that of its first run."""
    return slots.get(comparison.groups[group].runs[0])


def stored_name(run: ComparedRun, metric: str) -> str:
    """The name in the store of a metric of the page."""
    if metric != TOKENS:
        return metric
    own = (name for name, value in run.values.items() if name.startswith(f"{TOKENS}_") and not value.estimate)
    return next(own, "")


def unit_of(metric: str) -> Unit:
    """What a metric of the page counts in."""
    return "tokens" if metric == TOKENS else METRICS[metric].unit


def value_text(metric: str, value: float | None) -> str:
    """A value of the metric, as it stands in a table."""
    unit = unit_of(metric)
    return fmt.percent(value) if unit == "share" else fmt.points(value) if unit == "points" else fmt.count(value)


def difference_text(metric: str, value: float | None) -> str:
    """A difference of two values, with its sign."""
    if unit_of(metric) in ("share", "points"):
        return fmt.points(value, signed=True)
    text = fmt.number(value)
    return f"+{text}" if value is not None and value > 0 else text


def p_text(p: float | None) -> str:
    """`p < 0.001`, `p = 0.034`."""
    if p is None:
        return fmt.NONE
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def measured_tabs(comparison: Comparison) -> tuple[str, ...]:
    """The metrics of the page that one of the runs has."""
    found: list[str] = []
    for metric, _ in TABS:
        names = {stored_name(run, metric) for run in comparison.runs} - {""}
        if any(name in run.curves for run in comparison.runs for name in names):
            found.append(metric)
    return tuple(found)


def value_of(comparison: Comparison, group: RunGroup, metric: str) -> MetricValue | None:
    """A side's value at the iteration that is compared: of several seeds their mean with its interval."""
    first = comparison.run(group.runs[0])
    name = stored_name(first, metric)
    if not group.several:
        return first.values.get(name)
    mean = group.values.get(name)
    return None if mean is None else MetricValue(mean.value, mean.low, mean.high, mean.n)


def at_the_end(comparison: Comparison, metric: str, slots: Slots) -> Figures:
    """What each side reached: the metric with its interval, and other metrics beside it."""
    others = [name for name in measured_tabs(comparison) if name not in (metric, "gap", "sound_accuracy")][:3]
    papers = any(run.paper is not None for run in comparison.runs)
    titles = (SHORT[metric], "", *(SHORT[name] for name in others), *(["Paper"] if papers else []))
    rows: list[Row] = []
    for at, group in enumerate(comparison.groups):
        own = value_of(comparison, group, metric)
        beside = [(name, value_of(comparison, group, name)) for name in others]
        texts = [value_text(name, None if value is None else value.value) for name, value in beside]
        if papers:
            texts.append(fmt.percent(comparison.run(group.runs[0]).paper))
        note = "baseline" if at == comparison.baseline else f"{len(group.runs)} seeds" if group.several else ""
        value = value_text(metric, None if own is None else own.value)
        interval = (None, None, None) if own is None else (own.value, own.low, own.high)
        said = f"{group.label}{f', {note}' if note else ''}: {SHORT[metric]} {value}"
        if own is not None and own.low is not None:
            said += f", 95 % interval {value_text(metric, own.low)} to {value_text(metric, own.high)}"
        said += "".join(f", {SHORT.get(name, name)} {text}" for (name, _), text in zip(beside, texts, strict=False))
        run = comparison.run(group.runs[0])
        if run.iteration is not None:
            said += f", iteration {run.iteration} of {run.iterations}"
        rows.append(Row(at, slot_of(comparison, at, slots), group.label, note, (value, "", *texts), interval, said))
    return Figures(titles, tuple(rows), axis_around(end for row in rows for end in row.interval))


def differences(comparison: Comparison, slots: Slots) -> Figures:
    """Every side less the baseline, and less each other where that was asked for."""
    rows: list[Row] = []
    for one in comparison.differences:
        metric = one.metric
        left, right = comparison.groups[one.left].label, comparison.groups[one.right].label
        name = left if one.right == comparison.baseline else f"{left} \u2212 {right}"
        value = difference_text(metric, one.value)
        counts = "" if one.wins is None else f"wins {one.wins:,}, loses {one.losses:,}"
        p = p_text(one.p_holm)
        cells = (value, "", p, counts) if not one.refused else (fmt.NONE, "", "", "not tested")
        said = f"{left} against {right}: {one.refused or spoken(metric, one)}"
        rows.append(
            Row(
                one.left,
                slot_of(comparison, one.left, slots),
                name,
                "",
                cells,
                (one.value, one.low, one.high) if not one.refused else (None, None, None),
                said,
            )
        )
    axis = axis_around((end for row in rows for end in row.interval), zero=True)
    return Figures(("Difference", "", "p", ""), tuple(rows), axis, zero=True)


def spoken(metric: str, one: PairedDifference) -> str:
    """`+5.2 pt, 2.1 to 8.0, p < 0.001: better`."""
    text = difference_text(metric, one.value)
    if one.low is not None and one.high is not None:
        text += f", {difference_text(metric, one.low)} to {difference_text(metric, one.high)}"
    if one.p_holm is not None:
        text += f", {p_text(one.p_holm)}"
    return f"{text}: {one.verdict}" if one.verdict else text


def verdicts(comparison: Comparison) -> str:
    """What the tests show: which sides are better than which, and of which no difference is shown."""
    names = [group.label for group in comparison.groups]
    told: dict[tuple[str, int], list[str]] = {}
    for one in comparison.differences:
        if one.verdict:
            told.setdefault((one.verdict, one.right), []).append(names[one.left])
    return " ".join(
        f"{verdict.capitalize()} {'than' if verdict in THAN else 'against'} {names[right]}: {', '.join(found)}."
        for (verdict, right), found in told.items()
    )


def how_tested(comparison: Comparison) -> str:
    """Which tests on how many questions, and what they leave out."""
    tested = [one for one in comparison.differences if one.test and not one.refused]
    if not tested:
        return ""
    kinds: dict[tuple[Test, int], None] = {(one.test, one.n): None for one in tested}
    parts = [TESTS[test].format(n=f"{n:,}") for test, n in kinds if test]
    if len(tested) > 1:
        parts.append(f"p corrected for {len(tested)} tests (Holm)")
    if not any(group.several for group in comparison.groups):
        parts.append("one seed each, so seeds are not in these intervals")
    return f"{'; '.join(parts)}."
