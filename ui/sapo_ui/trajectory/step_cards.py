"""What is known of each step of a trajectory, and the chips that say so on a card."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sapo_studio.store.records import TraceDetail
from sapo_ui.widgets.labels import Chip, Tone

JUDGEMENTS: dict[int, tuple[str, Tone, str]] = {
    -1: ("incorrect", "bad", "close"),
    0: ("neutral", "plain", ""),
    1: ("correct", "good", "check"),
}


@dataclass(frozen=True)
class StepFacts:
    """All that a card shows of a step. `judged`: (annotator, judgement). `labels`: (source, right?)."""

    number: int
    text: str
    score: float | None
    drop: float | None
    marks: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, bool], ...]
    judged: tuple[tuple[str, int], ...]
    rollouts: tuple[int, int] | None
    found: str = ""
    """What was searched for: it is marked where it stands."""


def step_facts(detail: TraceDetail, verifier: int | None, me: str) -> list[StepFacts]:
    """What each card shows, by the scores of `verifier` (None: no scores). The predicted first error is the one that
    self-verification checked, whoever's scores are shown; where nothing was checked, that of `verifier`."""
    scores = detail.scores.get(verifier) if verifier is not None else None
    drops = None if scores is None or not len(scores) else np.diff(scores, prepend=1.0) * -1
    predicted = detail.predicted or (0 if drops is None or detail.correct else int(np.argmax(drops)) + 1)
    verified = {label.verified for label in detail.labels if label.verified > 0 and label.source != "outcome"}
    found: list[StepFacts] = []
    for number, text in enumerate(detail.steps, start=1):
        marks: list[tuple[str, str]] = []
        if number == predicted:
            marks.append(("triangle", "predicted first error"))
        if number in verified:
            marks.append(("square", "verified first error"))
        if number == detail.human:
            marks.append(("ring", "first error by a person"))
        if number == detail.truth:
            marks.append(("", "= true first error"))
        at = [rollout for rollout in detail.evidence if rollout.prefix == number]
        found.append(
            StepFacts(
                number,
                text,
                None if scores is None else float(scores[number - 1]),
                None if drops is None else float(drops[number - 1]),
                tuple(marks),
                tuple(
                    (item.source, item.labels[number - 1] == "1")
                    for item in detail.labels
                    if item.labels[number - 1 : number] in ("0", "1")
                ),
                tuple(
                    ("you" if item.annotator == me else item.annotator, item.judgement)
                    for item in detail.annotations
                    if item.step == number
                ),
                (sum(rollout.correct for rollout in at), len(at)) if at else None,
            )
        )
    return found


def model_chips(facts: StepFacts) -> list[Chip]:
    """What models and rollouts say of a step: marks, the fall of the score, how rollouts ended, labels by source."""
    chips = [Chip(words, "plain", mark=shape) for shape, words in facts.marks]
    if facts.drop is not None and abs(facts.drop) >= 0.05:
        chip = Chip(f"drop {facts.drop:.2f}" if facts.drop > 0 else f"rise {-facts.drop:.2f}")
        chip.setToolTip("How far the score fell since the step before (before step 1 it is 1)")
        chips.append(chip)
    if facts.rollouts is not None:
        right, total = facts.rollouts
        chip = Chip(f"{right} of {total} rollouts correct", "good" if right else "bad")
        chip.setToolTip(
            "Rollouts that continue from this step. A correct one shows that the step can lead to the answer."
        )
        chips.append(chip)
    for source, right in facts.labels:
        chip = Chip(f"{source}: {'correct' if right else 'incorrect'}", "good" if right else "bad")
        chip.setToolTip(f"Label written by {source}")
        chips.append(chip)
    return chips
