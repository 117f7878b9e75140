"""The steps of one trajectory as cards: tinted by score, with their marks, labels and judgements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.store.records import TraceDetail
from sapo_ui import theme
from sapo_ui.trajectory.step_column import BAR, Card
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import Chip, Tone, label
from sapo_ui.widgets.plain_text import breakable, marked

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
    """What each card shows, by the scores of `verifier` (None: no scores)."""
    scores = detail.scores.get(verifier) if verifier is not None else None
    drops = None if scores is None or not len(scores) else np.diff(scores, prepend=1.0) * -1
    predicted = 0 if drops is None or detail.correct else int(np.argmax(drops)) + 1
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
        at = [rollout for rollout in detail.rollouts if rollout.prefix == number]
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


class StepCard(Card):
    """One step."""

    def __init__(self, facts: StepFacts, parent: QWidget | None = None) -> None:
        super().__init__(facts.number, parent)
        self.facts = facts
        row = QHBoxLayout(self)
        row.setContentsMargins(BAR + 10, 6, 10, 6)
        row.setSpacing(theme.SPACE_2)
        number = label(str(facts.number), "small", "muted")
        number.setFixedWidth(18)
        middle = QVBoxLayout()
        middle.setSpacing(4)
        self.words = text = label(breakable(facts.text), "mono", wrap=True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        text.setMinimumWidth(40)
        middle.addWidget(text)
        self.chips = FlowRow(gap=theme.SPACE_1)
        self._fill_chips()
        middle.addWidget(self.chips)
        row.addWidget(number, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(middle, 1)
        self.chips.setVisible(not self.chips.empty)  # not before it has a parent: it would be a window of its own
        score = "" if facts.score is None else f"{facts.score:.2f}"
        value = label(score, "mono")
        value.setToolTip("The verifier's score after this step, 0 to 1")
        row.addWidget(value, 0, Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.setAccessibleName(f"Step {facts.number}: {facts.text}, score {score}")
        theme.on_change(self, self._restyle)

    def _fill_chips(self) -> None:
        chips = model_chips(self.facts)
        for who, judgement in self.facts.judged:
            word, tone, icon = JUDGEMENTS[judgement]
            chips.insert(len(self.facts.marks), Chip(f"{who}: {word}", tone, icon=icon))
        self.chips.add(*chips)

    def _restyle(self) -> None:
        found = self.facts.found
        if found and found.lower() in self.facts.text.lower():
            look = theme.current()
            shown = marked(self.facts.text, found, look.accent, look.on_accent)
            self.words.setTextFormat(Qt.TextFormat.RichText)
            self.words.setText(f"<span style='white-space: pre-wrap'>{shown}</span>")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        self.paint_frame(painter)
        if self.facts.score is not None:
            self.paint_score(painter, self.facts.score)
