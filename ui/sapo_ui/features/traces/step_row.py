"""One step of the open trajectory: a row of columns, and below it, while it is chosen, what is known of it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QSizePolicy, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.traces.columns import BAR, EDGE, MARKS, NUMBER, TRIES, Columns
from sapo_ui.features.traces.opened_step import OpenedStep
from sapo_ui.features.traces.row_facts import RowFacts, Verdict
from sapo_ui.theme import glyphs
from sapo_ui.trajectory.step_cards import StepFacts
from sapo_ui.trajectory.step_column import Card
from sapo_ui.trajectory.step_text import StepText
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES
from sapo_ui.widgets.point_bar import HEIGHT, paint_interval

LEAST = 40
"""Pixels: two lines of text."""

SIGNS: dict[Verdict, str] = {"right": "check", "wrong": "close"}


class _Line(QWidget):
    """The row itself, painted: hundreds of little widgets would make the next trajectory slow to open."""

    def __init__(self, facts: RowFacts, parent: QWidget) -> None:
        super().__init__(parent)
        self.facts = facts
        self.whole = False
        self._text = StepText(facts.step.text, code=facts.line > 0)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def take(self, facts: RowFacts) -> None:
        """Show another step."""
        if facts.step.text != self.facts.step.text or (facts.line > 0) != (self.facts.line > 0):
            self._text = StepText(facts.step.text, code=facts.line > 0)
        self.facts = facts
        self.updateGeometry()
        self.update()

    def set_whole(self, whole: bool) -> None:
        """Show all lines of the text, or two."""
        if whole != self.whole:
            self.whole = whole
            self.updateGeometry()
            self.update()

    def _columns(self, width: int) -> Columns:
        return Columns(width, len(self.facts.labels), self.facts.line > 0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        most = 0 if self.whole or self.facts.line else 2
        return max(LEAST, self._text.height(self._columns(arg__1).text_width, most) + 8)

    def sizeHint(self) -> QSize:
        return QSize(400, self.heightForWidth(self.width() or 400))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, LEAST)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, places, facts = theme.current(), self._columns(self.width()), self.facts
        painter = QPainter(self)
        middle = LEAST / 2.0 if facts.line or self.height() > LEAST + 8 else self.height() / 2.0
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        centre = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(EDGE, middle - 9, NUMBER - 8, 18), centre, str(facts.step.number))
        most = 0 if self.whole or facts.line else 2
        self._text.paint(painter, places, self.height(), most, facts.line, facts.step.found)
        if facts.step.score is not None:
            self._paint_score(painter, places.score, middle, facts.step.score)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shapes = {shape for shape, _ in facts.step.marks}
        for at, shape in enumerate(MARKS):
            if shape in shapes:
                here = QPointF(places.mark(at), middle)
                DRAW[shape](painter, here, TEXT_SIZES[shape], QColor(look.text), QColor(0, 0, 0, 0))
        for at, verdict in enumerate(facts.labels):
            self._paint_verdict(painter, places.label(at), middle, verdict)
        self._paint_tries(painter, places, middle)

    @staticmethod
    def _paint_score(painter: QPainter, left: float, middle: float, score: float) -> None:
        look = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.sunken))
        painter.drawRoundedRect(QRectF(left, middle - 4, 24, 8), 3, 3)
        painter.setPen(QPen(QColor(look.border), 1) if look.dark else Qt.PenStyle.NoPen)
        painter.setBrush(theme.score_colour(score))
        painter.drawRoundedRect(QRectF(left, middle - 4, max(5.0, 24 * score), 8), 3, 3)
        painter.setFont(theme.font("mono_small"))
        painter.setPen(QColor(look.text))
        painter.drawText(QRectF(left + 29, middle - 9, 40, 18), Qt.AlignmentFlag.AlignVCenter, f"{score:.2f}")

    @staticmethod
    def _paint_verdict(painter: QPainter, where: QRectF, middle: float, verdict: Verdict) -> None:
        if where.isEmpty():
            return
        look = theme.current()
        box = QRectF(where.center().x() - 6.5, middle - 6.5, 13, 13)
        if verdict in SIGNS:
            glyphs.paint(painter, SIGNS[verdict], look.good if verdict == "right" else look.bad, box)
            return
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.warning if verdict == "mixed" else look.muted))
        text = {"mixed": "split", "neutral": "neutral"}.get(verdict, "\u00b7")
        painter.drawText(where.adjusted(0, middle - 20, 0, middle - 20), Qt.AlignmentFlag.AlignCenter, text)

    def _paint_tries(self, painter: QPainter, places: Columns, middle: float) -> None:
        look, tries = theme.current(), self.facts.tries
        painter.setFont(theme.font("small"))
        where = QRectF(places.tries, middle - 9, TRIES + BAR, 18)
        if tries is None:
            painter.setPen(QColor(look.muted))
            if self.facts.follows:
                room = QFontMetricsF(painter.font()).elidedText(
                    self.facts.follows, Qt.TextElideMode.ElideRight, self.width() - places.tries
                )
                painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, room)
            return
        painter.setPen(QColor(look.text))
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"{tries.succeeded}/{tries.made}")
        if not places.bars:
            return
        where = QRectF(places.tries + TRIES, middle - HEIGHT / 2, BAR - 8, HEIGHT)
        paint_interval(painter, where, tries.succeeded / tries.made, *tries.interval())


class StepRow(Card):
    """A step. What opens below the row is made when it is first chosen."""

    trace_requested = Signal(object)
    """(trajectory id: int) Rollouts are shared: the user wants to see the trajectory that they were made for."""

    def __init__(self, facts: RowFacts, parent: QWidget | None = None) -> None:
        super().__init__(facts.step.number, parent)
        self.row = facts
        self.line = _Line(facts, self)
        self.opened: OpenedStep | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.line)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._name()
        theme.on_change(self, self._restyle)

    @property
    def facts(self) -> StepFacts:
        """What models and people say of the step."""
        return self.row.step

    def take(self, facts: object) -> bool:
        if not isinstance(facts, RowFacts):
            return False
        self.row, self.number = facts, facts.step.number
        self.line.take(facts)
        self._drop_opened()
        if self.chosen:
            self._open()
        self._name()
        return True

    def set_chosen(self, chosen: bool) -> None:
        super().set_chosen(chosen)
        self.line.set_whole(chosen)
        if chosen and self.opened is None:
            self._open()
        if self.opened is not None:
            self.opened.setVisible(chosen)

    def _open(self) -> None:
        self.opened = OpenedStep(self.row)
        self.opened.trace_requested.connect(self.trace_requested)
        self._column.addWidget(self.opened)

    def _drop_opened(self) -> None:
        if self.opened is not None:
            self._column.removeWidget(self.opened)
            self.opened.hide()
            self.opened.deleteLater()
            self.opened = None

    def _name(self) -> None:
        step, tries = self.row.step, self.row.tries
        parts = [f"Step {step.number}: {step.text}"]
        if step.score is not None:
            parts.append(f"score {step.score:.2f}")
        parts += [words for _, words in step.marks]
        if tries is not None:
            parts.append(f"{tries.succeeded} of {tries.made} rollouts correct")
        self.setAccessibleName(", ".join(parts))

    def _restyle(self) -> None:
        self.update()
        self.line.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(look.accent_soft))
            painter.drawRoundedRect(QRectF(frame.x(), frame.y(), frame.width(), self.line.height()), 4, 4)
            focus = QApplication.focusWidget()
            keys = focus is not None and focus.isAncestorOf(self)  # the trace view has the focus, whose keys act on it
            painter.setPen(QPen(QColor(look.accent if keys else look.border), 2 if keys else 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
        if self.row.step.score is not None:
            self.paint_score(painter, self.row.step.score, self.line.height())
