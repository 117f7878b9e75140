"""The card beside the cell that the pointer or the cursor is on: question, scores, the step, its marks."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.store import queries
from sapo_studio.store.codec import row_number
from sapo_studio.store.db import Store
from sapo_studio.store.records import HeatmapData, TraceDetail
from sapo_ui import theme
from sapo_ui.features.heatmap.layout import Cell
from sapo_ui.services import tasks
from sapo_ui.theme import glyphs
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.marks import DRAW, TEXT_SIZES
from sapo_ui.wording import SOURCE_WORDS

KEPT = 200
WIDE, APART, EDGE = 352, 12, 4
"""Pixels: the card, its distance from the column, and from the picture's edge."""

CELLS = 8
"""Scores that are shown at most, around the cell's."""


class _Outcome(QWidget):
    """A sign and a few words."""

    def __init__(self) -> None:
        super().__init__()
        self._text, self._good = "", True
        self.setFont(theme.font("small"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def say(self, text: str, *, good: bool) -> None:
        """Say this."""
        self._text, self._good = text, good
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self.font()).horizontalAdvance(self._text)) + 20, 18)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        tone, sign = (look.good, "check") if self._good else (look.bad, "close")
        painter = QPainter(self)
        glyphs.paint(painter, sign, tone, QRectF(0, 2.5, 13, 13))
        painter.setPen(QColor(tone))
        room = self.width() - 18.0
        text = QFontMetricsF(self.font()).elidedText(self._text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(18, 0, room + 2, 18), Qt.AlignmentFlag.AlignVCenter, text)


