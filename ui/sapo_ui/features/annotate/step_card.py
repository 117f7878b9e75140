"""A step as it is judged: its text, what this person said of it, their comment; and, where that is open, what models
said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.domain.judgements import Judgement
from sapo_studio.store.records import CommentInfo, TraceDetail
from sapo_ui import theme
from sapo_ui.theme import glyphs
from sapo_ui.trajectory.step_cards import JUDGEMENTS, StepFacts, model_chips, step_facts
from sapo_ui.trajectory.step_column import BAR, Card
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES
from sapo_ui.widgets.plain_text import breakable

WORD, NOTE, LINE = 96, 92, 20
"""Room for the judgement, for the note before it, and their height."""


@dataclass(frozen=True)
class JudgedStep:
    """All that a card shows. `judgement`: this person's, None before there is one; `filled`: it follows from that of
    another step; `first_error`: it is the first that they call incorrect. `models`: None while it is hidden.
    """

    number: int
    text: str
    judgement: int | None = None
    filled: bool = False
    first_error: bool = False
    comment: str = ""
    models: StepFacts | None = None


def judged_steps(detail: TraceDetail, comments: Sequence[CommentInfo], me: str, *, hidden: bool) -> list[JudgedStep]:
    """The steps of a trajectory as the person `me` has judged them. `hidden`: without anything that a model made."""
    mine = {one.step: one for one in detail.annotations if one.annotator == me}
    wrong = [step for step, one in mine.items() if one.judgement == Judgement.WRONG]
    written = {one.step: one.text for one in comments if one.annotator == me}
    models: list[StepFacts | None] = [None] * len(detail.steps)
    if not hidden:
        models = [_of_models(facts) for facts in step_facts(detail, max(detail.scores, default=None), me)]
    return [
        JudgedStep(
            number,
            text,
            mine[number].judgement if number in mine else None,
            number in mine and mine[number].filled,
            number == min(wrong, default=0),
            written.get(number, ""),
            models[number - 1],
        )
        for number, text in enumerate(detail.steps, start=1)
    ]


def _of_models(facts: StepFacts) -> StepFacts:
    """Without what people said: that of others stays theirs until both have saved."""
    return replace(facts, judged=(), marks=tuple(mark for mark in facts.marks if mark[0] != "ring"))


class _Verdict(QWidget):
    """The judgement in words, with what led to it: `o first error`, `filled in`, `x incorrect`."""

    def __init__(self, step: JudgedStep) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.say(step)

    def say(self, step: JudgedStep) -> None:
        """Show what was said of this step."""
        self._step = step
        self._word, self._tone, self._icon = (
            JUDGEMENTS[step.judgement] if step.judgement is not None else ("", "plain", "")
        )
        self._note = "first error" if step.first_error else "filled in" if step.filled else ""
        self.setFont(theme.font("body" if step.filled else "strong"))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize((WORD + (NOTE if self._note else 0)) if self._word else 0, LINE)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._word:
            return
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = {"good": look.good, "bad": look.bad}.get(self._tone, look.muted)
        at = float(self.width() - WORD)
        if self._icon:
            glyphs.paint(painter, self._icon, colour, QRectF(at + 4, 3, 14, 14))
        painter.setPen(QColor(colour))
        painter.drawText(QRectF(at + 24, 0, WORD - 24, LINE), Qt.AlignmentFlag.AlignVCenter, self._word)
        if not self._note:
            return
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.text if self._step.first_error else look.muted))
        where = QRectF(0, 0, at - 6, LINE)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._note)
        if self._step.first_error:
            left = at - 14 - painter.fontMetrics().horizontalAdvance(self._note)
            ring = QPointF(left - 2, 10)
            DRAW["ring"](painter, ring, TEXT_SIZES["ring"], QColor(look.text), QColor(look.surface))


class JudgeCard(Card):
    """One step."""

    def __init__(self, step: JudgedStep, parent: QWidget | None = None) -> None:
        super().__init__(step.number, parent)
        self.step = step
        models = step.models
        row = QHBoxLayout(self)
        row.setContentsMargins(BAR + 10, 10, 12, 10)
        row.setSpacing(theme.SPACE_2)
        number = label(str(step.number), "mono", "muted")  # in one line with the text
        number.setFixedWidth(22)
        middle = QVBoxLayout()
        middle.setSpacing(theme.SPACE_1)
        self._text = label(breakable(step.text), "mono", wrap=True)
        self._comment = label(breakable(step.comment), "body", "muted", wrap=True)
        for line in (self._text, self._comment):
            line.setMinimumWidth(40)
            middle.addWidget(line)
        if models is not None:
            chips = FlowRow(gap=theme.SPACE_1)
            chips.add(*model_chips(models))
            middle.addWidget(chips)
        top = Qt.AlignmentFlag.AlignTop
        row.addWidget(number, 0, top)
        row.addLayout(middle, 1)
        self._comment.setVisible(bool(step.comment))  # not before it has a parent: it would be a window of its own
        if models is not None and models.score is not None:
            score = label(f"{models.score:.2f}", "mono")
            score.setToolTip("The newest verifier's score after this step, 0 to 1")
            row.addWidget(score, 0, top)
        self._verdict = _Verdict(step)
        row.addWidget(self._verdict, 0, top)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.setAccessibleName(self._said())
        theme.on_change(self, self._restyle)

    def take(self, facts: JudgedStep) -> bool:
        if facts.models is not None or self.step.models is not None:
            return False
        self.step = facts
        self._text.setText(breakable(facts.text))
        self._comment.setText(breakable(facts.comment))
        self._comment.setVisible(bool(facts.comment))
        self._verdict.say(facts)
        self.setAccessibleName(self._said())
        return True

    def _said(self) -> str:
        step = self.step
        parts = [f"Step {step.number}: {step.text}"]
        if step.judgement is not None:
            parts.append(JUDGEMENTS[step.judgement][0] + (", filled in" if step.filled else ""))
        if step.first_error:
            parts.append("first error")
        if step.comment:
            parts.append(f"comment: {step.comment}")
        if step.models is not None and step.models.score is not None:
            parts.append(f"score {step.models.score:.2f}")
        return "; ".join(parts)

    def _restyle(self) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        self.paint_frame(painter)
        if self.step.models is not None and self.step.models.score is not None:
            self.paint_score(painter, self.step.models.score, self.height())
