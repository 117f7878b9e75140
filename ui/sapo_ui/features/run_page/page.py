"""One run: header, banner, the strip with phases and headline numbers, and the panels below, to watch or to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, PhaseInfo, RunSummary
from sapo_ui.features.run_page.failed import FailureView
from sapo_ui.features.run_page.header import RunHeader
from sapo_ui.features.run_page.headlines import headlines
from sapo_ui.features.run_page.panel_area import MODES, PanelArea
from sapo_ui.features.run_page.phase_timeline import Segment, phase_detail
from sapo_ui.features.run_page.status_line import StatusLine
from sapo_ui.features.run_page.strip import Strip
from sapo_ui.panels.page import Page
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services import tasks
from sapo_ui.services.actions import Actions
from sapo_ui.services.metric_feed import MetricFeed
from sapo_ui.services.poller import StoreChange
from sapo_ui.services.settings import Settings
from sapo_ui.widgets.banner import Banner
from sapo_ui.wording import in_window

REFRESH_MS = 400
"""Between two readings of the shown run. With half a second between two looks at the store, what is shown is less than
a second behind the engine."""

LOW = 620
"""Pixels of height below which phases and numbers are one line."""

HELP = """### The run page

**Header**: the run's status, where it is and when it should end. *Pause* and *Stop* act at the next step boundary,
nothing is lost.

**Status line**, where something is unusual: warnings (a click shows them in the log), alarms with what to do, what was
asked and is not done yet (*Withdraw* takes it back), restarts, and when the engine was last heard from.

**Phases**: one segment each, as long as its share of the forecast time. Hover one, or walk with the arrow keys.

**Headline numbers**: the latest value and its change since the iteration before. Hover for the definition and the 95 %
interval.

**Watch** (Ctrl+1): the heatmap large, the curves beside it. The bar at the bottom names the other panels with their
current value; a press opens one over the lower part, **Esc** closes it. **Ctrl+T** folds phases and numbers to a line.

