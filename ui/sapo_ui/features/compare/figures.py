"""The numbers of a comparison as the page's tables write them: rows of text, with an interval each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sapo_studio.app.comparison.metrics import SHOWN
from sapo_studio.app.comparison.records import Comparison, PairedDifference, RunGroup, Test
from sapo_studio.app.comparison.sheets import p_value
from sapo_studio.readable import counted
from sapo_studio.store.records import MetricValue
from sapo_ui import format as fmt
from sapo_ui.widgets.interval_axis import Axis, axis_around

TABS = (
    "greedy_accuracy",
    "sampled_accuracy",
    "sound_accuracy",
    "verifier_step_accuracy",
    "gap",
    "label_tokens",
)
"""What the curves show, one at a time, as far as one of the runs has it."""

BESIDE = ("greedy_accuracy", "sampled_accuracy", "verifier_step_accuracy", "label_tokens")
"""Columns beside the one that is shown."""

TESTS: dict[Test, str] = {
    "mcnemar": "Exact McNemar test on {over}",
    "bootstrap": "Paired bootstrap over {over}",
    "seeds_paired": "Paired t test over {over}",
    "seeds": "Welch\u2019s t test over {over}",
    "apart": "Two shares, tested as if of different questions",
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


def value_text(metric: str, value: float | None) -> str:
    """A value of the metric, as it stands in a table."""
    unit = SHOWN[metric].unit
    return fmt.percent(value) if unit == "share" else fmt.points(value) if unit == "points" else fmt.count(value)


def difference_text(metric: str, value: float | None) -> str:
    """A difference of two values, with its sign."""
    if SHOWN[metric].unit in ("share", "points"):
        return fmt.points(value, signed=True)
    text = fmt.number(value)
    return f"+{text}" if value is not None and value > 0 else text


def p_text(p: float | None) -> str:
    """`p < 0.001`, `p = 0.034`."""
    if p is None:
        return fmt.NONE
    text = p_value(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def measured_tabs(comparison: Comparison) -> tuple[str, ...]:
    """The metrics of the page that one of the runs has."""
    return tuple(metric for metric in TABS if metric in comparison.metrics)


def value_of(comparison: Comparison, group: RunGroup, metric: str) -> MetricValue | None:
    """A side's value at the iteration that is compared: of several seeds their mean with its interval."""
    if not group.several:
        return comparison.run(group.runs[0]).values.get(metric)
    mean = group.values.get(metric)
    return None if mean is None else MetricValue(mean.value, mean.low, mean.high, mean.n)


def paper_of(comparison: Comparison, group: RunGroup) -> float | None:
    """What the paper reports for the iteration that is compared."""
    return comparison.run(group.runs[0]).paper.get(-1 if group.iteration is None else group.iteration)


def at_the_end(comparison: Comparison, metric: str, slots: Slots, *, papers: bool) -> Figures:
    """What each side reached: the metric with its interval, and other metrics beside it; with `papers`, the paper's
    figures where there are any."""
    others = [name for name in BESIDE if name != metric and name in comparison.metrics]
    papers = papers and any(paper_of(comparison, group) is not None for group in comparison.groups)
    titles = (SHOWN[metric].short, "", *(SHOWN[name].short for name in others), *(["Paper, greedy"] if papers else []))
    apart = len({group.iteration for group in comparison.groups} - {None}) > 1
    rows: list[Row] = []
    for at, group in enumerate(comparison.groups):
        own = value_of(comparison, group, metric)
        beside = [(name, value_of(comparison, group, name)) for name in others]
        texts = [value_text(name, None if value is None else value.value) for name, value in beside]
        if papers:
            texts.append(fmt.percent(paper_of(comparison, group)))
        notes = ["baseline"] if at == comparison.baseline else []
        notes += [f"{len(group.runs)} seeds"] if group.several else []
        notes += [f"it {group.iteration}"] if apart and group.iteration is not None else []
        note = ", ".join(notes)
        value = value_text(metric, None if own is None else own.value)
        interval = (None, None, None) if own is None else (own.value, own.low, own.high)
        said = f"{group.label}{f', {note}' if note else ''}: {SHOWN[metric].short} {value}"
        if own is not None and own.low is not None:
            said += f", 95 % interval {value_text(metric, own.low)} to {value_text(metric, own.high)}"
        said += "".join(f", {SHOWN[name].short} {text}" for (name, _), text in zip(beside, texts, strict=False))
        if group.iteration is not None:
            said += f", iteration {group.iteration} of {comparison.run(group.runs[0]).iterations}"
        rows.append(Row(at, slot_of(comparison, at, slots), group.label, note, (value, "", *texts), interval, said))
    ends = [end for row in rows for end in row.interval if end is not None]
    if SHOWN[metric].unit == "share":  # the interval of a mean over few seeds may reach beyond what there can be
        ends = [min(1.0, max(0.0, end)) for end in ends]
    return Figures(titles, tuple(rows), axis_around(ends))


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
    """Which tests on how many questions, as a sentence each."""
    tested = [one for one in comparison.differences if one.test and not one.refused]
    return " ".join(dict.fromkeys(f"{_test_of(one)}." for one in tested))


def _test_of(one: PairedDifference) -> str:
    over = counted(one.n, "seed" if one.test in ("seeds", "seeds_paired") else "question")
    return TESTS[one.test].format(over=over)
