"""A step of one solution beside the same step of another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from sapo_studio.store.records import TraceDetail
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.comparison import Beside
from sapo_ui.trajectory.equal_steps import equal_steps
from sapo_ui.trajectory.step_column import Card
from sapo_ui.trajectory.step_text import StepText

GUTTER, NUMBER, LINES, SCORE, LEAST, PAD = 26, 30, 28, 44, 34, 8
"""Pixels: between both sides, a step's number, line numbers of a program, its score, the least height."""


@dataclass(frozen=True)
class StepSide:
    """A step of one side. `score` by the newest verifier, None where there is none; `line`: the number of its first
    line where it is a program, else 0."""

    text: str
    score: float | None
    line: int = 0


@dataclass(frozen=True)
class PairFacts:
    """Step `number` of both. `equal`: they are the same, word for word, as all before; `parting`: the first that is
    not."""

    number: int
    left: StepSide | None
    right: StepSide | None
    equal: bool
    parting: bool


@dataclass(frozen=True)
class _Place:
    text: float
    text_width: float


def pair_steps(beside: Beside) -> list[PairFacts]:
    """All steps of both, in order."""
    left, right = _sides(beside.left, code=beside.code), _sides(beside.right, code=beside.code)
    equal = equal_steps(beside.left.steps, beside.right.steps)
    return [
        PairFacts(
            at + 1,
            left[at] if at < len(left) else None,
            right[at] if at < len(right) else None,
            at < equal,
            at == equal,
        )
        for at in range(max(len(left), len(right)))
    ]


def _sides(detail: TraceDetail, *, code: bool) -> list[StepSide]:
    scores = detail.scores[max(detail.scores)].tolist() if detail.scores else []
    lines = [0] * len(detail.steps)
    if code:
        lines = [1, *(1 + done for done in accumulate(text.count("\n") + 1 for text in detail.steps[:-1]))]
    return [StepSide(text, scores[at] if at < len(scores) else None, lines[at]) for at, text in enumerate(detail.steps)]


class StepPair(Card):
    """Both sides at the same height. The first step that differs has a ring on either side."""

    def __init__(self, facts: PairFacts, parent: QWidget | None = None) -> None:
        super().__init__(facts.number, parent)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.take(facts)
        theme.on_change(self, self.update)

    def take(self, facts: PairFacts) -> bool:
        """Show these instead."""
        self.facts = facts
        self.number = facts.number
        sides = (facts.left, facts.right)
        self._texts = [None if one is None else StepText(one.text, code=one.line > 0) for one in sides]
        self.setAccessibleName(spoken(facts))
        self.updateGeometry()
        self.update()
        return True

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        places = self._places(arg__1)
        high = [
            text.height(place.text_width, 0)
            for text, place in zip(self._texts, places, strict=True)
            if text is not None
        ]
        return max(LEAST, max(high, default=0) + 2 * PAD)

    def sizeHint(self) -> QSize:
        return QSize(400, self.heightForWidth(self.width() or 800))

    def minimumSizeHint(self) -> QSize:
        return QSize(300, LEAST)

    def _places(self, width: int) -> list[_Place]:
        half = (width - GUTTER) / 2
        numbered = any(one is not None and one.line for one in (self.facts.left, self.facts.right))
        start = NUMBER + (LINES if numbered else 0)
        room = max(60.0, half - start - SCORE)
        return [_Place(start, room), _Place(half + GUTTER + start, room)]

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, facts = theme.current(), self.facts
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        half = (self.width() - GUTTER) / 2
        if self.chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        for at, (side, text, place) in enumerate(
            zip((facts.left, facts.right), self._texts, self._places(self.width()), strict=True)
        ):
            box = QRectF(at * (half + GUTTER), 0, half, self.height())
            if side is None or text is None:
                self._no_step(painter, box)
            else:
                self._side(painter, side, text, place, box)
            if facts.parting:
                painter.setPen(QPen(QColor(look.text), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
        painter.setPen(QColor(look.muted))
        painter.setFont(theme.font("mono"))
        gutter = QRectF(half, 0, GUTTER, self.height())
        painter.drawText(
            gutter, Qt.AlignmentFlag.AlignCenter, "=" if facts.equal else "\u2260" if facts.parting else ""
        )

    def _side(self, painter: QPainter, side: StepSide, text: StepText, place: _Place, box: QRectF) -> None:
        look = theme.current()
        if side.score is not None:
            painter.setPen(QPen(QColor(look.border), 1) if look.dark else Qt.PenStyle.NoPen)
            painter.setBrush(theme.score_colour(side.score))
            painter.drawRoundedRect(QRectF(box.left() + 4, 6, 6, box.height() - 12), 2, 2)
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        right, middle = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter
        number = QRectF(box.left() + 10, 0, NUMBER - 18, self.height())
        painter.drawText(number, right | middle, str(self.number))
        if side.score is not None:
            where = QRectF(box.right() - SCORE, 0, SCORE - 8, self.height())
            painter.drawText(where, right | middle, f"{side.score:.2f}")
        text.paint(painter, place, self.height(), 0, side.line)

    @staticmethod
    def _no_step(painter: QPainter, box: QRectF) -> None:
        look = theme.current()
        painter.setPen(QColor(look.muted))
        painter.setFont(theme.font("small"))
        painter.drawText(box.adjusted(NUMBER, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, "ends before this step")


def spoken(facts: PairFacts) -> str:
    """Both sides as a sentence."""
    if facts.equal and facts.left is not None:
        return f"Step {facts.number}, the same in both: {facts.left.text}"
    sides = [
        "ends before this step"
        if side is None
        else side.text + (f", score {fmt.number(side.score, 2)}" if side.score is not None else "")
        for side in (facts.left, facts.right)
    ]
    first = ", the first that differs" if facts.parting else ""
    return f"Step {facts.number}{first}. Left: {sides[0]}. Right: {sides[1]}."
