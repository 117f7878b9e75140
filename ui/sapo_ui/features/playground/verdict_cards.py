"""What the ways to choose among a side's solutions come to: the greedy one, the majority, the best by the verifier."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.requests.play import Verdict
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.playground_state import SideState
from sapo_ui.theme import glyphs
from sapo_ui.widgets.plain_text import plain_tip

HIGH = 58


class VerdictCard(QAbstractButton):
    """One of them. Pressing it goes to the solution that it means."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.verdict: Verdict | None = None
        self.note = ""
        self.answer = fmt.NONE
        self._hover = ""
        self.setFixedHeight(HIGH)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.show_verdict(None, "", programs=False)
        theme.on_change(self, self._restyle)

    def show_verdict(self, verdict: Verdict | None, note: str, *, programs: bool, none: str = "") -> None:
        """Show it. `note`: what it goes by; `none`: why there is none."""
        self.verdict, self.note = verdict, note
        if verdict is None:
            self.answer = fmt.NONE
        elif programs:
            self.answer = fmt.NONE if verdict.correct is None else "passes" if verdict.correct else "fails"
        else:
            self.answer = " ".join(verdict.answer.split()) or "none"
        known = {True: ", correct", False: ", incorrect"}
        right = known.get(verdict.correct, "") if verdict is not None and verdict.correct is not None else ""
        said = f"{self.title}: {self.answer if verdict is not None else none or 'nothing yet'}{right}"
        self.setAccessibleName(f"{said}{f', {note}' if note else ''}")
        self.setToolTip(plain_tip(f"{said}\nGo to the solution" if verdict is not None else said))
        self.setEnabled(verdict is not None)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, HIGH)

    def minimumSizeHint(self) -> QSize:
        return QSize(96, HIGH)

    def _restyle(self) -> None:
        self.update()

    def paintEvent(self, e: QPaintEvent) -> None:
        del e
        look, verdict = theme.current(), self.verdict
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = look.accent if self.hasFocus() else look.border if self.underMouse() and self.isEnabled() else ""
        painter.setPen(QPen(QColor(ring), 2 if self.hasFocus() else 1) if ring else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.raised))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.RADIUS, theme.RADIUS)
        middle, inside = Qt.AlignmentFlag.AlignVCenter, self.width() - 24.0
        small = QFontMetrics(theme.font("small"))
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.muted))
        title = small.elidedText(self.title, Qt.TextElideMode.ElideRight, int(inside))
        painter.drawText(QRectF(12, 5, inside, 18), middle, title)
        sign = 24.0 if verdict is not None and verdict.correct is not None else 0.0
        wanted = min(inside * 0.6, QFontMetrics(theme.font("heading")).horizontalAdvance(self.answer) + sign + 6)
        notes = (self.note, self.note.partition(" ")[2], "")  # the answer comes first
        note = next(one for one in notes if not one or small.horizontalAdvance(one) + 2 <= inside - wanted)
        wide = small.horizontalAdvance(note) + 2.0 if note else 0.0
        where = QRectF(12 + inside - wide, 26, wide, 26)
        painter.drawText(where, middle | Qt.AlignmentFlag.AlignRight, note)
        font = theme.font("heading")
        room = inside - wide - sign - 6
        if QFontMetrics(font).horizontalAdvance(self.answer) > room:
            font = theme.font("strong")
        painter.setFont(font)
        painter.setPen(QColor(look.text if verdict is not None and self.answer != "none" else look.muted))
        metrics = QFontMetrics(font)
        shown = metrics.elidedText(self.answer, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(QRectF(12, 26, room, 26), middle, shown)
        if verdict is not None and verdict.correct is not None:
            name, color = ("check", look.good) if verdict.correct else ("close", look.bad)
            glyphs.paint(painter, name, color, QRectF(20 + metrics.horizontalAdvance(shown), 32, 15, 15))


class VerdictCards(QWidget):
    """The three beside each other."""

    solution_wanted = Signal(object)
    """(solution: str)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.greedy = VerdictCard("Greedy")
        self.majority = VerdictCard("Majority")
        self.best = VerdictCard("Best by verifier")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_2)
        for card in (self.greedy, self.majority, self.best):
            card.clicked.connect(self._pressed)
            row.addWidget(card, 1)

    def show_side(self, state: SideState, by: Aggregation, *, programs: bool, scored: bool) -> None:
        """Show a side as it is now. `scored`: there is a verifier."""
        found = state.verdicts
        greedy, majority, best = (
            found.greedy if found is not None else None,
            found.majority if found is not None else None,
            state.best(by),
        )
        self.greedy.show_verdict(greedy, "one try" if greedy is not None else "", programs=programs)
        votes = f"{majority.votes} of {majority.of}" if majority is not None and majority.votes is not None else ""
        why = "programs have no answer to vote by" if programs else ""
        self.majority.show_verdict(majority, votes, programs=programs, none=why)
        note = f"{by} {best.score:.2f}" if best is not None and best.score is not None else ""
        self.best.show_verdict(best, note, programs=programs, none="" if scored else "no verifier is chosen")

    def _pressed(self) -> None:
        card = self.sender()
        if isinstance(card, VerdictCard) and card.verdict is not None:
            self.solution_wanted.emit(card.verdict.solution)
