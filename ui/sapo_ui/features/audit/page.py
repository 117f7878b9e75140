"""The Audit page: who is wrong how often, what a consensus filter would keep, and where the sources disagree."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.app.studies import shadow
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.consensus import Bounds
from sapo_studio.errors import SapoError
from sapo_ui import theme
from sapo_ui.features.audit.disagreements import BELIEF, FILTER, OTHERS, ROLLOUTS, SCORE, STEP, WRITTEN, Disagreements
from sapo_ui.features.audit.filter_card import FilterCard
from sapo_ui.features.audit.reliability_card import ReliabilityCard
from sapo_ui.features.audit.reward_card import RewardCard
from sapo_ui.features.audit.source_rows import SourceRows
from sapo_ui.panels.page import Page
from sapo_ui.services import engine_study, label_audit
from sapo_ui.services.label_audit import AuditView
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.card import TitledCard
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.kept_place import kept_place
from sapo_ui.widgets.labels import EmptyState, label
from sapo_ui.widgets.row_table import dress_rows
from sapo_ui.widgets.segmented import Segmented
from sapo_ui.widgets.table_export import TableExport

SENT = 40
"""Trajectories that are sent to be judged at once."""
SIDE, NARROW_SIDE = 330, 290
NARROW = 800
"""Below this width of the page, in pixels, the side gives way, and scores and what others say only hovering shows."""
ROW = 26
WIDTHS = {SCORE: 58, ROLLOUTS: 68, OTHERS: 110, WRITTEN: 60, BELIEF: 74, FILTER: 44}


class AuditPage(Page):
    """Of the run that `current_run` names. `show_trace` gets the trajectory and the step that someone opens,
    `on_error` hears what goes wrong, `open_form` gets the configuration of a new run that is wanted."""

    left = Signal()
    """Back to the run is wanted."""

    help = """### Label audit

Can the labels of an iteration be trusted? Of each step of the trajectories with an incorrect answer there is what the
verifier before says, what the rollouts say, and what people and second graders say.

* **Who is wrong how often**: both kinds of error of each source, estimated from their agreement alone, with 95 %
  intervals. Where the task knows the truth, a ring shows the true rate; it has no part in the estimate.
* **Consensus filter**: drag the handles to see which labels would stay in training, and how many of them are false.
  **Measure effect** trains a shadow of the verifier on them. The filter is a setting of the run (`labeling.consensus`):
  tick it for the labels that come next, or clone a run that is done; **Copy command** copies what does the same.
* **Where they disagree**: the label that is most likely false comes first.

