"""What the trace view shows of each step: its row, and what opens below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.step_evidence import Tries
from sapo_studio.store.records import RolloutInfo, TraceDetail
from sapo_ui.trajectory.step_cards import StepFacts, step_facts

Verdict = Literal["right", "wrong", "neutral", "mixed", ""]
"""What a source says of a step; `mixed` where people disagree, empty where it says nothing."""

PEOPLE = "people"
MOST_SOURCES = 3


@dataclass(frozen=True)
class Ending:
    """Rollouts that wrote the same: how they end, how many, and the trajectory that they were made for (None: this)."""

    text: str
    correct: bool
    times: int
    lender: int | None


@dataclass(frozen=True)
class RowFacts:
    """A step. `line`: the number of its first line where the solution is a program, 0 where it is not. `labels`: a
    verdict for each source of the head. `under`: its score under each verifier. `follows`: why it is labeled although
    nothing was rolled out from here, in a word. `rival`: the verifier that predicts this step, where another step was
    checked.
    """

    step: StepFacts
    line: int
    labels: tuple[Verdict, ...]
    tries: Tries | None
    follows: str
    largest: bool
    under: tuple[tuple[int, float], ...]
    endings: tuple[Ending, ...]
    rival: int | None = None


def sources_of(detail: TraceDetail) -> tuple[str, ...]:
    """Whose labels have a column: those that labeled the trajectory, people last."""
    own = dict.fromkeys(item.source for item in detail.labels if item.labels.strip("?"))
    return (*tuple(own)[:MOST_SOURCES], PEOPLE)


def source_title(source: str) -> str:
    """What a column of labels is called."""
    return LABELERS[source].title if source in LABELERS else source


def row_facts(detail: TraceDetail, verifier: int | None, me: str, *, code: bool) -> list[RowFacts]:
    """A row for each step, by the scores of `verifier` (None: no scores). `me` is whose judgements are `you`."""
    steps = step_facts(detail, verifier, me)
    sources = sources_of(detail)
    drops = [step.drop for step in steps if step.drop is not None]
    lines = [0] * len(steps)
    if code:
        lines = [1, *(1 + done for done in accumulate(text.count("\n") + 1 for text in detail.steps[:-1]))]
    steepest = max(drops, default=0.0)
    at_steepest = next((step.number for step in steps if step.drop == steepest), 0) if steepest > 0 else 0
    rival = at_steepest if not detail.correct and detail.predicted not in (0, at_steepest) else 0
    return [
        RowFacts(
            step,
            line,
            _verdicts(step, sources),
            None if step.rollouts is None else Tries(*step.rollouts),
            follows=_follows(detail, step),
            largest=step.number == at_steepest,
            under=tuple((number, float(row[step.number - 1])) for number, row in sorted(detail.scores.items())),
            endings=endings([one for one in detail.evidence if one.prefix == step.number]),
            rival=verifier if step.number == rival else None,
        )
        for step, line in zip(steps, lines, strict=True)
    ]


def endings(rollouts: Sequence[RolloutInfo]) -> tuple[Ending, ...]:
    """Rollouts with equal text together: those that end correct first, then the most frequent."""
    found: dict[tuple[bool, str, int | None], list[int]] = {}
    for one in rollouts:
        found.setdefault((one.correct, one.text.strip(), one.lender), []).append(one.id)
    ordered = sorted(found.items(), key=lambda item: (not item[0][0], -len(item[1]), item[1][0]))
    return tuple(Ending(text, correct, len(ids), lender) for (correct, text, lender), ids in ordered)


def _follows(detail: TraceDetail, step: StepFacts) -> str:
    if step.rollouts is not None or not step.labels:
        return ""
    return "answer" if step.number == len(detail.steps) and not detail.correct else "follows"


def _verdicts(step: StepFacts, sources: Sequence[str]) -> tuple[Verdict, ...]:
    said = dict(step.labels)
    found: list[Verdict] = [("right" if said[one] else "wrong") if one in said else "" for one in sources[:-1]]
    judged = {judgement for _, judgement in step.judged}
    if len(judged) > 1:
        return (*found, "mixed")
    people: dict[int, Verdict] = {1: "right", 0: "neutral", -1: "wrong"}
    return (*found, people[judged.pop()] if judged else "")
