"""One item in the middle of the page: the question, the steps as this person judges them, and the buttons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractSlider, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from sapo_studio.store.codec import row_number
from sapo_studio.store.records import TraceDetail
from sapo_ui import theme
from sapo_ui.features.annotate.comment_field import CommentField
from sapo_ui.features.annotate.judge_buttons import JudgeButtons
from sapo_ui.features.annotate.step_card import JudgeCard, JudgedStep, judged_steps
from sapo_ui.services.annotations import annotator_name
from sapo_ui.services.queues import OpenItem
from sapo_ui.trajectory.step_column import StepColumn
from sapo_ui.widgets.labels import label
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.plain_text import breakable
from sapo_ui.wording import SOURCE_WORDS

WIDEST = 960
"""Pixels of the text column: longer lines are hard to read."""

QUESTION_SHARE = 0.3
"""Of the height, at most, before a long question scrolls."""

OPEN_VERBS = ("wrong", "neutral", "right", "first_error", "no_error", "comment", "skip")
"""What is done to an item only while it is neither saved nor skipped."""


class _Question(QScrollArea):
    """The question, as high as it needs to be and at most a share of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = label("", "title", wrap=True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setWidget(self.text)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.most = 160

    def sizeHint(self) -> QSize:
        return QSize(300, max(20, min(self.most, self.text.heightForWidth(max(60, self.viewport().width())) + 2)))

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self.sizeHint().height())

    def event(self, e: QEvent) -> bool:
        if e.type() == QEvent.Type.Resize:
            self.updateGeometry()
        return super().event(e)


class ItemView(QFrame):
    """Shows what lies on the desk. Takes no key itself: the page does."""

    pressed = Signal(object)
    """(verb: str) A button."""

    commented = Signal(object, object)
    """(step: int, text: str)"""

    comment_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.me = annotator_name()
        """Whose judgements and comments are shown."""
        self._item: OpenItem | None = None
        self._hidden = True
        self._writable = True
        self._steps: list[JudgedStep] = []
        self.where = label("", "small", "muted")
        self.openness = label("", "small", "muted")
        self.question = _Question()
        self.answers = label("", "small", "muted", wrap=True)
        self.steps = StepColumn(JudgeCard)
        self.comment = CommentField()
        self.comment.written.connect(self.commented)
        self.comment.left.connect(self.comment_left)
        self.notice = Notice()
        self.said = label("", "small", "muted")
        self.buttons = JudgeButtons()
        self.buttons.pressed.connect(self.pressed)
        top = QHBoxLayout()
        top.addWidget(self.where)
        top.addStretch(1)
        top.addWidget(self.openness)
        self.inside = QWidget()
        column = QVBoxLayout(self.inside)
        column.setContentsMargins(theme.SPACE_4, theme.SPACE_3, theme.SPACE_4, theme.SPACE_3)
        column.setSpacing(theme.SPACE_2)
        column.addLayout(top)
        column.addWidget(self.question)
        column.addWidget(self.answers)
        column.addWidget(self.steps, 1)
        column.addWidget(self.comment)
        column.addWidget(self.notice)
        line = QFrame()
        line.setProperty("look", "line")
        column.addWidget(line)
        column.addWidget(self.buttons)
        column.addWidget(self.said)
        self.inside.setMaximumWidth(WIDEST)
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.addStretch(1)
        across.addWidget(self.inside, 1000)
        across.addStretch(1)
        self.installEventFilter(self)

    @property
    def chosen(self) -> int:
        """The chosen step, from 1 on."""
        return self.steps.chosen

    @property
    def shown_steps(self) -> Sequence[JudgedStep]:
        """What the cards show."""
        return self._steps

    def show_item(self, item: OpenItem, *, blind: bool, another: bool) -> None:
        """Show this item, as `me` judges it. `blind`: without anything that a model made, until `me` is done with it.
        `another`: not the one that was shown before; the first step is chosen."""
        closed = item.item.done
        self._item, self._hidden = item, blind and not closed
        detail = item.detail
        kind = SOURCE_WORDS.get(detail.source, f"sample {detail.sample}")
        self.where.setText(f"q {row_number(detail.question_id)} \u00b7 iteration {detail.iteration} \u00b7 {kind}")
        self.openness.setText(
            "model scores hidden until you save"
            if self._hidden
            else f"{item.item.status}, scores open"
            if closed
            else "model scores open"
        )
        self.question.text.setText(breakable(detail.question))
        if another:
            self.question.verticalScrollBar().setValue(0)
        self.question.updateGeometry()
        self.answers.setText(_answers(detail))
        self.answers.setVisible(bool(self.answers.text()))
        self._steps = judged_steps(detail, item.comments, self.me, hidden=self._hidden)
        self.steps.show_steps(self._steps, 1 if another else self.steps.chosen, same=not another)
        self.notice.say("")
        self.said.setText(_counted(self._steps))
        self._enable()

    def set_writable(self, writable: bool) -> None:
        """Whether anything can be kept at the moment."""
        self._writable = writable
        self._enable()

    def _enable(self) -> None:
        closed = self._item is not None and self._item.item.done
        for verb, button in self.buttons.buttons.items():
            button.setEnabled(self._writable and not (closed and verb in OPEN_VERBS))
        self.buttons.buttons["reopen"].setVisible(closed)
        self.buttons.buttons["save"].say("Next" if closed else "Save and next")

    def turn(self, *, down: bool, question: bool) -> None:
        """Scroll the steps, or the question, by a page: what is longer than its place is read without a mouse, too."""
        action = QAbstractSlider.SliderAction
        bar = (self.question if question else self.steps).verticalScrollBar()
        bar.triggerAction(action.SliderPageStepAdd if down else action.SliderPageStepSub)

    def write_comment(self) -> None:
        """Open the comment field on the chosen step."""
        mine = next((one.comment for one in self._steps if one.number == self.chosen), "")
        self.comment.write(self.chosen, mine)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self and event.type() == QEvent.Type.Resize:
            self.question.most = max(40, round(QUESTION_SHARE * self.height()))
            self.question.updateGeometry()
        return super().eventFilter(watched, event)


def _answers(detail: TraceDetail) -> str:
    """`Reference answer 52 · the trajectory says none`; imported solutions may have neither."""
    if not detail.reference and not detail.answer:
        return ""
    says = f"the trajectory says {breakable(detail.answer) or 'none'}"
    return f"Reference answer {breakable(detail.reference)} \u00b7 {says}" if detail.reference else f"T{says[1:]}"


def _counted(steps: Sequence[JudgedStep]) -> str:
    """`2 steps judged, 3 filled in, 1 comment`."""
    filled = sum(one.filled for one in steps)
    judged = sum(one.judgement is not None for one in steps) - filled
    written = sum(bool(one.comment) for one in steps)
    parts = [f"{judged} of {len(steps)} steps judged"]
    if filled:
        parts.append(f"{filled} filled in")
    if written:
        parts.append(f"{written} comment{'s' if written > 1 else ''}")
    return ", ".join(parts)
