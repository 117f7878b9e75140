"""Both solutions of a question beside each other, step by step."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from sapo_studio.app.comparison.records import QuestionOutcome, Side
from sapo_ui import theme
from sapo_ui.features.compare.dots import paint_dot
from sapo_ui.features.compare.question_list import said
from sapo_ui.features.compare.step_pair import GUTTER, PairFacts, StepPair, pair_steps, spoken
from sapo_ui.services import comparison as reading
from sapo_ui.services import tasks
from sapo_ui.services.comparison import Beside
from sapo_ui.theme import glyphs
from sapo_ui.trajectory.step_column import StepColumn
from sapo_ui.widgets.card import Card
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.plain_text import PlainLabel
from sapo_ui.wording import told


class _Dot(QWidget):
    """The colour of a run."""

    def __init__(self) -> None:
        super().__init__()
        self.slot: int | None = None
        self.setFixedSize(14, 18)
        theme.on_change(self, self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        paint_dot(QPainter(self), self.slot, 7, 9)


class _Head(QWidget):
    """Whose solution stands below, whether it is correct, and the way to read it."""

    wanted = Signal()
    """Read it on its run's page."""

    def __init__(self) -> None:
        super().__init__()
        self.dot = _Dot()
        self.name = ElidedLabel(theme.font("strong"))
        self.sign = PlainLabel()
        self.answer = label("", "small", "muted")
        self.read = QPushButton("Read")
        self.read.setFont(theme.font("small"))
        self.read.setAutoDefault(False)
        self.read.clicked.connect(lambda _checked=False: self.wanted.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.dot)
        row.addWidget(self.name, 1)
        row.addWidget(self.sign)
        row.addWidget(self.answer)
        row.addWidget(self.read)
        self._correct = False
        theme.on_change(self, self._restyle)

    def show_side(self, side: Side, name: str, slot: int | None) -> None:
        """Show these."""
        self.dot.slot = slot
        self.dot.update()
        self.name.set_text(name)
        self._correct = side.correct
        self.answer.setText(said(side))
        outcome = "correct" if side.correct else "incorrect"
        self.sign.setAccessibleName(outcome)
        self.sign.setToolTip(outcome)
        self.read.setAccessibleName(f"Read the solution of {name}")
        self.read.setToolTip(f"Open this solution in Read, on the page of {name}")
        self._restyle()

    def _restyle(self) -> None:
        look = theme.current()
        name, tone = ("check", look.good) if self._correct else ("close", look.bad)
        self.sign.setPixmap(glyphs.pixmap(name, tone, 14))


class BesideView(QWidget):
    """Up and Down go through the steps, j and k through the questions, Esc goes back."""

    closed = Signal()

    moved = Signal(object)
    """(step: int) The next question (1) or the one before (-1) is wanted."""

    read_wanted = Signal(object, object, object)
    """(run id: str, trajectory id: int, step: int)"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Both solutions")
        self._question: QuestionOutcome | None = None
        self._runs = ("", "")
        self.back = QPushButton("Back")
        self.back.setAutoDefault(False)
        self.back.setToolTip("Back to the comparison (Esc)")
        self.back.clicked.connect(lambda _checked=False: self.closed.emit())
        self.title = label("", "title")
        self.before = self._arrow("Previous question", "k", -1)
        self.after = self._arrow("Next question", "j", 1)
        self.text = ElidedLabel(theme.font("body"), lines=2)
        self.answer = label("", "small", "muted", wrap=True)
        self.parting = label("", "small", "muted")
        self.trouble = Notice("bad")
        self.heads = (_Head(), _Head())
        self.steps = StepColumn(self._make_card)
        self.steps.setAccessibleName("Steps of both")
        self.steps.chosen_changed.connect(self._say_step)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_2)
        row.addWidget(self.back)
        row.addWidget(self.title, 1)
        row.addWidget(self.before)
        row.addWidget(self.after)
        both = QHBoxLayout()
        both.setSpacing(GUTTER)
        for at, head in enumerate(self.heads):
            both.addWidget(head, 1)
            head.wanted.connect(lambda at=at: self._read(at))
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_2, theme.SPACE_2)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.text)
        column.addWidget(self.answer)
        column.addWidget(self.trouble)
        column.addLayout(both)
        column.addWidget(self.steps, 1)
        column.addWidget(self.parting)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 12)
        whole.setSpacing(theme.SPACE_2)
        whole.addLayout(row)
        whole.addWidget(Card(inside), 1)

    @staticmethod
    def _make_card(facts: PairFacts, parent: QWidget) -> StepPair:
        return StepPair(facts, parent)

    def _arrow(self, name: str, key: str, step: int) -> QPushButton:
        made = QPushButton("Previous" if step < 0 else "Next")
        made.setAccessibleName(name)
        made.setToolTip(f"{name} ({key})")
        made.setAutoDefault(False)
        made.clicked.connect(lambda _checked=False: self.moved.emit(step))
        return made

    def open(
        self,
        question: QuestionOutcome,
        runs: tuple[str, str],
        names: tuple[str, str],
        slots: tuple[int | None, int | None],
    ) -> None:
        """Show both solutions of a question, of runs with these ids, names and colours."""
        if question is not self._question:
            self.steps.show_steps((), 1)  # those of another question do not stand under this one's heading
            self.parting.setText("")
        self._question, self._runs = question, runs
        self.title.setText(f"Question {question.place}")
        self.text.set_text(" ".join(question.text.split()))
        self.answer.setText(f"The answer is {question.reference}." if question.reference else "")
        self.answer.setVisible(bool(question.reference))
        self.trouble.say("")
        for head, side, name, slot in zip(self.heads, (question.left, question.right), names, slots, strict=True):
            head.show_side(side, name, slot)
        left, right = question.left.trajectory, question.right.trajectory
        tasks.run(
            self,
            lambda store: reading.read_beside(store, left, right),
            self._show,
            failed=self._failed,
            key="beside",
        )

    def _show(self, beside: Beside) -> None:
        facts = pair_steps(beside)
        first = next((one.number for one in facts if one.parting), 0)
        self.steps.show_steps(facts, first or 1)
        if not first:
            self.parting.setText("Both wrote the same.")
        else:
            before = "" if first == 1 else " The one before is the same." if first == 2 else " All before are the same."
            self.parting.setText(f"They part at step {first}.{before} Scores are by each run\u2019s newest verifier.")

    def _say_step(self, number: object) -> None:
        """The focus is on all of it: who does not see the steps is told of the chosen one."""
        if isinstance(number, int) and self.steps.cards:
            self.setAccessibleDescription(spoken(self.steps.cards[number - 1].facts))

    def _failed(self, error: Exception) -> None:
        self.steps.show_steps((), 1)
        self.parting.setText("")
        self.trouble.say(told(error))

    def _read(self, at: int) -> None:
        if self._question is not None:
            side = (self._question.left, self._question.right)[at]
            self.read_wanted.emit(self._runs[at], side.trajectory, self.steps.chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(key)
        if step is not None:
            self.steps.choose(self.steps.chosen + step)
        elif key in (Qt.Key.Key_J, Qt.Key.Key_K):
            self.moved.emit(1 if key == Qt.Key.Key_J else -1)
        elif key == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