**j k** row, **Enter** opens the trace, **a** makes a queue of 40 trajectories for Annotate, **f** goes to the filter
(arrows move its left handle, with Shift the right one),
**[ ]** iteration, **Esc** goes back to the run. How it works: docs/audit.md.
"""

    def __init__(
        self,
        current_run: Callable[[], str | None],
        show_trace: Callable[[int, int], None],
        on_error: Callable[[Exception], None],
        open_form: Callable[[RunConfig], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._open_form = open_form
        self._narrow = self._others = False
        self._run_id = current_run()
        self._name = ""
        self._show_trace, self._on_error = show_trace, on_error
        self._iteration: int | None = None
        self._seen: object = None
        self.view: AuditView | None = None
        self.setAccessibleName("Label audit")
        self._stack = QStackedLayout(self)
        self.empty = EmptyState("No run is open", "Choose one in the list, then open its label audit.")
        self.content = QWidget()
        self._stack.addWidget(self._with_way_back(self.empty))
        self._stack.addWidget(self.content)
        self.back = self._way_back()
        self.title = ElidedLabel(theme.font("heading"))
        self.iterations = Segmented("Iteration", "Whose labels are audited")
        self.iterations.chosen.connect(self._choose)
        self.counts = label("", "small", "muted", wrap=True)
        self.counts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.sources = SourceRows()
        self.why = label("", "small", "warning", wrap=True)
        self.note = label("", "small", "muted", wrap=True)
        self.model = Disagreements(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.activated.connect(self._open)
        self.send = QPushButton(f"Send {SENT} to Annotate")
        self.send.setToolTip(
            f"Make a queue of {SENT} incorrect trajectories of this iteration, most disagreement first"
        )
        self.send.clicked.connect(self._send)
        self.said = label("", "small", "muted", wrap=True)
        self.filter = FilterCard()
        self.filter.moved.connect(self._filtered)
        self.filter.effect.measure.connect(self._measure)
        self.filter.switch.switched.connect(self._switch)
        self.filter.switch.cloned.connect(self._clone)
        self.shadow = engine_study.of_window("shadow")  # it goes on while another page is open
        self.filter.effect.cancel.connect(self.shadow.cancel)
        self.shadow.progressed.connect(self._show_shadow)
        self.shadow.ended.connect(self._measured)
        self.shadow.failed.connect(on_error)
        self.reliability = ReliabilityCard()
        self.reward = RewardCard()
        self._arrange()
        self._dress_table()
        self._add_keys()
        if self._run_id is not None:
            self.empty.say("Auditing the labels", "Who is wrong how often is worked out. It takes some seconds.")

    def _way_back(self) -> QPushButton:
        button = QPushButton("Back")
        button.setToolTip("Back to the run (Esc)")
        button.clicked.connect(self.left)
        return button

    def _with_way_back(self, body: QWidget) -> QWidget:
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_3)
        head = QHBoxLayout()
        head.addWidget(label("Label audit", "heading"))
        head.addStretch(1)
        head.addWidget(self._way_back())
        column.addLayout(head)
        column.addWidget(body, 1)
        return whole

    def _arrange(self) -> None:
        who, where = TitledCard("Who is wrong how often"), TitledCard("Where they disagree")
        who.column.addWidget(self.why)
        who.column.addWidget(self.sources)
        who.column.addWidget(self.note)
        where.head.addWidget(self.send)
        where.column.addWidget(self.table, 1)
        where.column.addWidget(self.said)
        left = QVBoxLayout()
        left.setSpacing(theme.SPACE_2)
        left.addWidget(who)
        left.addWidget(where, 1)
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_2)
        for card in (self.filter, self.reliability, self.reward):
            column.addWidget(card)
        column.addStretch(1)
        scroll = self.side = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFixedWidth(SIDE)
        scroll.setAccessibleName("Filter, reliability, reward")
        scroll.setWidget(side)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_3)
        top.addWidget(self.title)
        top.addWidget(self.iterations)
        top.addWidget(self.counts, 1)
        top.addWidget(self.back)
        body = QHBoxLayout()
        body.setSpacing(theme.SPACE_2)
        body.addLayout(left, 1)
        body.addWidget(scroll)
        whole = QVBoxLayout(self.content)
        whole.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_3)
        whole.setSpacing(theme.SPACE_2)
        whole.addLayout(top)
        whole.addWidget(self.reward.alarm)
        whole.addLayout(body, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        self.side.setFixedWidth(NARROW_SIDE if narrow else SIDE)
        self._narrow = narrow
        self._hide_columns()

    def _hide_columns(self) -> None:
        """Without room, what the score and others say is left to what hovering shows, and the step's text stays."""
        self.table.setColumnHidden(SCORE, self._narrow)
        self.table.setColumnHidden(OTHERS, self._narrow or not self._others)

    def _dress_table(self) -> None:
        table, header = self.table, self.table.horizontalHeader()
        table.setAccessibleName("Steps that the sources disagree on")
        dress_rows(table, ROW)
        TableExport(table, self.model.numbers)
        header.setSectionResizeMode(STEP, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            table.setColumnWidth(column, width)

    def _add_keys(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "J": lambda: self._move(1),
            "K": lambda: self._move(-1),
            "A": self._send,
            "F": lambda: self.filter.slider.setFocus(Qt.FocusReason.ShortcutFocusReason),
            "[": lambda: self._step_iteration(-1),
            "]": lambda: self._step_iteration(1),
        }
        for key, act in keys.items():
            made = QShortcut(QKeySequence(key), self, act)
            made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            made = QShortcut(QKeySequence(key), self.table, lambda: self._open(self.table.currentIndex()))
            made.setContext(Qt.ShortcutContext.WidgetShortcut)

    # -- what the store says

    def take(self, change: StoreChange) -> None:
        """Audit again where the run has come to another phase: it takes too long for every row that arrives."""
        run = change.run(self._run_id)
        if run is not None:
            self._name = run.name
        if run is not None and run.imported:
            self.empty.say(
                f"{run.name} is an imported file",
                "Audited are the labels that a run writes; those of a file are the file's own. Read shows them, and "
                "Annotate has people judge them.",
            )
            return
        state = None if run is None else (run.status, run.phase_ordinal)
        if run is not None and state != self._seen and self.isVisible():
            self._seen = state
            self._read()

    def catch_up(self, change: StoreChange) -> None:
        self.take(change)

    def _read(self) -> None:
        if self._run_id is not None:
            label_audit.read(self, self._run_id, self._iteration, self._show, self._failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, SapoError):
            what = error.what.replace(self._run_id or "", self._name) if self._name else error.what
            self.empty.say(what, error.why)
        else:
            self.empty.say("The labels cannot be audited", f"{type(error).__name__}: {error}")
        self._stack.setCurrentIndex(0)

    def _show(self, view: AuditView) -> None:
        before = self.view
        self.view, audit = view, view.audit
        self._iteration = audit.iteration
        self._name = view.run.name
        self.title.set_text(f"Label audit \u00b7 {view.run.name}")
        self.iterations.set_items([(f"it {number}", number) for number in audit.iterations])
        self.iterations.set_value(audit.iteration)
        going = "The run is going on; these are the labels so far. " if view.run.status.alive else ""
        self.counts.setText(
            f"{going}{audit.trajectories:,} incorrect trajectories, {audit.steps:,} labels,"
            f" {audit.shared:,} steps with two sources or more"
        )
        self.why.setText(audit.why)
        self.why.setVisible(bool(audit.why))
        self.sources.show_sources(audit.sources, audit.steps)
        known = any(source.true for source in audit.sources)
        self.note.setText(
            ("" if audit.why else "Bars: estimated from agreement alone, with 95 % intervals. ")
            + ("Rings: true, by the task's oracle, which has no vote. " if known else "")
            + audit.caution
        )
        with kept_place(self.table, self.model.called):
            self.model.show_steps(audit.disagreements)
        self.said.setText(f"{len(audit.disagreements):,} steps, the label that is most likely false first")
        self._others = any(step.people or step.graders for step in audit.disagreements)
        self._hide_columns()
        self.send.setEnabled(audit.trajectories > 0)
        self._show_shadow()
        self.filter.show_view(view)
        self.reliability.show_audit(audit)
        self.reward.show_evaluations(view.evaluations)
        self._stack.setCurrentWidget(self.content)
        again = before is not None and before.audit.iteration == audit.iteration
        if audit.disagreements and not (again and self.table.currentIndex().isValid()):
            self.table.selectRow(0)
        if not again:  # it is read again by itself: whoever is elsewhere on the page stays there
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- what the user does

    def _choose(self, iteration: int) -> None:
        self._iteration = iteration
        self._read()

    def _step_iteration(self, by: int) -> None:
        known = self.iterations.values
        if self._iteration in known:
            at = known.index(self._iteration) + by
            if 0 <= at < len(known):
                self.iterations.set_value(known[at])
                self._choose(known[at])

    def _move(self, by: int) -> None:
        row = self.table.currentIndex().row() + by
        if 0 <= row < self.model.rowCount():
            self.table.selectRow(row)

    def _open(self, index: QModelIndex) -> None:
        step = self.model.step(index.row())
        if step is not None:
            self._show_trace(step.trajectory, step.step)

    def _filtered(self, bounds: Bounds | None) -> None:
        self.model.set_bounds(bounds)

    def _measure(self) -> None:
        if self.view is not None:
            audit, bounds = self.view.audit, self.filter.bounds
            self.shadow.measure(
                (audit.run_id, audit.iteration),
                lambda store: shadow.ask_for(store, audit, bounds),
                lambda store, found: shadow.keep(store, audit.run_id, bounds, found),
            )

    def _show_shadow(self) -> None:
        audit = None if self.view is None else self.view.audit
        mine = audit is not None and self.shadow.measures((audit.run_id, audit.iteration))
        self.filter.effect.show_running(self.shadow.done if mine else None, busy=self.shadow.running and not mine)

    def _measured(self) -> None:
        self._show_shadow()
        self._read()

    def _switch(self, on: bool) -> None:
        if self.view is not None:
            bounds = self.filter.bounds if on else None
            label_audit.filter_next(self, self.view.run.id, bounds, self._read, self._refused)

    def _refused(self, error: Exception) -> None:
        self._on_error(error)
        self._read()  # the switch shows what is so

    def _clone(self) -> None:
        if self.view is not None:
            label_audit.config_with(self, self.view.run.id, self.filter.bounds, self._open_form, self._on_error)

    def _send(self) -> None:
        if self.view is not None and self.send.isEnabled():
            audit = self.view.audit
            label_audit.send(self, self.view.run, audit.iteration, SENT, self._sent, self._on_error)

    def _sent(self, name: str) -> None:
        self.said.setText(f"Queue \u201c{name}\u201d waits in Annotate (Ctrl+J).")
