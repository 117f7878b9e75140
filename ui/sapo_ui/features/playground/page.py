"""The Playground page: one question, two checkpoints beside each other, and what each makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.playground.checkpoints import CheckpointChoice
from sapo_studio.domain.aggregation import Aggregation
from sapo_studio.readable import sentences
from sapo_studio.requests.play import SIDES, Side
from sapo_studio.store.db import Store
from sapo_ui import theme
from sapo_ui.features.playground import remembered
from sapo_ui.features.playground.head import PlaygroundHead
from sapo_ui.features.playground.question_card import QuestionCard
from sapo_ui.features.playground.remembered import Remembered
from sapo_ui.features.playground.side_choice import NOTHING, key_of
from sapo_ui.features.playground.side_message import SideMessage
from sapo_ui.features.playground.side_panel import SidePanel
from sapo_ui.panels.page import Page
from sapo_ui.services import tasks
from sapo_ui.services.playground import EngineState, Playground, SideChoice, writes_programs
from sapo_ui.services.playground_keeping import KeptSolution
from sapo_ui.services.playground_questions import TakenQuestion, take_question
from sapo_ui.services.playground_state import BEST, SideState
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.settings import Settings
from sapo_ui.widgets.notice import Notice
from sapo_ui.wording import in_window, told

SETTINGS = "playground"

READ_MS = 3000
"""Between two looks at which checkpoints there are."""

LOW = 640
"""Pixels: a page that is lower leaves less to a long question."""


@dataclass(frozen=True)
class PlaygroundDoors:
    """Where the page leads. `annotate` opens the queue of this uid; `settings` None: nothing is remembered."""

    current_run: Callable[[], str | None]
    new_run: Callable[[], object]
    annotate: Callable[[str], object]
    settings: Settings | None = None


class PlaygroundPage(Page):
    """What is written belongs to `playground`, which goes on while another page is in front."""

    keys = "Ctrl+Enter samples \u00b7 Tab side \u00b7 j k solution \u00b7 + \u2212 keep good or bad \u00b7 Esc stops"
    help = """### Playground

A question, typed or taken from a run's task, is put to one or two checkpoints; a verifier scores each step as it is
written. **Greedy** is the most likely solution, **Majority** the answer that most samples give, **Best by verifier**
the sample with the highest score. With a reference answer each is marked right or wrong.

It runs in an engine process of its own, which gives its memory back when it idles and ends with the window. Nothing
enters a run; **+** and **\u2212** keep a solution as a good or a bad trace, to be judged step by step on Annotate.

**What if this step were right?** Open a solution, choose a step and press **e**: change it, and rollouts go on from
there. Their success rate stands at the step, with its 95 % interval.

