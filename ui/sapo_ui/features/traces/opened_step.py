"""What opens below a chosen step: how far the score fell, its score under each verifier, and how the rollouts end."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from sapo_ui import theme
from sapo_ui.features.traces.row_facts import Ending, RowFacts
from sapo_ui.theme import glyphs
from sapo_ui.trajectory.step_cards import JUDGEMENTS
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import label

FEW = 2
"""Endings that are shown before anybody asks for all."""

INDENT = 32


class _Swatch(QWidget):
    """A score's color with its number and a name."""

    def __init__(self, name: str, score: float) -> None:
        super().__init__()
        self._name, self._score = name, score
        self.setFont(theme.font("mono_small"))
        self.setFixedSize(self.fontMetrics().horizontalAdvance(f"{name} 0.00") + 22, 20)
        self.setAccessibleName(f"{name}: {score:.2f}")

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        painter.setPen(QPen(QColor(look.border), 1))
        painter.setBrush(theme.score_colour(self._score))
        painter.drawRect(QRectF(0.5, 3.5, 9, 13))
        painter.setPen(QColor(look.text))
        where = QRectF(15, 0, self.width() - 15, 20)
        painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, f"{self._name} {self._score:.2f}")


class _Sign(QWidget):
    """A check or a cross."""

    def __init__(self, correct: bool) -> None:
        super().__init__()
        self._correct = correct
        self.setFixedSize(16, 18)
        self.setAccessibleName("ends correct" if correct else "ends incorrect")

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = theme.current()
        painter = QPainter(self)
        name, tone = ("check", look.good) if self._correct else ("close", look.bad)
        glyphs.paint(painter, name, tone, QRectF(1, 2.5, 13, 13))


class OpenedStep(QWidget):
    """Made for one step of one trajectory."""

    trace_requested = Signal(object)
    """(trajectory id: int) The trajectory that shared rollouts were made for."""

    def __init__(self, row: RowFacts, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row = row
        self.links: dict[int, QPushButton] = {}
        """By the trajectory that rollouts are shared with."""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(INDENT, 4, 12, 8)
        self._column.setSpacing(4)
        self._add_top()
        if row.under:
            under = FlowRow(gap=theme.SPACE_2)
            under.add(label("Under", "small", "muted"), *(_Swatch(f"V{name}", score) for name, score in row.under))
            self._column.addWidget(under)
        if row.step.judged:
            said = ", ".join(f"{who}: {JUDGEMENTS[judgement][0]}" for who, judgement in row.step.judged)
            self._column.addWidget(label(said, "small", wrap=True))
        if row.endings:
            self._add_endings()

    def _add_top(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_3)
        fall = label(fall_words(self.row), "strong")
        fall.setFont(theme.font("small"))
        fall.setStyleSheet("font-weight: 600;")
        top.addWidget(fall)
        self.said = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        self.said.set_text(tries_words(self.row))
        top.addWidget(self.said, 1)
        self._column.addLayout(top)

    def _add_endings(self) -> None:
        self._endings = QWidget()
        self._grid = QGridLayout(self._endings)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.SPACE_1)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(2, 1)
        self._column.addWidget(self._endings)
        self._fill(self.row.endings[:FEW])
        foot = FlowRow(gap=theme.SPACE_3)
        lenders = dict.fromkeys(one.lender for one in self.row.endings if one.lender is not None)
        for lender in lenders:
            count = sum(one.times for one in self.row.endings if one.lender == lender)
            link = _link(f"{count} shared with another trajectory")
            link.setToolTip("It begins with the same steps, and rollouts of a prefix are made once. Click to open it.")
            link.clicked.connect(partial(self._lend, lender))
            self.links[lender] = link
            foot.add(link)
        if len(self.row.endings) > FEW:
            total = sum(one.times for one in self.row.endings)
            more = _link(f"Show all {total} rollouts")
            more.clicked.connect(partial(self._show_all, more))
            foot.add(more)
        if not foot.empty:
            self._column.addWidget(foot)

    def _fill(self, endings: tuple[Ending, ...]) -> None:
        first = self._grid.count()
        for at, one in enumerate(endings, start=first):
            times = f"{one.times} \u00d7" if one.times > 1 else ""
            text = label(" ".join(one.text.split()) or "(empty)", "mono_small", wrap=True)
            text.setMinimumWidth(40)
            self._grid.addWidget(_Sign(one.correct), at, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label(times, "small", "muted"), at, 1, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(text, at, 2)

    def _show_all(self, link: QPushButton, _checked: bool = False) -> None:
        self._fill(self.row.endings[FEW:])
        link.hide()

    def _lend(self, lender: int, _checked: bool = False) -> None:
        self.trace_requested.emit(lender)


def _link(text: str) -> QPushButton:
    made = QPushButton(text)
    made.setProperty("look", "link")
    made.setFont(theme.font("small"))
    made.setAutoDefault(False)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made


def fall_words(row: RowFacts) -> str:
    """`Fell by 0.69, the largest fall`."""
    drop = row.step.drop
    if drop is None:
        return "Not scored"
    moved = f"Fell by {drop:.2f}" if drop >= 0.005 else f"Rose by {-drop:.2f}" if drop <= -0.005 else "No change"
    more = ", the largest fall" if row.largest else ""
    return moved + more + (f": V{row.rival} predicts this step" if row.rival is not None else "")


def tries_words(row: RowFacts) -> str:
    """`0 of 8 from here end correct; chance 0.00 to 0.34 (95 %, Beta)`."""
    if row.tries is None:
        return {
            "answer": "the answer itself is incorrect: no rollouts are needed",
            "follows": "labeled because of other steps, no rollouts from here",
        }.get(row.follows, "no rollouts from here")
    low, high = row.tries.interval()
    return (
        f"{row.tries.succeeded} of {row.tries.made} from here end correct; chance {low:.2f} to {high:.2f} "
        "(95\u202f%, Beta)"
    )
