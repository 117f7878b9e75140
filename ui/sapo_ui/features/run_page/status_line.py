"""The status with a memory: a line under the run's name that is there only while something is unusual. Warnings,
alarms, what was asked and is not done yet, restarts, and when the engine was last heard from."""

from __future__ import annotations

import time
from dataclasses import replace

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QIcon, QPalette, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.store.pending_commands import ASKED
from sapo_studio.store.records import RunSummary
from sapo_studio.store.run_condition import RunCondition
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.features.run_page.alarm_list import AlarmList
from sapo_ui.services import run_condition
from sapo_ui.theme import glyphs
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label

SILENT_SECONDS = 30.0
"""A running engine that has not been heard from for so long is a warning: it says so every second."""
LOADING = "Loading torch and the model"
TICK_MS = 1000
LEAST = 320
"""Pixels: two badges, and what was asked with its button, elided no further."""


class StatusLine(QWidget):
    """Shows the run that it is given, and reads the rest itself. Hidden while there is nothing to say."""

    log_requested = Signal()
    """The user wants to see the warnings in the log."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: RunSummary | None = None
        self._found: RunCondition | None = None
        self.warnings = _badge("Show the warnings in the log")
        self.warnings.clicked.connect(self.log_requested)
        self.latest = ElidedLabel(theme.font("small"), role=QPalette.ColorRole.PlaceholderText)
        self.alarms = _badge("Show what raised the alarm, and what to do")
        self.alarms.setCheckable(True)
        self.asked = label("", "small")
        self.withdraw = QPushButton("Withdraw")
        self.withdraw.setProperty("look", "link")
        self.withdraw.setFont(theme.font("small"))
        self.withdraw.setToolTip("Take back what was asked; the run goes on as if it had not been")
        self.withdraw.clicked.connect(self._withdraw)
        self.restarts = label("", "small", "muted")
        self.loading = label(LOADING, "small", "muted")
        self.heard = label("", "small", "muted")
        self.list = AlarmList(self.withdraw)
        self.list.seen.connect(self._seen)
        self.alarms.toggled.connect(self._open)
        row = self._row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_3)
        for widget in (self.alarms, self.warnings):
            row.addWidget(widget)
        row.addWidget(self.latest, 1)
        for widget in (self.asked, self.withdraw, self.restarts, self.loading):
            row.addWidget(widget)
        row.addStretch(0)
        row.addWidget(self.heard)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_1)
        column.addLayout(row)
        column.addWidget(self.list)
        self.setAccessibleName("What is unusual about the run")
        self._clock = QTimer(self)
        self._clock.setInterval(TICK_MS)
        self._clock.timeout.connect(self._show_age)
        theme.on_change(self, self._restyle)
        self._show()

    def show_run(self, run: RunSummary | None) -> None:
        """Show this run as it is now."""
        if run is None or self._run is None or run.id != self._run.id:
            self._found = None
            self.alarms.setChecked(False)
        self._run = run
        self._show()
        if run is not None and run.status.alive:
            self._clock.start()
        else:
            self._clock.stop()
        if run is not None and not run.imported:
            run_condition.read(self, run.id, self._take)

    def _take(self, run_id: str, found: RunCondition) -> None:
        if self._run is not None and self._run.id == run_id:
            self._found = found
            self._show()

    # -- What is shown

    def _show(self) -> None:
        run, found = self._run, self._found
        alarms = () if run is None else run.alarms
        warnings = 0 if found is None else found.warnings
        _say(self.alarms, _counted(len(alarms), "alarm") if alarms else "")
        self.list.show_alarms(alarms)
        self._open(self.alarms.isChecked())
        _say(self.warnings, _counted(warnings, "warning") if warnings else "")
        self.latest.set_text(f"latest: {found.latest}" if found is not None and warnings else "")
        self._show_asked()
        restarts = 0 if run is None else run.restarts
        when = f", {fmt.relative(found.restarted_at)}" if found is not None and found.restarted_at is not None else ""
        _say(self.restarts, f"{_counted(restarts, 'restart')}{when}" if restarts else "")
        _say(self.loading, LOADING if found is not None and found.loading else "")
        self._show_age()

    def _show_asked(self) -> None:
        asked = () if self._found is None else self._found.asked
        last = asked[-1] if asked else None
        _say(self.asked, f"{ASKED[last.verb]} \u00b7 asked {fmt.relative(last.at)}" if last is not None else "")
        self.withdraw.setVisible(last is not None and last.verb in (Verb.PAUSE, Verb.STOP_AFTER_PHASE))

    def _show_age(self) -> None:
        """When the engine was last heard from; alone it is worth a line only once that is long ago."""
        run = self._run
        age = None
        if run is not None and run.status.alive and run.heartbeat_at is not None:
            age = max(0.0, time.time() - run.heartbeat_at)
        silent = age is not None and age > SILENT_SECONDS and run is not None and run.status is RunStatus.RUNNING
        look = "warning" if silent else "muted"
        if self.heard.property("look") != look:
            self.heard.setProperty("look", look)
            self.heard.style().polish(self.heard)
        words = "no sign of life for" if silent else "heard from"
        ago = "" if silent else " ago"
        _say(self.heard, "" if age is None else f"{words} {fmt.duration(round(age))}{ago}")
        if silent:
            self.loading.hide()  # whatever it does, it does not say so
        said = (self.alarms, self.warnings, self.asked, self.restarts, self.loading)
        self.setVisible(silent or any(widget.text() for widget in said))
        self._fit()

    def _fit(self) -> None:
        """Where the page is narrow, what matters least goes first. Its place is kept by what the badges count and the
        header's hover says."""
        giving_way = [self.latest, self.restarts]
        if self.heard.property("look") != "warning":
            giving_way.append(self.heard)
        for widget in giving_way:
            widget.setVisible(bool(widget.text()))
        for widget in giving_way:
            if self._row.minimumSize().width() <= self.width():
                return
            widget.hide()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _open(self, wanted: bool) -> None:
        self.list.setVisible(wanted and bool(self._run is not None and self._run.alarms))

    def _restyle(self) -> None:
        sign = QIcon(glyphs.pixmap("warning", theme.current().warning, 14))
        for badge in (self.alarms, self.warnings):
            badge.setIcon(sign)

    # -- What the user does

    def _withdraw(self) -> None:
        if self._run is not None and self._found is not None and self._found.asked:
            self._found = replace(self._found, asked=())  # a second press would find nothing to take back
            self._show()
            run_condition.withdraw(self, self._run.id, self._again)

    def _again(self) -> None:
        if self._run is not None:
            run_condition.read(self, self._run.id, self._take)

    def _seen(self, alarms: list[int]) -> None:
        run_condition.see(self, alarms, lambda: None)  # the poller tells of the run without them


def _badge(tip: str) -> QPushButton:
    made = QPushButton()
    made.setProperty("look", "badge")
    made.setFont(theme.font("small"))
    made.setToolTip(tip)
    return made


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _say(widget: QLabel | QPushButton, text: str) -> None:
    if widget.text() != text:
        widget.setText(text)
    widget.setVisible(bool(text))
