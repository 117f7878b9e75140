"""One trajectory, step by step, and the place where people judge steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QWidget

from sapo_studio.errors import SapoError
from sapo_studio.store.records import TraceDetail
from sapo_ui.features.traces.alignment import neighbour, strips
from sapo_ui.features.traces.columns import ColumnHeads
from sapo_ui.features.traces.reading import Ahead, Opened
from sapo_ui.features.traces.row_facts import RowFacts, row_facts, sources_of
from sapo_ui.features.traces.same_question import ROW, SameQuestion
from sapo_ui.features.traces.step_row import StepRow
from sapo_ui.features.traces.tests_card import ProgramTests
from sapo_ui.features.traces.trace_head import TraceHead
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services import tasks
from sapo_ui.services.annotations import JudgeAction, JudgementWriter, annotator_name
from sapo_ui.services.engine_study import EngineStudy
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.program_tests import PATIENCE, RunTests, TestsJob
from sapo_ui.services.trace_search import search_words
from sapo_ui.trajectory.judge_bar import KEYS, JudgeBar
from sapo_ui.trajectory.step_column import StepColumn
from sapo_ui.widgets.combo import set_items

LOW = 470
"""Below this height the steps are given the room of the other trajectories."""

AROUND, STEP = 430, 42
"""Pixels of height of everything beside the steps and the other trajectories, the opened step's among it, and of a step
that is not open."""


class TraceView(DataPanel):
    """The steps as rows, of which the chosen one is open, and the other trajectories of the question."""

    panel_id = "trace"
    title = "Trace"
    help = """### Trace

Each **step** is a row: its score as bar and number, the marks of the first error (triangle predicted, square verified
by rollouts, ring by a person), what each source says of it, and how many of the **rollouts** from it end correct, with
the interval that this leaves for the chance. *follows*: labeled because of other steps; *answer*: it is the end. The
triangle is the prediction that self-verification checked. The chosen row opens: how far the score fell, its score under
each verifier, how the rollouts end. Rollouts of a prefix are made once; those that another trajectory shares are
counted and linked.

**Same question**: = is the same text as here, the frame marks the first step that differs.

**j / k** next and previous trajectory, **arrows** step, **[ ]** the same question an iteration earlier or later.

**Programs** have colours, the line numbers of the whole file, and their **tests**: **t** runs each by itself in the
sandbox, then goes to the next that failed.