**Read** (Ctrl+2): the list of trajectories, and one of them over the whole height. **Audit** (Ctrl+3): whether the
labels can be trusted. **F1** inside a panel explains that panel.
"""


@dataclass(frozen=True)
class _Facts:
    run_id: str
    phases: list[PhaseInfo]
    metrics: dict[int, dict[str, MetricValue]]


def segments(phases: Sequence[PhaseInfo], *, alive: bool = True) -> tuple[Segment, ...]:
    """The timeline's segments for a run's phases."""
    made: list[Segment] = []
    for phase in phases:
        label = PHASE_LABELS.get(phase.name, phase.name)
        fraction = phase.done / phase.total if phase.total > 0 else 0.0
        status = "halted" if phase.status == "running" and not alive else phase.status
        detail = phase_detail(label, phase.iteration, status, phase.done, phase.total, phase.unit, phase.seconds)
        made.append(Segment(label, phase.iteration, status, phase.weight, min(1.0, fraction), detail))
    return tuple(made)


class RunPage(Page):
    """Shows one run at a time. Reads through tasks, acts through the window's actions."""

    help = HELP

    def __init__(
        self,
        actions: Actions,
        panels: Sequence[PanelSpec],
        settings: Settings | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions = actions
        self._settings = settings
        self._run: RunSummary | None = None
        self._stale = False
        self._folded = False  # the strip, because the user folded it
        self._past_failure = False  # what a failed run measured is looked at, not why it failed
        self._waiting: StoreChange | None = None
        self._feed = MetricFeed()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REFRESH_MS)
        self._rest.timeout.connect(self._rested)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(8)
        self.header = RunHeader(actions)
        self.banner = Banner()
        self.banner.action.clicked.connect(self._banner_pressed)
        self.strip = Strip()
        self.strip.fold_asked.connect(self.fold_strip)
        self.panels = PanelArea(panels)
        self.panels.mode_changed.connect(self._mode_changed)
        self.panels.wanted.connect(self._look_past)
        self.status = StatusLine()
        self.status.log_requested.connect(lambda: self.panels.go_to("log", {"level": "warning"}))
        self.failure = FailureView()
        self.failure.judged.connect(self._judged)
        self.failure.past_requested.connect(self._look_past)
        self.failure.log_requested.connect(self._show_log)
        for mode in ("run.watch", "run.read"):  # who chooses a mode wants to see what was measured
            actions[mode].triggered.connect(self._look_past)
        column.addWidget(self.header)
        column.addWidget(self.status)
        column.addWidget(self.banner)
        column.addWidget(self.failure, 1)
        column.addWidget(self.strip)
        column.addWidget(self.panels, 1)
        self._show_facts(_Facts("", [], {}))

    @property
    def run_id(self) -> str | None:
        """The run that is shown."""
        return None if self._run is None else self._run.id

    def show_run(self, run: RunSummary | None) -> None:
        """Show this run from now on."""
        before = self.run_id
        if before is not None and (run is None or run.id != before):
            self.remember()
        self._run = run
        if run is None:
            if before is not None:
                self.panels.show_run(None)
                self.status.show_run(None)
            return
        self._past_failure = self._past_failure and run.id == before
        if run.id != before:
            self._waiting = None
            place = self._settings.texts(_key(run.id)) if self._settings is not None else {}
            if before is not None:
                self.panels.show_run(None)  # choices that change now are not to be read for the run that is left
            if run.imported:
                place = {**place, "mode": "read", "drawer": ""}
            self.panels.restore_place(place, "watch")
        self._show_summary(run)
        if run.id != before:
            self._show_facts(_Facts(run.id, [], {}))
            self.panels.show_run(run.id, imported=run.imported)
            self._read()

    def remember(self) -> None:
        """Keep where the user is in the shown run, for the next time it is shown."""
        if self._settings is not None and self._run is not None:
            self._settings.set_texts(_key(self._run.id), self.panels.place())

    def leave(self) -> None:
        self.remember()

    def fold_strip(self) -> None:
        """Fold phases and numbers to one line, or show them whole."""
        self._folded = not self.strip.folded
        self.strip.set_folded(self._folded)

    def choices(self) -> dict[str, str]:
        """How the page is divided, for the next start."""
        return {**self.panels.watch.choices(), "folded": "yes" if self._folded else ""}

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        """What `choices` gave."""
        self.panels.watch.restore_choices(choices)
        self._folded = choices.get("folded") == "yes"
        self._arrange()

    def _mode_changed(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """The strip belongs to Watch, and is one line where the page is low."""
        imported = self._run is not None and self._run.imported
        self.strip.setVisible(self.panels.mode == "watch" and not imported)
        self.strip.set_folded(self._folded or self.height() < LOW)
        self.header.modes.set_value(MODES.index(self.panels.mode))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def take(self, change: StoreChange) -> None:
        """The store changed. While the page is hidden it only remembers that."""
        if self._settings is not None:
            for gone in change.removed:
                self._settings.remove(_key(gone))
        run = change.run(self.run_id)
        if run is None or run.id not in change.changed:
            return
        self._run = run
        if not self.isVisible():
            self._stale = True
            return
        self._show_summary(run)
        if self._rest.isActive():
            self._waiting = change
        else:
            self._refresh(change)

    def catch_up(self, change: StoreChange) -> None:
        """The page is visible again: take what it missed."""
        if self._stale and self._run is not None:
            self._stale = False
            self.take(StoreChange(change.runs, frozenset({self._run.id})))

    def _refresh(self, change: StoreChange) -> None:
        self._waiting = None
        self._rest.start()
        self._read()
        self.panels.refresh(change)

    def _rested(self) -> None:
        if self._waiting is not None:
            self._refresh(self._waiting)

    def _show_summary(self, run: RunSummary) -> None:
        self._actions.show_run(run)
        self.header.show_run(run)
        self.status.show_run(run)
        why = self.failure.show_run(run) and not self._past_failure
        self.failure.setVisible(why)
        self.panels.setVisible(not why)
        self._arrange()
        judged = self.failure.failure
        if why and judged is not None and not judged.blame.resume:
            self.header.buttons["run.resume"].hide()  # the same would come of it again
        resume = "Resume" if run.status.resumable else ""
        if why:
            self.banner.hide()
        elif run.status is RunStatus.FAILED:
            told = run.error.what if run.error is not None else "The run failed"
            self.banner.show_error(told.splitlines()[0], action="Why it failed")
        elif run.error is not None and run.status in (RunStatus.INTERRUPTED, RunStatus.STOPPED):
            self.banner.show_error(run.error.what, in_window(run.error.why), in_window(run.error.fix), action=resume)
        elif run.error is not None and run.status is RunStatus.PAUSED:
            self.banner.show_error(run.error.what, in_window(run.error.why), in_window(run.error.fix), bad=False)
        elif run.status is RunStatus.INTERRUPTED:
            self.banner.show_error(
                "The engine stopped unexpectedly",
                "It left no exit message: a crash, a kill, or the machine was switched off.",
                "Everything recorded is safe. Resume continues from the last checkpoint.",
                action=resume,
                bad=False,
            )
        else:
            self.banner.hide()

    def _banner_pressed(self) -> None:
        if self._run is not None and self._run.status is RunStatus.FAILED:
            self._past_failure = False
            self._show_summary(self._run)
        else:
            self._actions["run.resume"].trigger()

    def _judged(self) -> None:
        if self._run is not None:
            self._show_summary(self._run)

    def _look_past(self) -> None:
        if self._run is not None and self._run.status is RunStatus.FAILED:
            self._past_failure = True
            self._show_summary(self._run)

    def _show_log(self) -> None:
        self._look_past()
        self.panels.go_to("log")

    def _read(self) -> None:
        run = self._run
        if run is None:
            return
        run_id = run.id

        feed = self._feed

        def work(store: Store) -> _Facts:
            metrics = feed.read(store, run).get("", {})
            return _Facts(run_id, queries.phases(store, run_id), metrics)

        tasks.follow(self, work, self._show_facts, key="facts")

    def _show_facts(self, facts: _Facts) -> None:
        if facts.run_id and facts.run_id != self.run_id:
            return
        alive = self._run is not None and self._run.status.alive
        self.strip.timeline.set_segments(segments(facts.phases, alive=alive))
        self.strip.show_headlines(headlines(facts.metrics))


def _key(run_id: str) -> str:
    """Where the settings keep a run's place."""
    return f"run.{run_id}"
