"""A few solutions of the run, step by step: a correct one, an incorrect one, one where verifier and rollouts differ.

Each step has its score in figures and as a shade, which rollouts from it succeeded, and what labels and people say: no
mark is told by color alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import Literal

from sapo_studio.app.html_report.markup import Element, element, facts, given
from sapo_studio.app.html_report.subject import LONGEST, Subject, cut, nothing
from sapo_studio.domain.judgements import Judgement
from sapo_studio.domain.labelers.registry import CASES, LABELERS
from sapo_studio.domain.labels import detect
from sapo_studio.readable import counted
from sapo_studio.store import queries
from sapo_studio.store.records import LabelInfo, TraceDetail, TraceFilter, TraceRow

SOURCES = ("sample", "import", "test", "process")
"""Whose trajectories are shown, the first that there are."""
LOOKED_AT = 200
"""Trajectories, those with most disagreement first, among which one of that kind is looked for."""
MOST_STEPS = 60
MOST_TEXT, LEAST_TEXT = 30_000, 200
"""Characters of all steps of a solution; behind them each step is cut to the least."""
SAID = {Judgement.RIGHT: "correct", Judgement.NEUTRAL: "neutral", Judgement.WRONG: "incorrect"}
MARKS = {"1": "correct", "0": "incorrect"}

Kind = Literal["correct", "incorrect", "differ"]
KINDS: dict[Kind, str] = {
    "correct": "Correct answer",
    "incorrect": "Incorrect answer",
    "differ": "Verifier and rollouts differ",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A trajectory that is shown, and what for."""

    kind: Kind
    trajectory: int


def samples(subject: Subject, most: int) -> list[Element]:
    """At most `most` solutions, of all three kinds as far as there are."""
    chosen = choose(subject, most)
    if not chosen:
        return [nothing("No solutions are shown." if most == 0 else f"There are no solutions{subject.yet}.")]
    note = (
        "The shade of a score runs from dark blue (0) to yellow (1); its figure stands in it. "
        "Rollouts: how many solutions that begin with the steps up to this one came to a correct answer."
    )
    return [element("p", note, class_="note"), *(_trace(subject, one) for one in chosen)]


def choose(subject: Subject, most: int) -> list[Chosen]:
    """Which ones: by turns one of each kind, of the newest iteration that has any, the same for the same run."""
    base = _newest(subject)
    if base is None or most <= 0:
        return []
    by_kind = [_of_kind(subject, base, kind, most) for kind in KINDS]
    turns = [one for one in chain.from_iterable(zip_longest(*by_kind)) if one is not None]
    found: dict[int, Chosen] = {}
    for one in turns:
        found.setdefault(one.trajectory, one)
    return list(found.values())[:most]


def _newest(subject: Subject) -> TraceFilter | None:
    for source in SOURCES:
        for iteration in range(subject.run.iterations, -1, -1):
            base = TraceFilter(subject.run.id, iteration, source)
            if len(queries.trace_ids(subject.store, base)):
                return base
    return None


def _of_kind(subject: Subject, base: TraceFilter, kind: Kind, most: int) -> list[Chosen]:
    if kind == "differ":
        ids = queries.trace_ids(subject.store, replace(base, sort="disagreement", descending=True))[:LOOKED_AT]
        rows = [row for row in queries.trace_rows(subject.store, ids) if _differ(row)]
        return [Chosen(kind, row.id) for row in rows[:most]]
    ids = queries.trace_ids(subject.store, replace(base, outcome="right" if kind == "correct" else "wrong"))
    rows = queries.trace_rows(subject.store, ids[:LOOKED_AT])
    # Where there are rollouts, those that have some are more worth a look.
    ordered = sorted(rows, key=lambda row: (row.verified <= 0 if kind == "incorrect" else False, row.mean is None))
    return [Chosen(kind, row.id) for row in ordered[:most]]


def _differ(row: TraceRow) -> bool:
    """Whether the scores drop most at another step than where rollouts (or the file's labels) have the first error."""
    return len(row.scores) > 0 and row.verified > 0 and detect(row.scores.tolist()) != row.verified


