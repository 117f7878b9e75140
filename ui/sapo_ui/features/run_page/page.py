"""One run: header, banner, phase timeline, headline numbers, and the docked panels below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, PhaseInfo, RunSummary
from sapo_ui.features.run_page.dock_area import DockArea
from sapo_ui.features.run_page.header import RunHeader
from sapo_ui.features.run_page.headline_card import HeadlineCard
from sapo_ui.features.run_page.headlines import headlines
from sapo_ui.features.run_page.phase_timeline import PhaseTimeline, Segment, phase_detail
from sapo_ui.panels.page import Page
from sapo_ui.panels.panel import PanelSpec
from sapo_ui.services import tasks
from sapo_ui.services.actions import Actions
from sapo_ui.services.metric_feed import MetricFeed
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.banner import Banner

REFRESH_MS = 400
"""Between two readings of the shown run. With half a second between two looks at the store, what is shown is less than
a second behind the engine."""

HELP = """### The run page

**Header**: the run's status, where it is and when it should end. *Pause* and *Stop* act at the next step boundary,
nothing is lost.

**Phases**: one segment each, as long as its share of the forecast time. Hover one, or walk with the arrow keys.

**Headline numbers**: the latest value, its change since the iteration before, and a line of how it got there. Hover
for the definition and the 95 % interval.

**Panels** can be moved by their title bars, put into tabs, floated and closed; *View* brings them back, *Reset panel
layout* puts everything back in its default place. **F1** inside a panel explains that panel.
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


class _Scroll(QScrollArea):
    """Scrolls its widget up and down where the window is low, and is never narrower than that widget: squeezed, panels
    would show their frames and nothing in them."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def minimumSizeHint(self) -> QSize:
        least, inside = super().minimumSizeHint(), self.widget()
        if inside is None:
            return least
        return QSize(inside.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width(), least.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class RunPage(Page):
    """Shows one run at a time. Reads through tasks, acts through the window's actions."""

    help = HELP

    def __init__(self, actions: Actions, panels: Sequence[PanelSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._run: RunSummary | None = None
        self._stale = False
        self._waiting: StoreChange | None = None
        self._feed = MetricFeed()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REFRESH_MS)
        self._rest.timeout.connect(self._rested)
        self.scroller = _Scroll()
        inside = QWidget()
        self.scroller.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.scroller)
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 10, 12, 8)
        column.setSpacing(8)
        self.header = RunHeader(actions)
        self.banner = Banner()
        self.banner.action.clicked.connect(actions["run.resume"].trigger)
        self.timeline = PhaseTimeline()
        self.cards = [HeadlineCard() for _ in range(6)]
        across = QHBoxLayout()
        across.setSpacing(8)
        for card in self.cards:
            across.addWidget(card)
        self.docks = DockArea(panels)
        column.addWidget(self.header)
        column.addWidget(self.banner)
        column.addWidget(self.timeline)
        column.addLayout(across)
        column.addWidget(self.docks, 1)
        self._show_facts(_Facts("", [], {}))

    @property
    def run_id(self) -> str | None:
        """The run that is shown."""
        return None if self._run is None else self._run.id

    def show_run(self, run: RunSummary | None) -> None:
        """Show this run from now on."""
        before, self._run = self.run_id, run
        if run is None:
            if before is not None:
                self.docks.show_run(None)
            return
        self._show_summary(run)
        if run.id != before:
            self._waiting = None
            self._show_facts(_Facts(run.id, [], {}))
            self.docks.show_run(run.id)
            self._read()

    def take(self, change: StoreChange) -> None:
        """The store changed. While the page is hidden it only remembers that."""
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
        self.docks.refresh(change)

    def _rested(self) -> None:
        if self._waiting is not None:
            self._refresh(self._waiting)

    def _show_summary(self, run: RunSummary) -> None:
        self.header.show_run(run)
        for of_a_run in (self.timeline, *self.cards):
            of_a_run.setVisible(not run.imported)
        self._actions.show_run(run)
        resume = "Resume" if run.status.resumable else ""
        if run.error is not None and run.status in (RunStatus.FAILED, RunStatus.INTERRUPTED, RunStatus.STOPPED):
            self.banner.show_error(run.error.what, run.error.why, run.error.fix, action=resume)
        elif run.error is not None and run.status is RunStatus.PAUSED:
            self.banner.show_error(run.error.what, run.error.why, run.error.fix, bad=False)
        elif run.status is RunStatus.INTERRUPTED:
            self.banner.show_error(
                "The engine stopped unexpectedly",
                "It left no exit message: a crash, a kill, or the machine was switched off.",
                "Everything recorded is safe. Resume continues from the last checkpoint.",
                action=resume,
                bad=False,
            )
        elif run.status is RunStatus.FAILED:
            self.banner.show_error("The run failed", "", "The log panel may say more.", action=resume)
        else:
            self.banner.hide()

    def _read(self) -> None:
        run = self._run
        if run is None:
            return
        run_id = run.id

        feed = self._feed

        def work(store: Store) -> _Facts:
            metrics = feed.read(store, run).get("", {})
            return _Facts(run_id, queries.phases(store, run_id), metrics)

        tasks.run(self, work, self._show_facts, key="facts", keep_running=True)

    def _show_facts(self, facts: _Facts) -> None:
        if facts.run_id and facts.run_id != self.run_id:
            return
        self.timeline.set_segments(segments(facts.phases, alive=self._run is not None and self._run.status.alive))
        for card, headline in zip(self.cards, headlines(facts.metrics), strict=True):
            card.show_headline(headline)