class _Scores(QWidget):
    """The scores around a step, which is framed, and how far the score fell there."""

    def __init__(self) -> None:
        super().__init__()
        self._scores: list[float] = []
        self._row, self._fall = 0, ""
        self.setFont(theme.font("mono_small"))
        self.setFixedHeight(22)

    def show_scores(self, scores: list[float], row: int, fall: str) -> None:
        """Show these; `row` from 1 on is framed."""
        self._scores, self._row, self._fall = scores, row, fall
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first = max(0, min(self._row - 1 - CELLS // 2, len(self._scores) - CELLS))
        x = 0.0
        for at, score in enumerate(self._scores[first : first + CELLS], start=first + 1):
            box = QRectF(x, 1, 32, 20)
            tint = theme.score_colour(score)
            painter.setPen(QPen(QColor(look.text), 2) if at == self._row else Qt.PenStyle.NoPen)
            painter.setBrush(tint)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 3, 3)
            painter.setPen(QColor(theme.text_on(tint)))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{score:.2f}".removeprefix("0"))
            x += 34
        painter.setFont(theme.font("small"))
        painter.setPen(QColor(look.text))
        painter.drawText(QRectF(x + 6, 0, self.width() - x - 6, 22), Qt.AlignmentFlag.AlignVCenter, self._fall)


class _Marks(QWidget):
    """Each mark with the step that it stands at, and what follows in words."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[str, int]] = []
        self.words = ""
        self.setFont(theme.font("small"))
        self.setFixedHeight(18)

    def say(self, marks: list[tuple[str, int]], words: str) -> None:
        """Say this."""
        self.marks, self.words = marks, words
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, x = theme.current(), 0.0
        painter = QPainter(self)
        metrics = QFontMetricsF(self.font())
        for shape, step in self.marks:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            DRAW[shape](painter, QPointF(x + 6, 9), TEXT_SIZES[shape], QColor(look.text), QColor(0, 0, 0, 0))
            painter.setPen(QColor(look.text))
            wide = metrics.horizontalAdvance(str(step))
            painter.drawText(QRectF(x + 15, 0, wide + 2, 18), Qt.AlignmentFlag.AlignVCenter, str(step))
            x += wide + 26
        painter.setPen(QColor(look.muted))
        room = self.width() - x
        text = metrics.elidedText(self.words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(x, 0, room, 18), Qt.AlignmentFlag.AlignVCenter, text)


class CellCard(QFrame):
    """Lies over the picture and never over the column that it speaks of. The texts come from the store, in the
    background; the rest is known at once."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setProperty("look", "float")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._known: dict[int, TraceDetail] = {}
        self._wanted: tuple[HeatmapData, Cell, int] | None = None
        self._column_rect = QRectF()
        self.title = ElidedLabel(theme.font("strong"))
        self.outcome = _Outcome()
        self.question = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText, lines=2)
        self.scores = _Scores()
        self.step = ElidedLabel(theme.font("mono_small"), lines=2)
        self.marks = _Marks()
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_3)
        top.addWidget(self.title)
        top.addWidget(self.outcome, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addLayout(top)
        for part in (self.question, self.scores, self.step, self.marks):
            column.addWidget(part)
        self.hide()

    def forget(self) -> None:
        """Drop what is kept of other runs."""
        self._known.clear()
        self.clear()

    def drop(self, trajectory_id: int) -> None:
        """This trajectory has changed."""
        tasks.overtake(self)
        self._known.pop(trajectory_id, None)

    def clear(self) -> None:
        """No cell is spoken of."""
        self._wanted = None
        self.hide()

    def read(self, data: HeatmapData, cell: Cell, verifier: int, where: QRectF) -> None:
        """Speak of a cell of `data`, which is drawn at `where`."""
        self._wanted, self._column_rect = (data, cell, verifier), where
        trajectory = int(data.ids[cell.column])
        detail = self._known.get(trajectory)
        self._fill(data, cell, verifier, detail)
        self._place()
        self.show()
        self.raise_()
        if detail is not None:
            return

        def work(store: Store) -> TraceDetail:
            return queries.trace(store, trajectory)

        tasks.run(self, work, self._take, failed=self._gone, key="cell")

    def _gone(self, error: Exception) -> None:
        """The run was deleted meanwhile."""
        del error
        self.clear()

    def _take(self, detail: TraceDetail) -> None:
        if len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[detail.id] = detail
        if self._wanted is not None:
            data, cell, verifier = self._wanted
            if int(data.ids[cell.column]) == detail.id:
                self._fill(data, cell, verifier, detail)
                self._place()

    def _fill(self, data: HeatmapData, cell: Cell, verifier: int, detail: TraceDetail | None) -> None:
        column, row = cell.column, cell.row
        count = int(data.n_steps[column])
        correct = bool(data.correct[column])
        name = f"q {row_number(int(data.question_ids[column]))}"
        answer = ""
        if detail is not None:
            name += f" \u00b7 it {detail.iteration} \u00b7 {SOURCE_WORDS.get(detail.source, f'sample {detail.sample}')}"
            answer = _answer(detail)
        self.title.set_text(name)
        self.outcome.say(("correct" if correct else "incorrect") + answer, good=correct)
        self.question.set_text("" if detail is None else " ".join(detail.question.split()))
        values = [float(value) for value in data.scores[column, :count] if np.isfinite(value)]
        self.scores.show_scores(values, row, fall_words(values, row, verifier))
        self.step.set_text("" if detail is None else step_text(detail, row, count))
        self.marks.say(marks_at(data, column), marks_words(data, column, detail))
        said = (name, "correct" if correct else "incorrect", self.step.text(), self.marks.words)
        self.setAccessibleName("Cell")
        self.setAccessibleDescription(", ".join(part for part in said if part))

    def _place(self) -> None:
        """Right of the column, or left of it, where the picture has room; as high as the cell, or so that it fits."""
        room = self._over.rect()
        layout = self.layout()
        wide = min(WIDE, room.width() - 2 * EDGE)
        high = layout.totalSizeHint().height() if layout is not None else 0
        column = self._column_rect
        right, left = column.right() + APART, column.left() - APART - wide
        x = right if right + wide <= room.width() - EDGE or left < EDGE else left
        y = column.bottom() + EDGE if column.bottom() + EDGE + high <= room.height() else column.top() - high - EDGE
        y = max(float(EDGE), min(y, room.height() - high - float(EDGE)))
        self.setGeometry(round(x), round(y), wide, high)


def _answer(detail: TraceDetail) -> str:
    if not detail.reference:
        return ""
    told = detail.answer or "no answer"
    return f": {told}" if detail.correct else f": {told}, not {detail.reference}"


def step_text(detail: TraceDetail, row: int, count: int) -> str:
    """What the step says, on one line, behind its number; below the columns (row 0) nothing."""
    if row < 1:
        return ""
    if row > count or row > len(detail.steps):
        return f"no step {row}: it ends after {count}"
    return f"{row}  {' '.join(detail.steps[row - 1].split())}"


def fall_words(scores: list[float], row: int, verifier: int) -> str:
    """`fell by 0.69`; behind the last score whose scores these are."""
    if not 1 <= row <= len(scores):
        return f"V{verifier}"
    fall = (1.0 if row == 1 else scores[row - 2]) - scores[row - 1]
    return f"fell by {fall:.2f}" if fall >= 0.005 else f"rose by {-fall:.2f}" if fall <= -0.005 else "no change"


def marks_at(data: HeatmapData, column: int) -> list[tuple[str, int]]:
    """(shape, step) of the first errors that the picture marks in a column."""
    predicted = 0 if data.correct[column] else int(data.predicted[column])
    found = (("triangle", predicted), ("square", int(data.verified[column])), ("ring", int(data.human[column])))
    return [(shape, step) for shape, step in found if step > 0]


def marks_words(data: HeatmapData, column: int, detail: TraceDetail | None) -> str:
    """`confirmed by 0 of 8 after 7 of 8`: how the verified first error came about."""
    case = data.case[column]
    if case in ("", "right"):
        return "" if marks_at(data, column) else "no first error marked"
    verified = int(data.verified[column])
    if detail is None or verified < 1:
        return case
    tries = [[one.correct for one in detail.evidence if one.prefix == size] for size in (verified, verified - 1)]
    told = [f"{sum(found)} of {len(found)}" for found in tries if found]
    return f"{case} by {' after '.join(told)} rollouts" if told else case