def _trace(subject: Subject, one: Chosen) -> Element:
    trace = queries.trace(subject.store, one.trajectory)
    code = subject.is_code(trace)
    outcome = "correct answer" if trace.correct else "incorrect answer"
    where = f"iteration {trace.iteration}, sample {trace.sample}, {counted(len(trace.steps), 'step')}, {outcome}"
    if subject.run.imported:
        where = f"{counted(len(trace.steps), 'step')}"
    verifier = max(trace.scores, default=None)
    told: list[tuple[str, Element | str]] = [("Question", given(cut(trace.question), "div", "text"))]
    if trace.reference:
        told.append(
            ("Tests" if code else "Reference", given(cut(trace.reference), "div", "text mono" if code else "text"))
        )
    if trace.answer and not code:
        told.append(("Its answer", given(cut(trace.answer), "div", "text")))
    if verifier is not None:
        by = "the verifier that scored the file" if subject.run.imported else f"V{verifier}"
        told.append(("Scores by", by))
    if case := _case(trace.labels):
        told.append(("Self-verification", case))
    if trace.solution and not code:
        solution = given(cut(trace.solution), "div", "text")
        told.append(("Task's own solution", element("details", element("summary", "Show"), solution)))
    heading = element("h3", KINDS[one.kind], element("span", f" trajectory {trace.id}: {where}", class_="where"))
    return element("article", heading, facts(told), _steps(trace, verifier, code), class_="trace")


def _case(labels: Sequence[LabelInfo]) -> str:
    return next((CASES[label.case] for label in reversed(labels) if label.case in CASES), "")


def _steps(trace: TraceDetail, verifier: int | None, code: bool) -> Element:
    scores = [] if verifier is None else [float(score) for score in trace.scores[verifier]]
    made: Counter[int] = Counter()
    came: Counter[int] = Counter()
    for rollout in trace.evidence:
        made[rollout.prefix] += 1
        came[rollout.prefix] += rollout.correct
    own = next((label for label in reversed(trace.labels) if label.source in (*LABELERS, "file", "expansion")), None)
    columns = ["step"]
    columns += ["score"] if scores else []
    columns += ["rollouts"] if made else []
    columns += ["label"] if own is not None else []
    columns += ["people"] if trace.annotations else []
    rows: list[Element] = []
    room = MOST_TEXT
    for step, words in enumerate(trace.steps[:MOST_STEPS], 1):
        cells = [element("th", str(step), scope="row")]
        if scores:
            cells.append(element("td", _score(scores[step - 1]) if step <= len(scores) else ""))
        if made:
            cells.append(element("td", f"{came[step]} of {made[step]}" if made[step] else ""))
        if own is not None:
            cells.append(element("td", MARKS.get(own.labels[step - 1 : step], "")))
        if trace.annotations:
            cells.append(element("td", list(_people(trace, step))))
        tags = [element("span", tag, class_="tag") for tag in _tags(trace, scores, own, step)]
        shown = cut(words, max(LEAST_TEXT, min(LONGEST, room)))
        room -= len(shown)
        text = given(shown, "div", "text mono" if code else "text")
        shade = f"step e{_shade(scores[step - 1])}" if step <= len(scores) else "step"
        rows.append(element("tr", cells, element("td", text, tags), class_=shade))
    head = element("thead", element("tr", [element("th", name, scope="col") for name in [*columns, "text"]]))
    table = element("table", head, element("tbody", rows), class_="steps")
    more = len(trace.steps) - MOST_STEPS
    left = element("p", f"{more} more steps are left out.", class_="note") if more > 0 else None
    return element("div", element("div", table, class_="scroll", role="region", aria_label="Steps", tabindex=0), left)


def _shade(score: float) -> int:
    return min(10, max(0, round(10 * score)))


def _score(score: float) -> Element:
    return element("span", f"{score:.2f}", class_=f"score v{_shade(score)}")


def _people(trace: TraceDetail, step: int) -> Iterator[Element]:
    for one in trace.annotations:
        if one.step == step:
            yield element("div", given(one.annotator), f": {SAID[Judgement(one.judgement)]}", class_="said")


def _tags(trace: TraceDetail, scores: Sequence[float], own: LabelInfo | None, step: int) -> Iterator[str]:
    if scores and not trace.correct and detect(scores) == step:
        yield "\u25bc largest drop: the verifier's first error"
    if own is not None and own.labels.find("0") == step - 1:
        yield "\u2715 first error by " + (
            "the file" if own.source == "file" else "rollouts" if own.rollouts else "its labels"
        )
    if trace.truth == step:
        yield "\u25c6 first error in truth"
    if trace.human == step:
        yield "\u2605 first error by people"
