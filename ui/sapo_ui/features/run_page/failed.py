"""A failed run: the error large, the setting to blame and what to set instead, what was kept, the log around it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.config.blame import Proposal, resumes, setting, with_change
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.run_page.failed_change import ChangeRow
from sapo_ui.features.run_page.failed_facts import Failure, effects, read_failure, report
from sapo_ui.features.run_page.failed_log import FailedLog
from sapo_ui.services import tasks
from sapo_ui.theme import glyphs
from sapo_ui.widgets.flow_layout import FlowRow
from sapo_ui.widgets.labels import Chip, label
from sapo_ui.widgets.plain_text import PlainLabel, breakable
from sapo_ui.wording import in_window

if TYPE_CHECKING:
    from sapo_studio.app.set_up.effect import Effect

MOST_KEPT = 6
INDENT = 64


class FailureView(QScrollArea):
    """Shown for a run that failed, hidden for any other. It asks; the window acts."""

    resume_requested = Signal(object)
    """(list[str]) The run is to go on with these settings (`section.key=value`); none: unchanged."""
    restart_requested = Signal(object)
    """(RunConfig) A run with this configuration is to begin from the beginning."""
    edit_requested = Signal(object)
    """(RunConfig) All settings are to be seen on the New run form."""
    log_requested = Signal()
    """The whole log is to be seen."""
    judged = Signal()
    """It is known what the run failed by (`failure`)."""
    past_requested = Signal()
    """What the run has measured is to be seen instead."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.failure: Failure | None = None
        self._run: RunSummary | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inside = QWidget(self.viewport())
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.card = QFrame(inside)
        self.card.setProperty("look", "failure")
        self._fill_card(QVBoxLayout(self.card))
        column.addWidget(self.card)
        self.log = FailedLog(inside)
        self.log.whole.clicked.connect(self.log_requested)
        column.addWidget(self.log, 1)
        self.setWidget(inside)
        self.setAccessibleName("Why the run failed")
        copying = QShortcut(QKeySequence("Ctrl+Shift+C"), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        copying.activated.connect(self.copy_report)
        self.hide()
        theme.on_change(self, self._restyle)

    # -- making

    def _fill_card(self, column: QVBoxLayout) -> None:
        column.setContentsMargins(0, 0, 0, 16)
        column.setSpacing(8)
        top = QFrame(self.card)
        top.setProperty("look", "failure-head")
        head = QHBoxLayout(top)
        head.setContentsMargins(16, 12, 16, 12)
        head.setSpacing(20)
        self._icon = PlainLabel("", top)
        self._icon.setFixedWidth(28)
        head.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(4)
        self.what = label("", "heading", wrap=True)
        self.why = label("", "body", wrap=True)
        self.fix = label("", "body", "muted", wrap=True)
        for line in (self.what, self.why, self.fix):
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            words.addWidget(line)
        head.addLayout(words, 1)
        column.addWidget(top)
        body = QVBoxLayout()
        body.setContentsMargins(INDENT, 4, 16, 0)
        body.setSpacing(8)
        self.change_head = label("", "small", "muted")
        self.change_title = label("Change this", "strong")
        body.addLayout(_row(self.change_title, self.change_head))
        self.change = ChangeRow(self.card)
        self.change.changed.connect(self._changed)
        self.change.entered.connect(self._primary)
        body.addWidget(self.change)
        self.others = FlowRow(self.card)
        self._or = label("or", "body", "muted")
        self._or.setFixedWidth(72)
        body.addLayout(_row(self._or, self.others, stretch=False))
        self.kept = FlowRow(self.card)
        body.addLayout(_row(_narrow("Kept"), self.kept, stretch=False))
        self.lost = label("", "body", "muted", wrap=True)
        body.addLayout(_row(_narrow("Lost"), self.lost, stretch=False))
        self.primary = QPushButton("Start from the beginning", self.card)
        self.primary.setProperty("look", "primary")
        self.primary.setMinimumHeight(32)
        self.primary.clicked.connect(self._primary)
        self.resume = QPushButton("Resume unchanged", self.card)
        self.resume.setToolTip("Go on from the last checkpoint with the same settings")
        self.resume.clicked.connect(lambda: self.resume_requested.emit([]))
        self.all = QPushButton("Open all settings", self.card)
        self.all.setToolTip("The New run form with this run's settings and the change above")
        self.all.clicked.connect(self._open_all)
        self.past = QPushButton("See what was measured", self.card)
        self.past.clicked.connect(self.past_requested)
        self.copy = QPushButton("Copy report", self.card)
        self.copy.setToolTip("The error, where it happened and the log around it, as text (Ctrl+Shift+C)")
        self.copy.clicked.connect(self.copy_report)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        body.addLayout(self.buttons)
        column.addLayout(body)

    # -- showing

    def show_run(self, run: RunSummary) -> bool:
        """Show why `run` failed, and return whether it did."""
        failed = run.status is RunStatus.FAILED
        before, self._run = self._run, run if failed else None
        if not failed:
            self.failure = None
            self.hide()
            return False
        if before is None or (before.id, before.error, before.finished_at) != (run.id, run.error, run.finished_at):
            self.failure = None
            self._say_headline(run)
            self._show_change(None)
            tasks.follow(self, lambda store: read_failure(store, run), self._show, key="failure")
        self.show()
        return True

    def _say_headline(self, run: RunSummary) -> None:
        error = run.error
        lines = error.what.splitlines() if error is not None else []
        self.what.setText(breakable(lines[0]) if lines else "The run failed")
        rest = "\n".join(lines[1:])
        why = "\n".join(part for part in (rest, error.why if error is not None else "") if part)
        self.why.setText(breakable(in_window(why)))
        self.why.setVisible(bool(self.why.text()))
        self.fix.setText(breakable(in_window(error.fix) if error is not None else "The log may say more."))
        self.fix.setVisible(bool(self.fix.text()))

    def _show(self, failure: Failure) -> None:
        if self._run is None or failure.run.id != self._run.id:
            return
        self.failure = failure
        self.change.show_effects({})  # those of the one before
        self._show_change(failure)
        self.log.show_lines(failure.lines, failure.lines_in_all)
        self.judged.emit()
        if failure.blame.rule == "memory" and failure.blame.proposals:
            tasks.run(self, lambda store: effects(failure), partial(self._show_effects, failure), key="effects")

    def _show_effects(self, failure: Failure, found: Mapping[str, Effect]) -> None:
        if failure is self.failure:
            self.change.show_effects(found)

    def _show_change(self, failure: Failure | None) -> None:
        proposals = failure.blame.proposals if failure is not None else ()
        has = bool(proposals)
        self.change_title.setVisible(has)
        self.change_head.setVisible(has)
        self.change_head.setText("everything else stays as it was")
        self.change.setVisible(has)
        self.others.clear()
        self._or.setVisible(len(proposals) > 1)
        self.others.setVisible(len(proposals) > 1)
        if failure is not None and has and failure.config is not None:
            self.change.show_proposal(proposals[0], failure.config)
            for one in proposals[1:]:
                chip = QPushButton(self.change.words(one), self.others)
                chip.setProperty("look", "chip")
                chip.setToolTip(one.effect)
                chip.clicked.connect(lambda _=False, one=one: self._take(one))
                self.others.add(chip)
        self.kept.clear()
        kept = failure.kept if failure is not None else ()
        for text in kept[-MOST_KEPT:]:
            self.kept.add(Chip(text, "good", icon="check"))
        if len(kept) > MOST_KEPT:
            self.kept.add(Chip(f"and {len(kept) - MOST_KEPT} more before"))
        if failure is not None and not kept:
            self.kept.add(Chip("nothing yet"))
        self._changed()

    def _take(self, one: Proposal) -> None:
        if self.failure is not None and self.failure.config is not None:
            self.change.show_proposal(one, self.failure.config)
            self.change.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def _changed(self) -> None:
        """The proposed value is another: what the buttons do may be, too."""
        failure = self.failure
        known = failure is not None and bool(failure.blame.proposals)
        on = self._goes_on()
        self.primary.setVisible(known)
        self.primary.setEnabled(known and self.change.value is not None)
        self.primary.setText("Edit and start again" if on else "Start from the beginning")
        self.primary.setToolTip(
            "The run goes on from its last checkpoint with the new value (Enter)"
            if on
            else "What is done was done with the old value, so a new run begins; this one stays readable (Enter)"
        )
        self.resume.setVisible(failure is not None and failure.blame.resume)
        self.all.setVisible(failure is not None and failure.config is not None)
        self._say_lost(on)
        first = self.primary if known else self.copy
        order = [first, self.resume, self.all, self.past]
        _look(self.copy, "" if known else "primary")
        while (item := self.buttons.takeAt(0)) is not None:
            del item
        for button in order:
            self.buttons.addWidget(button)
        self.buttons.addStretch(1)
        if known:
            self.buttons.addWidget(self.copy)
        chain: list[QWidget] = [self.change.editor, *order, *([self.copy] if known else [])]
        for one, other in itertools.pairwise(chain):
            QWidget.setTabOrder(one, other)

    def _say_lost(self, goes_on: bool) -> None:
        failure = self.failure
        if failure is None:
            self.lost.setText("")
        elif not failure.under_way:
            self.lost.setText("nothing: no phase had begun")
        elif failure.blame.proposals and not goes_on:
            spent = f"{fmt.duration(failure.run.active_seconds)}: " if failure.run.active_seconds else ""
            self.lost.setText(f"{spent}a new run does every phase anew; what is kept stays in this one")
        elif goes_on or failure.blame.resume:
            self.lost.setText(f"{failure.under_way}: it goes on from its last checkpoint")
        else:
            self.lost.setText(f"{failure.under_way}; what is kept stays in this run")

    @property
    def first(self) -> QWidget | None:
        """What Enter on the run's name goes to: the button that would start it again. None while this is not shown."""
        return None if self.isHidden() else self.primary if self.primary.isVisible() else self.copy

    # -- acting

    def _goes_on(self) -> bool:
        failure, value = self.failure, self.change.value
        if failure is None or failure.config is None or value is None or not failure.blame.proposals:
            return False
        return resumes(failure.config, self.change.path, value, failure.done)

    def changed_config(self) -> RunConfig | None:
        """The run's configuration with the value that is proposed, or as it was where none is."""
        failure, value = self.failure, self.change.value
        if failure is None or failure.config is None:
            return None
        if not failure.blame.proposals or value is None:
            return failure.config
        return with_change(failure.config, self.change.path, value)

    def _primary(self) -> None:
        config = self.changed_config()
        if config is None or not self.primary.isEnabled():
            return
        if self._goes_on():
            self.resume_requested.emit([setting(self.change.path, self.change.value)])
        else:
            self.restart_requested.emit(config)

    def _open_all(self) -> None:
        config = self.changed_config()
        if config is not None:
            self.edit_requested.emit(config)

    def copy_report(self) -> None:
        """Put everything that is known onto the clipboard."""
        if self.failure is not None:
            QGuiApplication.clipboard().setText(report(self.failure))

    def keyPressEvent(self, arg__1: QKeyEvent) -> None:
        if arg__1.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.primary.isVisible():
            self._primary()
        elif arg__1.key() == Qt.Key.Key_L and not arg__1.modifiers():
            self.log_requested.emit()
        else:
            super().keyPressEvent(arg__1)

    def _restyle(self) -> None:
        self._icon.setPixmap(glyphs.pixmap("warning", theme.current().bad, 28))


def _narrow(text: str) -> QWidget:
    made = label(text, "strong")
    made.setFixedWidth(72)
    return made


def _row(first: QWidget, second: QWidget, *, stretch: bool = True) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(first, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(second, 1 if not stretch else 0)
    if stretch:
        row.addStretch(1)
    return row


def _look(button: QPushButton, look: str) -> None:
    if (button.property("look") or "") != look:
        button.setProperty("look", look)
        button.style().unpolish(button)
        button.style().polish(button)
