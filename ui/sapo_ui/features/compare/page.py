"""The Compare page: picked runs beside each other, as curves, settings, tests and single questions."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.comparison.records import Comparison, QuestionOutcome
from sapo_studio.errors import InputError
from sapo_studio.readable import counted
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.features.compare.beside_view import BesideView
from sapo_ui.features.compare.board import Board
from sapo_ui.features.compare.drop_frame import DropFrame
from sapo_ui.features.compare.figures import measured_tabs
from sapo_ui.features.compare.groupable import groupable
from sapo_ui.features.compare.help_text import HELP, KEYS
from sapo_ui.features.compare.run_chips import ChipFacts, RunChips
from sapo_ui.features.compare.run_chooser import RunChooser
from sapo_ui.features.compare.short_names import shortened
from sapo_ui.features.compare.states import FAILED, READING, Said, left_out, nothing_to_compare
from sapo_ui.features.compare.top_bar import TopBar
from sapo_ui.features.compare.view_choices import ViewChoices
from sapo_ui.panels.page import Page
from sapo_ui.services import comparison as reading
from sapo_ui.services import tasks
from sapo_ui.services.comparison import Asked
from sapo_ui.services.picks import Picks
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.message_page import MessagePage
from sapo_ui.widgets.notice import Notice
from sapo_ui.widgets.saving import NUMBERS, saving
from sapo_ui.wording import told

KINDS = {"csv": NUMBERS, "json": "JSON (*.json)"}
"""What a comparison can be written as, by file ending."""

PATIENCE_MS = 200
"""What is read sooner is not announced."""


class ComparePage(Page):
    """Reads what is picked, and hands it to the cards."""

    left = Signal()
    """Somebody wants to go back."""

    trace_wanted = Signal(object, object, object)
    """(run id: str, trajectory id: int, step: int) Somebody wants to read a solution on its run's page."""

    help = HELP
    keys = KEYS

    def __init__(self, picks: Picks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picks = picks
        self.view = ViewChoices(picks)
        self._runs: dict[str, RunSummary] = {}
        self._told = False
        self._opened = False
        self._asked: Asked | None = None
        self.comparison: Comparison | None = None
        """What has been read."""
        self._short: Comparison | None = None  # with names that fit
        self._known: dict[str, tuple[object, ...]] = {}
        self.top = TopBar()
        self.chips = RunChips(self.top.export)
        self.summary = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.notice = Notice("warning")
        self.choose_button = QPushButton("Choose runs\u2026")
        self.choose_button.setAutoDefault(False)
        self.trouble = Notice("bad")
        self.message = MessagePage()
        self.board = Board()
        self.beside = BesideView()
        self.main = DropFrame()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.message)
        self.stack.addWidget(self.board)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.main)
        self.pages.addWidget(self.beside)
        self._arrange()
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._say_reading)
        self._connect()
        self.board.restore(picks.view)
        self._show_picks()

    def _arrange(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(theme.SPACE_3)
        line.addWidget(self.chips, 1)
        line.addWidget(self.summary, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)
        warned = QHBoxLayout()
        warned.setSpacing(theme.SPACE_2)
        warned.addWidget(self.notice, 1)
        warned.addWidget(self.choose_button)
        column = QVBoxLayout(self.main)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(theme.SPACE_2)
        column.addWidget(self.top)
        column.addLayout(line)
        column.addLayout(warned)
        column.addWidget(self.trouble)
        column.addWidget(self.stack, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.pages)

    def _connect(self) -> None:
        self.picks.changed.connect(self._show_picks)
        self.main.dropped.connect(self.picks.add)
        self.chips.removed.connect(self.picks.toggle)
        self.chips.entered.connect(self._point_to)
        self.top.baseline_chosen.connect(self.picks.set_baseline)
        self.top.grouped.connect(self.picks.group)
        self.top.papers_wanted.connect(partial(self._choose, "papers"))
        self.top.add_wanted.connect(self.choose_runs)
        self.top.export_wanted.connect(self.export)
        self.choose_button.clicked.connect(lambda _checked=False: self.choose_runs())
        self.message.pressed.connect(self.choose_runs)
        self.board.curves.metric_chosen.connect(partial(self._choose, "metric"))
        self.board.curves.axis_chosen.connect(partial(self._choose, "axis"))
        self.top.set_chosen.connect(partial(self._choose, "set"))
        self.board.results.every_pair_wanted.connect(partial(self._choose, "every_pair"))
        self.board.common_wanted.connect(partial(self._choose, "common", True))
        self.board.questions.opened.connect(self.open_beside)
        self.beside.closed.connect(self._close_beside)
        self.beside.moved.connect(self._next_question)
        self.beside.read_wanted.connect(self._read_trace)

    # -- what the store says

    def take(self, change: StoreChange) -> None:
        self._runs = {run.id: run for run in change.runs}
        self._told = True
        now = self._states()
        ended = any(
            run_id in change.changed and not self._runs[run_id].status.alive and self._known.get(run_id) == state
            for run_id, state in now.items()
        )
        # A run that is alive counts as changed at each look: what is compared changes with its phases alone.
        if self._asked is None or now != self._known or ended:
            self._asked = None
            self._show_picks()

    def _states(self) -> dict[str, tuple[object, ...]]:
        """What of the picked runs changes what is compared."""
        runs = [self._runs[run_id] for run_id in self.picks.runs if run_id in self._runs]
        return {run.id: (run.status, run.phase, run.iteration, run.name, run.finished_at) for run in runs}

    def catch_up(self, change: StoreChange) -> None:
        self.take(change)

    def leave(self) -> None:
        self.picks.view |= self.board.choices()

    # -- what is picked

    def choose_runs(self) -> None:
        """Open the dialog that picks runs."""
        runs = list(self._runs.values())
        dialog = RunChooser(runs, self.picks.runs, grouped=self.picks.grouped, parent=self)
        dialog.chosen.connect(self.picks.choose)
        dialog.open()

    def _show_picks(self) -> None:
        """Something is picked, grouped or chosen otherwise."""
        runs = [self._runs[run_id] for run_id in self.picks.runs if run_id in self._runs]
        first = self.picks.baseline
        self.chips.show_runs(
            [
                ChipFacts(
                    run.id,
                    run.name,
                    None if run.imported else self.picks.slot(run.id),
                    "imported file" if run.imported else "baseline" if run.id == first and len(runs) > 1 else "",
                )
                for run in runs
            ]
        )
        self._warn(runs)
        asked = self._wanted()
        if asked is None:
            self._asked = self.comparison = None
            self._patience.stop()
            self._say_nothing(runs)
        elif asked != self._asked:
            self._read(asked)
        else:
            self._show_again()

    def _warn(self, runs: list[RunSummary]) -> None:
        over = [run.name for run in runs if not run.imported and self.picks.slot(run.id) is None]
        if self._finding_groups:
            over = []  # nobody knows yet
        self.notice.say(left_out([run.name for run in runs if run.imported], over))
        self.choose_button.setVisible(bool(over))

    @property
    def _finding_groups(self) -> bool:
        """Whether it has to be read first which runs are one line."""
        return self.picks.grouped and not self.picks.groups_known

    def _wanted(self) -> Asked | None:
        """What is to be read; None where nothing can be."""
        candidates = self.picks.runs if self._finding_groups else self.picks.shown
        runs = tuple(one for one in candidates if one in self._runs and not self._runs[one].imported)
        if not runs:
            return None
        baseline = self.picks.baseline
        return Asked(
            runs,
            baseline if baseline in runs else runs[0],
            self.view.metric,
            set=self.view.set,
            common=self.view.common,
            every_pair=self.view.every_pair,
            by_seed=self.picks.grouped,
        )

    def _choose(self, name: str, value: object) -> None:
        """Somebody chose something about what is shown."""
        if self.view.change(name, value):
            self._show_picks()

    # -- reading

    def _read(self, asked: Asked) -> None:
        self._asked, self._known = asked, self._states()
        if not self._patience.isActive():
            self._patience.start()
        tasks.run(
            self,
            lambda store: reading.read_comparison(store, asked),
            partial(self._show, asked),
            failed=partial(self._failed, asked),
            key="compare",
            keep_running=True,
        )

    def _say_reading(self) -> None:
        if self.comparison is None:
            self._say(READING)
        else:
            self.summary.set_text("Reading\u2026")

    def _say_nothing(self, runs: list[RunSummary]) -> None:
        self.trouble.say("")
        self.summary.set_text("")
        self.top.show_sets((), "")
        self.top.show_choices([], "", grouped=None, papers=None)
        self._opened = self._opened or self._told  # who picks runs in the list goes on there
        self._say(nothing_to_compare(runs, self._runs.values()) if self._told else Said(""))

    def _say(self, said: Said) -> None:
        self.message.say(said.headline, said.text, said.button, said.sign)
        self.stack.setCurrentWidget(self.message)

    def _failed(self, asked: Asked, error: Exception) -> None:
        if asked != self._asked:
            return  # something else is being read by now
        self._patience.stop()
        if isinstance(error, InputError) and self.view.forget_questions():
            self._show_picks()  # what was chosen for other runs may be what is wrong with these
            return
        self._asked = None  # the next change of the store, or of what is picked, is another try
        self.trouble.say(told(error))
        if self.comparison is None:
            self._say(FAILED)
        else:
            self._summarise(self.comparison)

    def _show(self, asked: Asked, found: Comparison) -> None:
        if asked != self._asked:
            return  # something else is being read by now
        self._patience.stop()
        self.trouble.say("")
        self.comparison, self._short = found, shortened(found)
        if asked.by_seed and self._finding_groups:
            self.picks.set_groups([group.runs for group in found.groups])  # which comes back here with colours
        if asked == self._asked:
            self._show_again()

    def _show_again(self) -> None:
        """Show what has been read, as it is wanted now."""
        found, short = self.comparison, self._short
        if found is None or short is None:
            return
        tabs = measured_tabs(found)
        if tabs and self.view.metric not in tabs:
            self._choose("metric", tabs[0])
            return
        papers = any(run.paper for run in found.runs)
        self.top.show_choices(
            [(group.label, group.runs[0]) for group in short.groups],
            found.groups[found.baseline].runs[0],
            grouped=self.picks.grouped if self.picks.grouped or groupable(found) else None,
            papers=self.view.papers if papers else None,
        )
        self.top.show_sets(found.sets, found.set)
        self._summarise(found)
        self.stack.setCurrentWidget(self.board)
        if not self._opened:
            self._opened = True
            if not self.isAncestorOf(self.window().focusWidget()):  # also where nothing has it
                self.board.curves.chart.setFocus(Qt.FocusReason.OtherFocusReason)
        self.board.show_comparison(
            short,
            self.picks.slots,
            metric=self.view.metric,
            axis=self.view.axis,
            papers=self.view.papers,
            common=self.view.common,
            every_pair=self.view.every_pair,
        )

    def export(self, ending: object) -> None:
        """Ask for a file, and write what is shown to it."""
        found, kind = self.comparison, KINDS.get(str(ending), "")
        if found is None or not kind:
            return
        file = saving().ask(self, "Export comparison", f"comparison.{ending}", kind)
        if file is not None:
            tasks.run(
                self,
                lambda _store: reading.write_comparison(found, file),
                lambda _: saving().tell(file),
                failed=lambda error: self.trouble.say(f"{file.name} could not be written. {told(error)}"),
            )

    def _summarise(self, found: Comparison) -> None:
        count = counted(len(found.runs), "run")
        self.summary.set_text(f"{count}, {found.questions}" if found.questions else count)
        self.board.curves.say(" ".join(note for run in found.runs for note in run.notes))

    def _point_to(self, run_id: object) -> None:
        found = self.comparison
        groups = [] if found is None else [at for at, one in enumerate(found.groups) if run_id in one.runs]
        self.board.point_to(groups[0] if groups else None)

    # -- both solutions of a question

    def open_beside(self, question: object) -> None:
        """Show both solutions of a question."""
        found, pair = self.comparison, self.board.questions.shown_pair
        if isinstance(question, QuestionOutcome) and found is not None and pair is not None:
            names = found.run(pair[0]).name, found.run(pair[1]).name
            slots = self.picks.slot(pair[0]), self.picks.slot(pair[1])
            self.beside.open(question, pair, names, slots)
            if self.pages.currentWidget() is not self.beside:
                self.pages.setCurrentWidget(self.beside)
                self.beside.setFocus(Qt.FocusReason.OtherFocusReason)

    def _close_beside(self) -> None:
        self.pages.setCurrentWidget(self.main)
        self.board.questions.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def _next_question(self, step: object) -> None:
        questions = self.board.questions.list
        if isinstance(step, int):
            questions.go_on(step)
            questions.open_current()

    def _read_trace(self, run_id: object, trajectory: object, step: object) -> None:
        self.leave()
        self.trace_wanted.emit(run_id, trajectory, step)

    # -- keys

    def _make_baseline(self) -> None:
        """The run in focus becomes the baseline; where none is, the one after the baseline."""
        found = self.comparison
        if found is None or len(found.groups) < 2:
            return
        if self.chips.focused:
            self.picks.set_baseline(self.chips.focused)
            return
        at = self.board.group if self.board.group is not None else (found.baseline + 1) % len(found.groups)
        self.picks.set_baseline(found.groups[at].runs[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, plain = Qt.Key(event.key()), event.modifiers() == Qt.KeyboardModifier.NoModifier
        questions = self.board.questions.list
        if not plain or self.stack.currentWidget() is not self.board:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_B:
            self._make_baseline()
        elif key == Qt.Key.Key_D:
            self.board.config.toggle()
        elif key in (Qt.Key.Key_J, Qt.Key.Key_K):
            questions.go_on(1 if key == Qt.Key.Key_J else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            questions.open_current()
        else:
            super().keyPressEvent(event)
