"""What a run came to: the sentence and the numbers at the top, the curves, the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sapo_studio.app.html_report import charts
from sapo_studio.app.html_report.charts import Bar, Line, Point
from sapo_studio.app.html_report.markup import Element, element, given, table
from sapo_studio.app.html_report.subject import Subject, cut, moment, nothing
from sapo_studio.app.html_report.svg import Drawing
from sapo_studio.app.reports.run_report import IterationReport, Report, heads, notes, rows
from sapo_studio.app.reports.verdict import change, interval, measured, series, state_of, verdict
from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.metric_catalog import HEADLINES, METRICS, MetricInfo
from sapo_studio.readable import counted, duration
from sapo_studio.store.records import MetricValue

Metrics = Mapping[int, Mapping[str, MetricValue]]
ACCURACY = ("greedy_accuracy", "sampled_accuracy", "sound_accuracy")
GAP = ("mce", "verifier_step_accuracy")
LABELS = ("self_verification_error", "label_accuracy")


def headline(subject: Subject, report: Report) -> list[Element]:
    """What was run, what came of it, and the numbers that it is judged by."""
    run = subject.run
    facts = [run.preset or "a configuration file", f"seed {report.seed}", counted(run.iterations, "iteration")]
    if subject.config is not None:
        facts.append(f"task {subject.config.task.kind}")
        facts.append(f"reasoner {subject.config.model.source}")
    if report.active_seconds >= 1:
        facts.append(duration(report.active_seconds))
    facts.append(f"begun {moment(run.started_at)}" if run.started_at is not None else "not begun")
    parts = [
        element("p", verdict(report), class_="verdict"),
        element("p", cut(state_of(report)), class_="state", dir="auto"),
        element("ul", [given(cut(fact), "li") for fact in facts], class_="facts", aria_label="What was run"),
    ]
    cards = [card for metric in HEADLINES if (card := _card(metric, report))]
    if ratio := _label_ratio(report):
        cards.append(ratio)
    return [*parts, element("ul", cards, class_="cards", aria_label="Headline numbers")] if cards else parts


def _card(metric: MetricInfo, report: Report) -> Element | None:
    there = measured(report, metric.name)
    if not there:
        return None
    (_, before), (_, now) = there[0], there[-1]
    number, unit = f"{100 * now.value:.1f}".replace("-", "\u2212"), "points" if metric.unit == "points" else "%"
    told: list[str] = []
    if (ends := interval(now)) is not None:
        told.append(f"95\u00a0%: {100 * ends[0]:.1f} to {100 * ends[1]:.1f}".replace("-", "\u2212"))
    if len(there) > 1:
        sign = f"{100 * change(before, now).value:+.1f}".replace("-", "\u2212")
        told.append(f"{sign} points since {'the start' if there[0][0] == 0 else f'iteration {there[0][0]}'}")
    return _figure(metric.card or metric.short or metric.title, number, unit, told)


def _figure(name: str, number: str, unit: str, told: Sequence[str]) -> Element:
    value = element("span", number, element("span", f"\u00a0{unit}", class_="unit"), class_="value")
    return element(
        "li", element("span", name, class_="name"), value, [element("span", one, class_="more") for one in told]
    )


def _label_ratio(report: Report) -> Element | None:
    totals = _label_tokens(report.iterations)
    spent = [(name, amount) for name, (amount, estimate) in totals.items() if not estimate]
    brute = totals.get("shepherd")
    if not spent or brute is None or not brute[0] or spent[0][0] == "shepherd":
        return None
    name, amount = spent[0]
    told = [f"{amount:,} by {COMPARED[name].title}", f"of {brute[0]:,} by Shepherd"]
    return _figure("Label tokens", f"{amount / brute[0]:.2f}", "\u00d7", told)


def _label_tokens(iterations: Sequence[IterationReport]) -> dict[str, tuple[int, bool]]:
    """By labeler: tokens from iteration 1 on (those of the first verifier are a cost of their own), and whether that is
    an estimate."""
    found: dict[str, tuple[int, bool]] = {}
    for one in iterations:
        if one.iteration > 0:
            for name, cost in one.label_cost.items():
                before, estimate = found.get(name, (0, False))
                found[name] = before + cost.tokens, estimate or cost.estimate
    return found


def curves(subject: Subject, report: Report) -> list[Element]:
    """Accuracy, gap, self-verification and the cost of labels over the iterations."""
    metrics = subject.metrics
    drawn: list[Drawing | None] = [
        _shares("accuracy", "Accuracy on the test questions", metrics, ACCURACY),
        _shares("gap", "Verifier and the ceiling by rollouts (MCE); the gap lies between", metrics, GAP),
        _shares("labels", "Self-verification", metrics, LABELS),
        _costs(report),
    ]
    for place, (name, found) in enumerate(report.sets.items()):
        by_iteration = {one.iteration: one.values for one in found}
        drawn.append(_shares(f"set-{place}", f"Accuracy on {name}", by_iteration, ACCURACY))
    shown = [one.figure() for one in drawn if one is not None]
    if not shown:
        return [nothing(f"Nothing has been measured{subject.yet}, so that there is nothing to draw.")]
    note = "Bands are 95\u00a0% intervals. The tables below have every number that is drawn."
    return [element("div", shown, class_="figures"), element("p", note, class_="note")]


def _shares(key: str, title: str, metrics: Metrics, names: Sequence[str]) -> Drawing | None:
    drawn = [
        Line(METRICS[name].short or METRICS[name].title, [_point(at, value) for at, value in there], name == "mce")
        for name in names
        if (there := series(metrics, name))
    ]
    return charts.lines(key, title, drawn, x_name="iteration", x_label=_iteration, y_label=_whole_percent)


def _point(at: int, value: MetricValue) -> Point:
    return Point(float(at), value.value, value.low, value.high)


def _iteration(x: float) -> str:
    return "start" if x == 0 else f"{x:g}"


def _whole_percent(share: float) -> str:
    return f"{round(100 * share, 1):g}\u00a0%".replace("-", "\u2212")


def _costs(report: Report) -> Drawing | None:
    bars = [
        Bar(COMPARED[name].title, float(amount), f"{'~' if estimate else ''}{amount:,}", estimate)
        for name, (amount, estimate) in _label_tokens(report.iterations).items()
        if math.isfinite(amount)
    ]
    return charts.bars("costs", "Tokens to label the same trajectories (~ and hollow: an estimate)", bars)


def tables(subject: Subject, report: Report) -> list[Element]:
    """Every number by iteration."""
    if not report.iterations:
        return [nothing(f"Nothing has been measured{subject.yet}.")]
    parts = [table(("", *heads(report)), rows(report), caption="By iteration", class_="numbers")]
    parts += [element("ul", [given(cut(note), "li") for note in notes(report)], class_="note")]
    known = sorted({name for one in report.iterations for name in one.values if name in METRICS})
    meanings = [(METRICS[name].title, METRICS[name].definition) for name in known]
    if meanings:
        told = table(("figure", "what it is"), meanings, class_="prose")
        parts.append(element("details", element("summary", "What the figures mean"), told))
    return parts
