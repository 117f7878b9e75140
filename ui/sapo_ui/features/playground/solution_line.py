"""A solution in one line: right or wrong, its answer, the score of each step, and the mean; painted, as many of them
are written at the same time."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from sapo_studio.domain.aggregation import Aggregation
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.playground.places import KEEP, LINE, SIGN, TEXT, Places
from sapo_ui.features.playground.strip import HIGH, ScoreStrip
from sapo_ui.services.playground_state import Solution
from sapo_ui.theme import glyphs
from sapo_ui.widgets.plain_text import plain_tip

LONGEST = 300
"""Signs of what is being written; more has no room in any line."""

TAIL = 90
"""What is left for the text that is being written, at least."""


def answer_words(solution: Solution, programs: bool) -> str:
    """What stands in the column of answers."""
    if solution.phase != "done":
        return {"waiting": "", "live": "\u2026"}.get(solution.phase, "stopped")
    if programs:
        return {True: "passes", False: "fails"}.get(bool(solution.correct), "") if solution.correct is not None else ""
    return " ".join(solution.answer.split()) or "none"


def told(solution: Solution, by: Aggregation, programs: bool) -> str:
    """A solution in words, as who cannot see the line hears it."""
    end = solution.end
    parts = ["Greedy solution" if solution.greedy else "Solution"]
    if end is None:
        words = {"waiting": "waits", "live": "being written", "stopped": "stopped"}
        n = len(solution.steps)
        return f"{parts[0]}, {words.get(solution.phase, '')}, {n} step{'s' if n != 1 else ''} so far"
    parts.append({True: "correct", False: "incorrect"}.get(end.correct, "") if end.correct is not None else "")
    if not programs:
        parts.append(f"answer {end.answer}" if end.answer else "no answer")
    if not end.finished:
        parts.append(f"cut off at {end.tokens} tokens")
    scored = solution.score(by)
    if scored is not None:
        parts.append(f"{by} score {scored:.2f}")
    parts.append(f"{len(end.steps)} step{'s' if len(end.steps) != 1 else ''}")
    return ", ".join(filter(None, parts))


class SolutionLine(QWidget):
    """It leaves `KEEP` pixels free at its right. `programs`: solutions are graded by tests and have no answer."""

    def __init__(self, solution: Solution, by: Aggregation, programs: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.solution, self.programs = solution, programs
        self.by: Aggregation = by
        self._strip = ScoreStrip()
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)  # without it, Qt would squeeze a list of lines into the room that there is
        self.setSizePolicy(policy)
        self.setFixedHeight(LINE)

    def take(self, solution: Solution, by: Aggregation, programs: bool) -> bool:
        """Show it as it is now. Whether anything differs."""
        if (solution, by, programs) == (self.solution, self.by, self.programs):
            return False
        self.solution, self.by, self.programs = solution, by, programs
        self.update()
        return True

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, arg__1: int) -> int:
        del arg__1
        return LINE

    def sizeHint(self) -> QSize:
        return QSize(300, LINE)

    @property
    def tag(self) -> str:
        """What else is to be said of it, in a word or two."""
        end = self.solution.end
        words = ["greedy"] if self.solution.greedy else []
        if end is not None and not end.finished:
            words.append("cut off")
        return ", ".join(words)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, places, one = theme.current(), Places(self.width() + KEEP), self.solution
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_sign(painter)
        middle = Qt.AlignmentFlag.AlignVCenter
        said = one.phase == "done" and bool(one.answer or self.programs)
        painter.setFont(theme.font("strong" if said else "body"))
        painter.setPen(QColor(look.text if said else look.muted))
        words = painter.fontMetrics().elidedText(
            answer_words(one, self.programs), Qt.TextElideMode.ElideRight, int(places.answer)
        )
        painter.drawText(QRectF(TEXT, 0, places.answer, LINE), middle, words)
        left = self._paint_scores(painter, places)
        self._paint_rest(painter, places, left)
        score = one.score(self.by)
        painter.setFont(theme.font("body"))
        painter.setPen(QColor(look.text if score is not None else look.muted))
        where = QRectF(places.mean, 0, 40, LINE)
        painter.drawText(where, middle | Qt.AlignmentFlag.AlignRight, fmt.NONE if score is None else f"{score:.2f}")

    def _paint_sign(self, painter: QPainter) -> None:
        look, one = theme.current(), self.solution
        name, color = {"waiting": ("queued", look.muted), "live": ("running", look.accent)}.get(
            one.phase, ("stopped", look.muted)
        )
        if one.phase == "done":
            if one.correct is None:
                return
            name, color = ("check", look.good) if one.correct else ("close", look.bad)
        glyphs.paint(painter, name, color, QRectF(SIGN, (LINE - 15) / 2, 15, 15))

    def _paint_scores(self, painter: QPainter, places: Places) -> float:
        """A cell a step. Returns where they end."""
        one = self.solution
        scores = one.scores or (None,) * len(one.steps)
        room = places.strip_width - (0 if one.phase == "done" else TAIL)
        self._strip.paint(painter, places.strip, (LINE - HIGH) / 2, scores, room)
        return places.strip + self._strip.width

    def _paint_rest(self, painter: QPainter, places: Places, left: float) -> None:
        """What is being written, or what else is to be said."""
        look, one = theme.current(), self.solution
        where = QRectF(left + 6, 0, places.strip + places.strip_width - left - 10, LINE)
        middle = Qt.AlignmentFlag.AlignVCenter
        if one.phase == "done" or one.phase == "waiting":
            painter.setFont(theme.font("small"))
            painter.setPen(QColor(look.muted))
            words = self.tag if one.phase == "done" else "greedy" if one.greedy else ""
            where.setRight(places.mean + 6)  # a number leaves the column's beginning free
            if where.width() > painter.fontMetrics().horizontalAdvance(words):
                painter.drawText(where, middle, words)
            return
        painter.setFont(theme.font("mono_small"))
        painter.setPen(QColor(look.muted))
        metrics = QFontMetricsF(painter.font())
        text = " ".join(one.tail[-LONGEST:].split())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideLeft, max(0.0, where.width() - 6))
        painter.drawText(where, middle, shown)
        if one.phase == "live":
            painter.fillRect(QRectF(where.left() + metrics.horizontalAdvance(shown) + 2, 8, 2, 16), QColor(look.accent))

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            end = self.solution.end
            lines = [told(self.solution, self.by, self.programs)]
            if end is not None and end.why:
                lines.append(end.why)
            QToolTip.showText(event.globalPos(), plain_tip("\n".join(lines)), self)
            return True
        return super().event(event)
