"""The Compare page: picked runs beside each other, as curves, settings, tests and single questions."""

from __future__ import annotations

from functools import partial
from typing import get_args

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from sapo_studio.app.comparison.records import Axis, Comparison, QuestionOutcome
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.features.compare.beside_view import BesideView
from sapo_ui.features.compare.board import Board
from sapo_ui.features.compare.figures import TABS, measured_tabs
from sapo_ui.features.compare.groupable import groupable
from sapo_ui.features.compare.help_text import HELP, KEYS
from sapo_ui.features.compare.message import Message
from sapo_ui.features.compare.run_chips import ChipFacts, RunChips
from sapo_ui.features.compare.run_chooser import RunChooser
from sapo_ui.features.compare.short_names import shortened
from sapo_ui.features.compare.top_bar import TopBar
from sapo_ui.panels.page import Page
from sapo_ui.services import comparison as reading
from sapo_ui.services import tasks
from sapo_ui.services.comparison import Asked
from sapo_ui.services.picks import MOST, RUN_MIME, Picks
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.elided_label import ElidedLabel
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
        self._runs: dict[str, RunSummary] = {}
        self._told = False
        self._opened = False
        self._asked: Asked | None = None
        self.comparison: Comparison | None = None
        """What is shown."""
        self._known: dict[str, tuple[object, ...]] = {}
        self.setAcceptDrops(True)
        self._dropping = False
        self.top = TopBar()
        self.chips = RunChips(self.top.export)
        self.summary = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.notice = Notice("warning")
        self.choose_button = QPushButton("Choose runs\u2026")
        self.choose_button.setAutoDefault(False)
        self.trouble = Notice("bad")
        self.message = Message()
        self.board = Board()
        self.beside = BesideView()
        self.main = QWidget()
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
        self.chips.removed.connect(self.picks.toggle)
        self.chips.entered.connect(self._point_to)
        self.top.baseline_chosen.connect(self.picks.set_baseline)
        self.top.grouped.connect(self.picks.group)
        self.top.papers_wanted.connect(self._show_papers)
        self.top.add_wanted.connect(self.choose_runs)
        self.top.export_wanted.connect(self.export)
        self.choose_button.clicked.connect(lambda _checked=False: self.choose_runs())
        self.message.button.clicked.connect(lambda _checked=False: self.choose_runs())
        self.board.curves.metric_chosen.connect(partial(self._view, "metric"))
        self.board.curves.axis_chosen.connect(partial(self._view, "axis"))
        self.top.set_chosen.connect(partial(self._view, "set"))
        self.board.results.every_pair_wanted.connect(self._every_pair)
        self.board.common_wanted.connect(lambda: self._view("common", "1"))
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
        said: list[str] = []
        imported = [run.name for run in runs if run.imported]
        if imported:
            verb = "is an imported file" if len(imported) == 1 else "are imported files"
            said.append(f"{', '.join(imported)} {verb}: without an evaluation there is nothing to compare.")
        over = [run.name for run in runs if not run.imported and self.picks.slot(run.id) is None]
        if over and not self._finding_groups:
            said.append(f"At most {MOST} lines can be told apart: {', '.join(over)} left out. Choose which to compare.")
        self.notice.say(" ".join(said))
        self.choose_button.setVisible(bool(over) and not self._finding_groups)

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
        view, baseline = self.picks.view, self.picks.baseline
        return Asked(
            runs,
            baseline if baseline in runs else runs[0],
            self.shown_metric,
            set=view.get("set", ""),
            common=view.get("common") == "1",
            every_pair=view.get("every_pair") == "1",
            by_seed=self.picks.grouped,
        )

    # -- what is shown of it

    @property
    def shown_metric(self) -> str:
        """The metric in front."""
        chosen = self.picks.view.get("metric", "")
        return chosen if chosen in TABS else TABS[0]

    @property
    def axis(self) -> Axis:
        """What curves go along."""
        chosen = self.picks.view.get("axis", "")
        return next((axis for axis in get_args(Axis) if axis == chosen), "iteration")

    def _view(self, name: str, value: object) -> None:
        """Somebody chose something about what is shown."""
        if self.picks.view.get(name, "") != str(value):
            self.picks.view[name] = str(value)
            if name == "set":
                self.picks.view["common"] = ""
            self._show_picks()

    def _show_papers(self, on: object) -> None:
        self._view("papers", "1" if on else "0")

    def _every_pair(self, on: object) -> None:
        self._view("every_pair", "1" if on else "")

    # -- reading

    def _read(self, asked: Asked) -> None:
        self._asked, self._known = asked, self._states()
        if not self._patience.isActive():
            self._patience.start()
        tasks.run(
            self,
            lambda store: reading.read_comparison(store, asked),
            partial(self._show, asked),
            failed=self._failed,
            key="compare",
            keep_running=True,
        )

    def _say_reading(self) -> None:
        if self.comparison is None:
            self.message.say("Reading the runs", "What they measured is being read.")
            self.stack.setCurrentWidget(self.message)
        else:
            self.summary.set_text("Reading\u2026")

    def _say_nothing(self, runs: list[RunSummary]) -> None:
        self.trouble.say("")
        self.summary.set_text("")
        self.top.show_sets((), "")
        self.top.show_choices([], "", grouped=None, papers=None)
        self._opened = self._opened or self._told  # who picks runs in the list goes on there
        if not self._told:
            self.message.say("", "")
        elif runs:
            self.message.say(
                "Nothing to compare yet", "An imported file has no evaluation. Pick runs.", button="Add run\u2026"
            )
        elif any(not run.imported for run in self._runs.values()):
            self.message.say(
                "No runs picked",
                "Pick runs in the list with Space, drag them here, or add them. Their curves, settings and answers "
                "then stand beside each other.",
                "runs",
                "Add run\u2026",
            )
        else:
            self.message.say("There is no run yet", "Runs that have been evaluated can be compared here.", "runs")
        self.stack.setCurrentWidget(self.message)

    def _failed(self, error: Exception) -> None:
        self._patience.stop()
        if self.picks.view.get("set") or self.picks.view.get("common"):
            # What was chosen for other runs may be what is wrong with these.
            self.picks.view |= {"set": "", "common": ""}
            self._show_picks()
            return
        self.trouble.say(told(error))
        if self.comparison is None:
            self.message.say("The runs could not be compared", "", "warning", "Choose runs\u2026")
            self.stack.setCurrentWidget(self.message)
        else:
            self._summarise(self.comparison)

    def _show(self, asked: Asked, found: Comparison) -> None:
        if asked != self._asked:
            return  # something else is being read by now
        self._patience.stop()
        self.trouble.say("")
        self.comparison = found
        if asked.by_seed and self._finding_groups:
            self.picks.set_groups([group.runs for group in found.groups])  # which comes back here with colours
        if asked == self._asked:
            self._show_again()

    def _show_again(self) -> None:
        """Show what has been read, as it is wanted now."""
        found = self.comparison
        if found is None:
            return
        tabs = measured_tabs(found)
        metric = self.shown_metric if self.shown_metric in tabs or not tabs else tabs[0]
        if metric != self.shown_metric:
            self._view("metric", metric)
            return
        papers = any(run.paper for run in found.runs)
        shown = papers and self.picks.view.get("papers") != "0"
        short = shortened(found)
        self.top.show_choices(
            [(group.label, group.runs[0]) for group in short.groups],
            found.groups[found.baseline].runs[0],
            grouped=self.picks.grouped if self.picks.grouped or groupable(found) else None,
            papers=shown if papers else None,
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
            metric=metric,
            axis=self.axis,
            papers=shown,
            common=self.picks.view.get("common") == "1",
            every_pair=self.picks.view.get("every_pair") == "1",
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
        count = f"{len(found.runs)} run{'' if len(found.runs) == 1 else 's'}"
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

    # -- keys, and runs that are dropped on it

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

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(RUN_MIME):
            event.acceptProposedAction()
            self._set_dropping(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        super().dragLeaveEvent(event)
        self._set_dropping(False)

    def dropEvent(self, event: QDropEvent) -> None:
        self._set_dropping(False)
        if event.mimeData().hasFormat(RUN_MIME):
            event.acceptProposedAction()
            self.picks.add(bytes(event.mimeData().data(RUN_MIME).data()).decode())

    def _set_dropping(self, dropping: bool) -> None:
        self._dropping = dropping
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._dropping:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(theme.current().accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), theme.RADIUS, theme.RADIUS)