**Judging steps**: **1** incorrect, **2** neutral, **3** correct, **e** the first error is here (correct before,
incorrect from here on), **n** no error, **u** undo. Each press is kept at once, with your name and the time. **Esc**
goes back to where you came from.
"""
    keys = "j k trajectory \u00b7 arrows step \u00b7 1 2 3 e n judge \u00b7 u undo \u00b7 [ ] iteration \u00b7 Esc"
    waits_for_user = True
    empty_headline = "No trajectory is open"
    empty_text = "j takes the first one of the list. A click on the heatmap, or Enter on a row, opens any other."

    moved = Signal(object)
    """(1 | -1) The user wants the next trajectory of the list, or the one before."""

    shown = Signal(object)
    """(trajectory id: int) This trajectory is on screen."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._opened: Opened | None = None
        self._wanted: int | None = None
        self._later: tuple[int, int] | None = None
        self._step = 0  # the one that was asked for with the trajectory; 0: any
        self.ahead = Ahead(self)
        self._results: dict[int, RunTests] = {}
        self.writer = JudgementWriter(self)
        self.writer.saved.connect(self._saved)
        self.head = TraceHead()
        self.head.moved.connect(self.moved)
        self.verifier = self.head.verifier
        search_words().changed.connect(self._restep)
        self.verifier.currentIndexChanged.connect(self._restep)
        self.steps = StepColumn(self._row, opens=True)
        self.heads = ColumnHeads(self.steps)
        self.bar = JudgeBar()
        self.bar.pressed.connect(self._verb)
        self.bar.renamed.connect(self._restep)
        self.tests = ProgramTests()
        self.tests.run_asked.connect(self._run_tests)
        self._engine = EngineStudy(self)
        self._engine.ended.connect(self._tests_ended)
        self._engine.failed.connect(self._tests_failed)
        self._job: TestsJob | None = None
        self.same = SameQuestion()
        self.same.opened.connect(self._sibling)
        self._rule = QFrame()
        self._rule.setProperty("look", "line")
        self.column.addWidget(self.head)
        self.column.addWidget(self.heads)
        self.column.addWidget(self.steps)
        self.column.addWidget(self.bar)
        self.column.addWidget(self.tests)
        self.column.addWidget(self._rule)
        self.column.addWidget(self.same)
        self.column.addStretch(1)
        for widget in (
            self.verifier,
            self.head.before,
            self.head.after,
            self.head.reference,
            self.tests.run,
            *self.bar.buttons.values(),
            self.bar.who,
        ):
            widget.installEventFilter(self)

    def _row(self, facts: RowFacts, parent: QWidget) -> StepRow:
        made = StepRow(facts, parent)
        made.trace_requested.connect(self._sibling)
        return made

    @property
    def detail(self) -> TraceDetail | None:
        """The trajectory on screen."""
        return None if self._opened is None else self._opened.detail

    @property
    def wanted(self) -> int | None:
        """The trajectory on screen, or on its way there."""
        return self._wanted

    def show_trace(self, trajectory_id: int, step: int = 0) -> bool:
        if self._run_id is None:
            return False
        self.preview(trajectory_id, step)
        QTimer.singleShot(0, self, self._take_focus)
        return True

    def preview(self, trajectory_id: int, step: int = 0) -> None:
        """Show a trajectory, and leave the focus where it is."""
        self._wanted, self._step = trajectory_id, step
        ready = self.ahead.ready(trajectory_id)
        if ready is not None:
            self._take(ready)
        else:
            self._read_trace(trajectory_id)

    def open_later(self, trajectory_id: int | None, step: int) -> None:
        """Show this trajectory as soon as the run that is shown next is read; None: none."""
        self._later = None if trajectory_id is None else (trajectory_id, step)

    def prefetch(self, trajectory_ids: Sequence[int]) -> None:
        """These are likely to be asked for next."""
        self.ahead.prefetch(trajectory_ids)

    def set_position(self, text: str) -> None:
        """Say where the trajectory stands in the list."""
        self.head.position.setText(text)

    def _take_focus(self) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def clear(self) -> None:
        self._opened, self._wanted = None, None
        if self._later is not None:
            (self._wanted, self._step), self._later = self._later, None
        self.ahead.forget()
        self._results.clear()
        self._job = None
        if self._engine.running:
            self._engine.cancel()
        self.empty.say(self.empty_headline, self.empty_text)

    def load(self, run_id: str) -> None:
        del run_id
        if self._wanted is not None:
            self._read_trace(self._wanted)

    def refresh(self, change: StoreChange) -> None:
        if self._run_id is not None and self._run_id in change.changed:
            self.ahead.forget()
        if self._wanted is not None:
            super().refresh(change)

    def _read_trace(self, trajectory_id: int) -> None:
        asked_for = self._run_id

        def done(opened: Opened) -> None:
            if self._run_id == asked_for and self._wanted == opened.detail.id:
                self._take(opened)

        def failed(error: Exception) -> None:
            if self._run_id != asked_for:
                return
            if not isinstance(error, SapoError):
                raise error
            self.clear()
            self.empty.say("This trajectory no longer exists", error.what)
            self.set_filled(False)

        self.ahead.ask(trajectory_id, done, failed)

    def _saved(self, detail: object) -> None:
        if isinstance(detail, TraceDetail):
            tasks.overtake(self)  # a reading that began before the press is without it
            self.ahead.keep(detail)
            opened = self._opened
            if detail.id == self._wanted and opened is not None and opened.detail.id == detail.id:
                self._take(Opened(detail, opened.siblings, opened.code))

    def _take(self, opened: Opened) -> None:
        detail = opened.detail
        fresh = self.detail is None or self.detail.id != detail.id
        self._opened = opened
        self.set_filled(True)
        self.head.show_detail(detail, code=opened.code)
        verifiers = sorted(detail.scores)
        newest = not fresh and self.verifier.currentIndex() == self.verifier.count() - 1
        set_items(self.verifier, [(f"Scores of V{number}", number) for number in verifiers])
        if verifiers and (fresh or newest):
            blocked = self.verifier.blockSignals(True)
            self.verifier.setCurrentIndex(len(verifiers) - 1)
            self.verifier.blockSignals(blocked)
        self.verifier.setVisible(bool(verifiers))
        if fresh:
            self.tests.setVisible(opened.code)
            self._show_tests()
        asked, self._step = self._step, 0
        self._show_steps(asked or (first_step_shown(detail) if fresh else self.steps.chosen), same=not fresh)
        if fresh:
            self.shown.emit(detail.id)

    def _show_steps(self, chosen: int, *, same: bool) -> None:
        opened = self._opened
        if opened is None:
            return
        value: object = self.verifier.currentData()
        verifier = value if isinstance(value, int) else None
        self.heads.show_sources(sources_of(opened.detail), numbers=opened.code)
        rows = row_facts(opened.detail, verifier, annotator_name(), code=opened.code)
        found = search_words().text
        self.head.set_found(found)
        if found:
            rows = [replace(row, step=replace(row.step, found=found)) for row in rows]
        self.steps.show_steps(rows, chosen, same=same)
        self.same.show_strips(strips(opened.detail, opened.siblings, verifier))
        self._fit()

    def _restep(self) -> None:
        self._show_steps(self.steps.chosen, same=True)

    def _fit(self) -> None:
        shown = self.height() >= LOW and self._opened is not None and bool(self._opened.siblings)
        self.same.setVisible(shown)
        steps = 0 if self._opened is None else len(self._opened.detail.steps)
        self.same.set_room((self.height() - AROUND - STEP * steps) // ROW)  # the steps come first
        self._rule.setVisible(shown)

    def _sibling(self, trajectory: object) -> None:
        if isinstance(trajectory, int):
            self.show_trace(trajectory)
            self.setFocus()

    def _show_tests(self) -> None:
        """What is known of the tests of the trajectory on screen."""
        known = self._results.get(self._wanted or 0)
        if known is not None:
            self.tests.show_results(known)
        elif self._engine.measures(self._wanted):
            self.tests.say_running()
        else:
            self.tests.clear()

    def _run_tests(self) -> None:
        detail = self.detail
        if detail is None:
            return

        if self._engine.running:  # for a trajectory that is no longer on screen
            self._engine.cancel()
        job = self._job = TestsJob(detail)
        self.tests.say_running()
        self._engine.measure(detail.id, job.ask, job.keep, seconds=PATIENCE)

    def _tests_ended(self) -> None:
        results = None if self._job is None else self._job.results
        if results is not None:
            self._results[results.trajectory] = results
            if results.trajectory == self._wanted:
                self.tests.show_results(results)

    def _tests_failed(self, error: Exception) -> None:
        if self._engine.about == self._wanted:
            self.tests.show_error(error)

    def _other_iteration(self, step: int) -> None:
        if self._opened is not None and self._opened.detail.id == self._wanted:
            there = neighbour(self._opened.detail, self._opened.siblings, step)
            if there is not None:
                self.preview(there, self.steps.chosen)

    def _verb(self, verb: object) -> None:
        """Judge the chosen step; where it is not on the screen, bring it there instead. While another trajectory is
        being read, nothing: what is on the screen is no longer meant."""
        detail = self.detail
        if detail is None or detail.id != self._wanted or self._step:
            return
        if verb not in ("no_error", "undo") and not self.steps.in_view:
            self.steps.reveal()
        else:
            self.writer.judge(detail.id, len(detail.steps), JudgeAction(str(verb), self.steps.chosen))

    def _handle(self, event: QKeyEvent) -> bool:
        """Whether the key was one of ours."""
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_J, Qt.Key.Key_K):
            self.moved.emit(1 if key == Qt.Key.Key_J else -1)
            return True
        if key == Qt.Key.Key_Escape:
            self.back_requested.emit()
            return True
        if self._opened is None:
            return False
        move = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(key)
        if move is not None:
            self.steps.choose(self.steps.chosen + move)
            return True
        turn = {Qt.Key.Key_BracketLeft: -1, Qt.Key.Key_BracketRight: 1}.get(key)
        if turn is not None:
            self._other_iteration(turn)
            return True
        if key == Qt.Key.Key_T and self._opened.code:
            if not self.tests.next_failing() and self.tests.run.isEnabled():
                self._run_tests()
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

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.steps.update()  # the open step has the frame of the focus

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.steps.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def first_step_shown(detail: TraceDetail) -> int:
    """Which step to choose when a trace opens: the verified first error, else the predicted one, else the first
    step."""
    for item in detail.labels:
        if item.verified > 0 and item.source != "outcome":
            return item.verified
    return detail.predicted or 1
