"""Whether the labels can be trusted: who is wrong how often by their agreement, and what people say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sapo_studio.app.html_report import charts
from sapo_studio.app.html_report.charts import Line, Point
from sapo_studio.app.html_report.markup import Element, element, given, table
from sapo_studio.app.html_report.subject import Subject, nothing, of_sheet
from sapo_studio.app.studies import audit_page, shadow
from sapo_studio.app.studies.audit import Audit, audit
from sapo_studio.domain.agreement import Coefficient
from sapo_studio.domain.judgements import UNKNOWN, Judgement
from sapo_studio.domain.people import Judged, agreement
from sapo_studio.errors import InputError
from sapo_studio.readable import counted, sentences
from sapo_studio.store.codec import id_range
from sapo_studio.store.human_verdicts import human_verdicts, judged

WORST = 12
"""Steps of which sources say different things that are listed."""


def label_audit(subject: Subject) -> list[Element]:
    """The audit of the newest iteration that has labels; why there is none, where there is none."""
    try:
        found = audit(subject.store, subject.run.id)
    except InputError as error:
        return [nothing(sentences(error.what, error.why))]
    counts = (
        f"Labels of iteration {found.iteration}: of {counted(found.trajectories, 'solution')} with an incorrect answer,"
        f" {counted(found.steps, 'label')}, {counted(found.shared, 'step')} with votes of two sources or more."
    )
    parts = [element("p", counts)]
    parts += [element("p", text, class_="note") for text in (found.why, found.caution) if text]
    measured = shadow.kept(subject.store, found.run_id, found.iteration)
    sheets = (
        audit_page.sources_sheet(found),
        audit_page.filter_sheet(found, found.configured),
        audit_page.shadows_sheet(measured),
        audit_page.worst_sheet(found, WORST, found.configured),
    )
    parts += [of_sheet(sheet) for sheet in sheets if sheet is not None and sheet.rows]
    return [*parts, *_reliability(found)]


def _reliability(found: Audit) -> list[Element]:
    """The verifier's scores against how many steps are right."""
    curve = found.reliability.curve
    ideal = Line("as they say", [Point(0.0, 0.0), Point(1.0, 1.0)], dashed=True, valued=False)
    measured = Line("measured", [Point(one.score, one.right) for one in curve], valued=False)
    drawn = charts.lines(
        "reliability",
        "How far scores can be taken for probabilities: share of steps that are correct",
        [measured, ideal] if curve else [],
        x_name="mean score of the steps",
        x_label=lambda x: f"{x:.1f}",
        y_label=lambda y: f"{100 * y:.0f}\u00a0%".replace("-", "\u2212"),
        ticks=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    )
    told = element("p", found.reliability.sentence, class_="note")
    return [told] if drawn is None else [element("div", drawn.figure(), class_="figures"), told]


def people(subject: Subject) -> list[Element]:
    """Who judged how much, how far they agree, and what stands."""
    low, high = id_range(subject.run.number)
    said = judged(subject.store, low, high)
    if not said:
        return [nothing("Nobody has judged solutions of this run.")]
    verdicts = human_verdicts(subject.store, low, high)
    first = [one.first_error for one in verdicts.values() if one.first_error != UNKNOWN]
    wrong = sum(error > 0 for error in first)
    parts = [
        element(
            "p",
            f"People have judged {counted(len(said), 'solution')}. Of {len(first):,} they say enough: {wrong:,} with an"
            f" incorrect step, {len(first) - wrong:,} without one.",
        )
    ]
    by: dict[str, Counter[str]] = {}
    for one in said.values():
        for name, steps in one.steps.items():
            mine = by.setdefault(name, Counter())
            mine["solutions"] += 1
            mine["steps"] += len(steps)
            mine["incorrect"] += sum(judgement == Judgement.WRONG for judgement in steps.values())
    rows = [
        (given(name), *(f"{mine[kind]:,}" for kind in ("solutions", "steps", "incorrect")))
        for name, mine in sorted(by.items())
    ]
    parts.append(table(("person", "solutions", "steps", "of them incorrect"), rows, caption="Who judged"))
    if len(by) > 1:
        parts.append(_agreement(list(said.values())))
    return parts


def _agreement(said: Sequence[Judged]) -> Element:
    found = agreement(said)
    rows = [("all together (Krippendorff's alpha)", *_both(found.alpha_first_error, found.alpha_steps))]
    rows += [
        (f"{pair.first} and {pair.second} (Cohen's kappa)", *_both(pair.kappa_first_error, pair.kappa_steps))
        for pair in found.pairs
        if pair.trajectories
    ]
    note = f"Over {counted(found.trajectories, 'solution')} that two or more have judged; 95\u00a0% intervals."
    return table(("agreement", "first error", "steps"), rows, caption="How far they agree", note=note)


def _both(*found: Coefficient) -> tuple[str, ...]:
    return tuple(
        one.why or "\u2013"
        if one.value is None
        else f"{one.value:.2f}" + ("" if one.low is None or one.high is None else f" ({one.low:.2f} to {one.high:.2f})")
        for one in found
    )