| Keys | |
|---|---|
| Ctrl+Enter | Ask both sides |
| Esc | Stop; what is written stays |
| Tab | The solutions of the other side |
| J / K | Next / previous solution |
| Enter | Open or close it |
| Down / Up | Next / previous step of the open one |
| + / \u2212 | Keep it as a good / bad trace |
| E, U | Change the step; back to the original |
| C | Copy the solution |
"""

    def __init__(self, playground: Playground, doors: PlaygroundDoors, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.playground, self._doors = playground, doors
        self._known: list[CheckpointChoice] | None = None
        self._kept: KeptSolution | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(READ_MS)
        self._soon.timeout.connect(self.read)
        self._first = self._remembered = remembered.read(
            doors.settings.texts(SETTINGS) if doors.settings is not None else {}
        )
        self._by: Aggregation = self._remembered.by
        self.head = PlaygroundHead(cpu=self._remembered.cpu)
        self.notice = Notice("bad")
        self.again = QPushButton("Start again")
        self.again.setAutoDefault(False)
        self.again.setToolTip("Start another engine, which loads the same checkpoints")
        self.again.clicked.connect(self.playground.restart)
        self.again.hide()
        self.card = QuestionCard()
        self.sides: dict[Side, SidePanel] = {side: SidePanel(side) for side in SIDES}
        self.none = SideMessage()
        self.none.setProperty("look", "card")
        self.stack = QStackedWidget()
        self._arrange()
        self._connect()
        self._restore()
        self._show_engine(playground.engine)
        self._show_sides()

    def _arrange(self) -> None:
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_2)
        for panel in self.sides.values():
            row.addWidget(panel, 1)
        used = QWidget()
        inside = QVBoxLayout(used)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(theme.SPACE_2)
        strip = QHBoxLayout()
        strip.setSpacing(theme.SPACE_2)
        strip.addWidget(self.notice, 1)
        strip.addWidget(self.again)
        inside.addLayout(strip)
        inside.addWidget(self.card)
        inside.addWidget(both, 1)
        self.stack.addWidget(used)
        self.stack.addWidget(self.none)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_3)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.head)
        column.addWidget(self.stack, 1)

    def _connect(self) -> None:
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self.sample)
        self.head.copy_wanted.connect(self._copy)
        self.head.cpu_toggled.connect(self.playground.compute_on_cpu)
        self.head.give_back_wanted.connect(self.playground.give_back)
        self.head.end_wanted.connect(self.playground.end_engine)
        self.card.sample_wanted.connect(self.sample)
        self.card.stop_wanted.connect(self.playground.stop)
        self.card.take_wanted.connect(self._take)
        for side, panel in self.sides.items():
            panel.chosen.connect(self._chosen)
            panel.stop_wanted.connect(self.playground.stop)
            panel.cpu_wanted.connect(self._use_cpu)
            panel.question_wanted.connect(lambda: self._take("random"))
            panel.annotate_wanted.connect(self._annotate)
            panel.which.chosen.connect(self._choose_score)
            panel.solution_kept.connect(_for_side(self.playground.keep, side))
            panel.list.continue_wanted.connect(_for_side(self._continue, side))
            panel.list.undo_wanted.connect(_for_side(self.playground.undo, side))
        self.sides["a"].list.other_side.connect(lambda: self._to_side("b"))
        self.sides["b"].list.other_side.connect(lambda: self._to_side("a"))
        self.playground.changed.connect(self._show_side)
        self.playground.engine_changed.connect(self._show_engine)
        self.playground.keeper.kept.connect(self._show_kept)
        self.playground.keeper.refused.connect(self._refuse)

    # -- What there is to choose from

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()
        self.card.text.setFocus(Qt.FocusReason.OtherFocusReason)

    def take(self, change: StoreChange) -> None:
        if self.isVisible() and not self._soon.isActive():  # a run at work changes each second
            self._soon.start()

    def read(self) -> None:
        """Look again which checkpoints there are, in the background."""
        tasks.run(self, self.playground.checkpoints, self._offer_checkpoints, key="checkpoints", keep_running=True)

    def _offer_checkpoints(self, known: list[CheckpointChoice]) -> None:
        if known == self._known:
            return
        first, self._known = self._known is None, known
        if not known:
            self.none.say(
                "No checkpoint yet",
                "A run leaves one after its warm-up, and one after each iteration. Its base model can be asked from "
                "the beginning.",
                "playground",
                ways=[("New run\u2026", self._doors.new_run)],
            )
            self.stack.setCurrentWidget(self.none)
            return
        self.stack.setCurrentIndex(0)
        for panel in self.sides.values():
            panel.chooser.offer(known)
        if first or self.sides["a"].chooser.choice is None:
            self._choose_first(known)
        self._chosen()

    def _choose_first(self, known: list[CheckpointChoice]) -> None:
        """What was chosen last time; else the newest reasoner of the run that was looked at (of the newest that has
        any), beside the one that it started from."""
        there = {key_of(one) for one in known}
        kept = self._remembered
        if kept.known and kept.first[0] in there:
            self.sides["a"].chooser.choose(*kept.first)
            self.sides["b"].chooser.choose(kept.second[0] if kept.second[0] in there else NOTHING, kept.second[1])
            return
        run_id = self._doors.current_run()
        trained = [one for one in known if one.iteration > 0]
        first = next((one for one in trained if one.run_id == run_id), trained[0] if trained else known[0])
        others = [one for one in trained if one.run_id == first.run_id and one is not first]
        self.sides["a"].chooser.choose(key_of(first))
        self.sides["b"].chooser.choose(key_of(others[-1]) if others else NOTHING)

    def _chosen(self) -> None:
        choice = self.sides["a"].chooser.choice
        self.card.set_programs(choice is not None and writes_programs(choice.checkpoint))
        self._show_sides()
        self.remember()

    @property
    def choices(self) -> list[SideChoice]:
        """Who is asked."""
        return [choice for panel in self.sides.values() if (choice := panel.chooser.choice) is not None]

    # -- What is asked

    def sample(self) -> None:
        """Ask both sides."""
        question, choices = self.card.asking, self.choices
        if question is None or not choices:
            self.card.text.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self.notice.say("")
        self.remember()
        taken = self.card.taken
        of_run = taken.run_id if taken is not None else ""
        self.playground.sample(question, choices, self.card.sampling, of_run)
        self.card.show_going(self.playground.busy, again=True)

    def _continue(self, side: Side, solution: str, step: int, text: str, rollouts: int) -> None:
        for panel in self.sides.values():
            panel.list.rollouts = rollouts
        self.playground.continue_from(side, solution, step, text, rollouts)

    def _use_cpu(self) -> None:
        self.head.cpu.setChecked(True)
        self.sample()

    def _take(self, which: object) -> None:
        choice = next(iter(self.choices), None)
        if choice is None:
            return
        run_id = choice.checkpoint.run_id
        before = self.card.typed

        def done(taken: TakenQuestion) -> None:
            if self.card.typed != before:
                return  # somebody has written something since: that is what is meant
            self.card.take(taken)
            self.card.text.setFocus(Qt.FocusReason.OtherFocusReason)

        def failed(error: Exception) -> None:
            self.card.say(told(error))

        def work(store: Store) -> TakenQuestion:
            return take_question(store, run_id, str(which))

        tasks.run(self, work, done, failed=failed, key="question")

    # -- What it shows

    def _programs(self, side: Side) -> bool:
        loaded = self.playground.board[side].loaded
        if loaded is not None:
            return loaded.graded_by == "tests"
        choice = self.playground.choices.get(side) or self.sides[side].chooser.choice
        return choice is not None and writes_programs(choice.checkpoint)

    def _show_side(self, state: object) -> None:
        if not isinstance(state, SideState):
            return
        panel = self.sides[state.side]
        playground = self.playground
        panel.show_state(
            state,
            playground.engine,
            self._by,
            playground.keeper.words,
            programs=self._programs(state.side),
            asked=playground.choices.get(state.side),
        )
        self.card.show_going(self.playground.busy, any(self.playground.board[side].asked is not None for side in SIDES))
        second = self.sides["b"]
        tabs = not second.empty or bool(second.state.solutions)
        for panel in self.sides.values():
            panel.list.tabs_over = tabs

    def _show_sides(self) -> None:
        for side in SIDES:
            self._show_side(self.playground.board[side])

    def _show_engine(self, engine: object) -> None:
        if not isinstance(engine, EngineState):
            return
        self.head.show_engine(engine, busy=self.playground.busy)
        ended = engine.ended
        if ended is not None:
            self.notice.say(in_window(sentences(ended.what, ended.why, ended.fix)))
        elif not self.again.isHidden():
            self.notice.say("")
        self.again.setVisible(ended is not None)

    def _choose_score(self, at: object) -> None:
        if isinstance(at, int):
            self._by = BEST[at]
            self._show_sides()
            self.remember()

    def _to_side(self, side: Side) -> None:
        self.sides[side].list.setFocus(Qt.FocusReason.TabFocusReason)

    # -- What is kept

    def _show_kept(self, kept: object) -> None:
        if isinstance(kept, KeptSolution):
            self._kept = kept
            self.sides[kept.side].show_kept(kept)

    def _refuse(self, error: object) -> None:
        if isinstance(error, Exception):
            self.notice.say(told(error))

    def _annotate(self) -> None:
        if self._kept is not None:
            self.playground.keeper.prepare_queue(self._kept, self._doors.annotate)

    def _copy(self) -> None:
        panel = next((panel for panel in self.sides.values() if panel.list.hasFocus()), self.sides["a"])
        panel.list.copy_current()

    # -- What it remembers

    def _restore(self) -> None:
        kept = self._remembered
        self.card.show_sampling(kept.how)
        for panel in self.sides.values():
            panel.list.rollouts = kept.rollouts
        self.card.show_question(kept.question, kept.answer, kept.tests)
        taken = kept.question_taken
        if taken is not None:
            self.card.take(taken)
        asked = next((state.question for side in SIDES if (state := self.playground.board[side]).question), None)
        if asked is not None and not kept.question:
            self.card.show_question(asked.text, asked.answer, asked.tests)
        self.playground.compute_on_cpu(kept.cpu)

    def remember(self) -> None:
        """Keep what is chosen for the next start, or the next time the page is opened."""
        settings = self._doors.settings
        if settings is None or self._known is None:
            return
        choosers = [panel.chooser for panel in self.sides.values()]
        self._remembered = Remembered(
            self.card.text.toPlainText(),
            self.card.answer.text(),
            self.card.test_lines,
            choosers[0].keys,
            choosers[1].keys,
            self.card.sampling,
            self._by,
            self.head.cpu.isChecked(),
            True,
            self.sides["a"].list.rollouts,
            self._taken(),
        )
        settings.set_texts(SETTINGS, self._remembered.texts())

    def _taken(self) -> tuple[str, str, str]:
        taken = self.card.taken
        return ("", "", "") if taken is None else (taken.run_id, str(taken.asking.number), taken.where)

    def leave(self) -> None:
        self.remember()

    # -- Qt's own

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.card.fit(self.height() < LOW)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.playground.busy:
            self.playground.stop()
        else:
            super().keyPressEvent(event)


def _for_side(act: Callable[..., object], side: Side) -> Callable[..., None]:
    def call(*what: object) -> None:
        act(side, *what)

    return call
