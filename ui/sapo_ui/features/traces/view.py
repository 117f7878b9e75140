"""One trajectory, step by step, and the place where people judge steps."""

from __future__ import annotations

import weakref
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from sapo_studio.errors import SapoError
from sapo_studio.store import queries
from sapo_studio.store.codec import row_number
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail
from sapo_ui import theme
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services import tasks
from sapo_ui.services.annotations import JudgeAction, JudgementWriter, annotator_name
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.trace_search import search_words
from sapo_ui.trajectory.judge_bar import KEYS, JudgeBar
from sapo_ui.trajectory.step_cards import StepCard, step_facts
from sapo_ui.trajectory.step_column import StepColumn
from sapo_ui.trajectory.step_side import StepSide
from sapo_ui.widgets.combo import combo_box, set_items
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import Chip, label
from sapo_ui.wording import SOURCE_WORDS

WIDE, MEDIUM = 760, 500


class TraceView(DataPanel):
    """Question and reference, the steps as cards, and the details of the chosen step."""

    panel_id = "trace"
    title = "Trace"
    help = """### Trace

The **question** and its reference on the left, the **steps** in the middle, and on the right the details of the chosen
step: its score under each verifier, the rollouts from it, and the same question's other trajectories. The bar on each
card has the colour of its score, as on the heatmap. *Drop* is how far the score fell since the step before.

**Judging steps**, one hand on the keyboard: **j / k** next and previous step, **1** incorrect, **2** neutral,
**3** correct, **e** the first error is here (correct before, incorrect from here on), **n** no error, **u** undo. Each
press is kept at once, with your name and the time. **Esc** goes back to where you came from.
"""
    empty_headline = "No trace is open"
    empty_text = "Click a column of the heatmap, or press Enter on a row of the Traces table."

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._detail: TraceDetail | None = None
        self._wanted: int | None = None
        self._step = 0  # the one that was asked for with the trajectory; 0: any
        self._came_from: weakref.ref[QWidget] | None = None
        self.writer = JudgementWriter(self)
        self.writer.saved.connect(self._saved)
        search_words().changed.connect(self._restep)
        self.head = FlowRow()
        self.outcome, self.case, self.where = Chip(), Chip(), Chip()
        self.verifier: QComboBox = combo_box("Scores of verifier", [], "Whose scores the cards show")
        self.verifier.currentIndexChanged.connect(self._restep)
        self.head.add(self.outcome, self.case, self.where, self.verifier)
        self.question = label("", wrap=True)
        self.solution = label("", "mono_small", wrap=True)
        self.answers = label("", "small", "muted", wrap=True)
        self.left = self._left()
        self.steps = StepColumn(StepCard)
        self.steps.chosen_changed.connect(self._chosen)
        self.side = StepSide()
        self.side.sibling_requested.connect(self._sibling)
        self.bar = JudgeBar()
        self.bar.pressed.connect(self._verb)
        self.bar.renamed.connect(self._restep)
        self.brief = label("", "small", "muted", wrap=True)
        middle = QWidget()
        centre = QVBoxLayout(middle)
        centre.setContentsMargins(theme.SPACE_2, 0, theme.SPACE_2, 0)
        centre.setSpacing(6)
        centre.addWidget(self.brief)
        centre.addWidget(self.steps, 1)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(1)
        for part, share in ((self.left, 24), (middle, 46), (self.side, 30)):
            part.setMinimumWidth(150)
            self.split.addWidget(part)
            self.split.setStretchFactor(self.split.count() - 1, share)
        self.split.setSizes([240, 460, 300])
        top = QHBoxLayout()
        top.addWidget(self.head, 1)
        self.column.addLayout(top)
        self.column.addWidget(self.split, 1)
        self.column.addWidget(self.bar)
        for widget in (self.verifier, *self.bar.buttons.values(), self.bar.who):
            widget.installEventFilter(self)

    def _left(self) -> QScrollArea:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, theme.SPACE_2, 0)
        column.setSpacing(theme.SPACE_1)
        for title, body in (("Question", self.question), ("Reference", self.solution)):
            column.addWidget(label(title, "strong"))
            column.addWidget(body)
            column.addSpacing(theme.SPACE_2)
            body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.answers)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return area

    @property
    def detail(self) -> TraceDetail | None:
        """The trajectory on screen."""
        return self._detail

    def show_trace(self, trajectory_id: int, step: int = 0) -> bool:
        if self._run_id is None:
            return False
        self._wanted, self._step = trajectory_id, step
        self._read_trace(trajectory_id)
        before = QApplication.focusWidget()
        if before is not None and before is not self and not self.isAncestorOf(before):
            self._came_from = weakref.ref(before)
        QTimer.singleShot(0, self, self._take_focus)
        return True

    def _take_focus(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _go_back(self) -> bool:
        """Raise the panel that the trace was opened from, and give it the focus again."""
        before = self._came_from() if self._came_from is not None else None
        if before is None or not isValid(before):
            return False
        parent: QWidget | None = before
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parentWidget()
        if parent is not None:
            parent.raise_()
        before.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def clear(self) -> None:
        self._detail, self._wanted = None, None

    def load(self, run_id: str) -> None:
        del run_id
        if self._wanted is not None:
            self._read_trace(self._wanted)

    def refresh(self, change: StoreChange) -> None:
        if self._wanted is not None:
            super().refresh(change)

    def _read_trace(self, trajectory_id: int) -> None:
        asked_for = self._run_id

        def work(store: Store) -> TraceDetail:
            return queries.trace(store, trajectory_id)

        def done(detail: TraceDetail) -> None:
            if self._run_id == asked_for and self._wanted == detail.id:
                self._take(detail)

        def failed(error: Exception) -> None:
            if self._run_id == asked_for and isinstance(error, SapoError):
                self.clear()
                self.empty.say("This trajectory no longer exists", error.what)
                self.set_filled(False)
            else:
                raise error

        tasks.run(self, work, done, failed=failed, key="trace", keep_running=True)

    def _saved(self, detail: object) -> None:
        if isinstance(detail, TraceDetail) and detail.id == self._wanted:
            self._take(detail)

    def _take(self, detail: TraceDetail) -> None:
        fresh = self._detail is None or self._detail.id != detail.id
        self._detail = detail
        self.set_filled(True)
        answer = f"answer {detail.answer}" if detail.answer else "no answer"
        if detail.correct:
            self.outcome.set_text(f"correct, {answer}", "good", "done")
        else:
            self.outcome.set_text(f"incorrect, {answer}", "bad", "failed")
        cases = [item.case for item in detail.labels if item.case not in ("", "right")]
        self.case.setVisible(bool(cases))
        self.case.set_text(cases[0] if cases else "")
        source = SOURCE_WORDS.get(detail.source, f"sample {detail.sample}")
        question = row_number(detail.question_id)
        self.where.set_text(f"question {question}, it {detail.iteration}, {source}")
        self.where.setToolTip(f"{detail.tokens} tokens; written {detail.copies} times" if detail.copies > 1 else "")
        self.question.setText(detail.question)
        self.solution.setText(detail.solution or "\u2013")
        self.answers.setText(f"Reference answer {detail.reference}, this trajectory: {detail.answer or 'none'}")
        self.brief.setText(" ".join(detail.question.split()))
        verifiers = sorted(detail.scores)
        newest = not fresh and self.verifier.currentIndex() == self.verifier.count() - 1
        set_items(self.verifier, [(f"Scores of V{number}", number) for number in verifiers])
        if verifiers and (fresh or newest):
            blocked = self.verifier.blockSignals(True)
            self.verifier.setCurrentIndex(len(verifiers) - 1)
            self.verifier.blockSignals(blocked)
        self.verifier.setVisible(bool(verifiers))
        asked, self._step = self._step, 0
        self._show_steps(asked or (first_step_shown(detail) if fresh else self.steps.chosen))

    def _show_steps(self, chosen: int) -> None:
        if self._detail is None:
            return
        verifier: object = self.verifier.currentData()
        facts = step_facts(self._detail, verifier if isinstance(verifier, int) else None, annotator_name())
        if found := search_words().text:
            facts = [replace(one, found=found) for one in facts]
        self.steps.show_steps(facts, chosen)

    def _restep(self) -> None:
        self._show_steps(self.steps.chosen)

    def _chosen(self, step: object) -> None:
        if self._detail is not None and isinstance(step, int):
            self.side.show_step(self._detail, step)

    def _sibling(self, trajectory: object) -> None:
        if isinstance(trajectory, int):
            self.show_trace(trajectory)
            self.setFocus()

    def _verb(self, verb: object) -> None:
        """Judge the chosen step; where it is not on the screen, bring it there instead. While another trajectory is
        being read, nothing: what is on the screen is no longer meant."""
        if self._detail is None or self._detail.id != self._wanted or self._step:
            return
        if verb not in ("no_error", "undo") and not self.steps.in_view:
            self.steps.reveal()
        else:
            self.writer.judge(self._detail.id, len(self._detail.steps), JudgeAction(str(verb), self.steps.chosen))

    def _handle(self, event: QKeyEvent) -> bool:
        """Whether the key was one of ours."""
        if self._detail is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            return self._go_back()
        move = {Qt.Key.Key_J: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_K: -1, Qt.Key.Key_Up: -1}.get(key)
        if move is not None:
            self.steps.choose(self.steps.chosen + move)
            return True
        if key in KEYS:
            self._verb(KEYS[key])
            return True
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._handle(event):
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        letters = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress
        if letters and isinstance(event, QKeyEvent) and event.key() not in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            return self._handle(event)
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.left.setVisible(self.width() >= WIDE)
        self.brief.setVisible(self.width() < WIDE)
        self.side.setVisible(self.width() >= MEDIUM)


def first_step_shown(detail: TraceDetail) -> int:
    """Which step to choose when a trace opens: the verified first error, else the predicted one, else the first
    step."""
    for item in detail.labels:
        if item.verified > 0 and item.source != "outcome":
            return item.verified
    predicted = [item.predicted for item in detail.labels if item.predicted > 0]
    return predicted[0] if predicted else 1
