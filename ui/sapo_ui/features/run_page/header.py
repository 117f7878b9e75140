"""The top of the run page: name, status, where the run is, and what can be done to it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QToolButton, QWidget

from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.actions import Actions
from sapo_ui.theme import icons
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.plain_text import plain_tip
from sapo_ui.widgets.segmented import Segmented
from sapo_ui.widgets.status_chip import StatusChip


def where(run: RunSummary) -> str:
    """Where a run is, in a line: iteration, phase, progress, ETA; or how it ended."""
    parts: list[str] = []
    if run.imported:
        return fmt.relative(run.created_at)
    if run.status.alive or run.status is RunStatus.QUEUED:
        if run.phase:
            parts.append(f"iteration {run.iteration} of {run.iterations}" if run.iteration else "start")
            parts.append(PHASE_LABELS.get(run.phase, run.phase).lower())
        parts.append(fmt.percent(run.progress))
        if run.status is RunStatus.RUNNING and run.eta_seconds is not None:
            parts.append(f"ETA {fmt.duration(run.eta_seconds)}")
    else:
        if run.status is not RunStatus.DONE:
            parts.append(f"at {fmt.percent(run.progress)}")
        if run.active_seconds:
            parts.append(f"took {fmt.duration(run.active_seconds)}")
        if run.finished_at is not None:
            parts.append(fmt.relative(run.finished_at))
    if run.device:
        parts.append(run.device)
    return " \u00b7 ".join(parts)


class ActionButton(QPushButton):
    """A button for an action: takes its text, icon, help and shortcut, and is hidden while it is disabled."""

    left = Signal()
    """It was hidden while it had the focus."""
    came = Signal()
    """It is shown again."""

    def __init__(self, action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(action.iconText(), parent)
        self._action = action
        self._small = False
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._follow()

    def set_small(self, small: bool) -> None:
        """Show the icon alone, or the text too."""
        if small != self._small:
            self._small = small
            self._follow()

    def _follow(self) -> None:
        action = self._action
        keys = action.shortcut().toString()
        self.setText("" if self._small else action.iconText())
        self.setAccessibleName(action.iconText())
        self.setIcon(action.icon())
        self.setToolTip(f"{action.toolTip()} ({keys})" if keys else action.toolTip())
        self.setAccessibleDescription(action.toolTip())
        had_focus, was_hidden = self.hasFocus(), self.isHidden()
        self.setVisible(action.isEnabled())
        if had_focus and self.isHidden():
            self.left.emit()
        elif was_hidden and not self.isHidden():
            self.came.emit()


MODES = (("Watch", 0, "run.watch"), ("Read", 1, "run.read"), ("Audit", 2, "run.audit"))
"""The ways to use a run's page: what the header calls them, and the actions behind them."""

MOST_WHERE = 320
"""Pixels that a name leaves to phase and ETA, where they need that much."""

NARROW = 1180
"""Pixels of width below which the ways to stop are icons alone."""

SMALL = ("run.stop_after", "run.stop")

BUTTONS = ("run.score", "run.pause", "run.continue", "run.resume", "run.stop_after", "run.stop")
STEERING = ("run.pause", "run.continue", "run.resume")
"""One place: of these a run has one at a time."""
MORE = (
    "run.clone",
    "run.rename",
    "run.export",
    "run.report",
    "run.tables",
    "run.score",
    "run.evaluate",
    "run.checkpoint",
    "",
    "run.folder",
    "run.copy_id",
    "",
    "run.kill",
    "run.bin",
)


class RunHeader(QWidget):
    """Shows the run it is given; the buttons are the window's own actions."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.name = ElidedLabel(theme.font("heading"))
        self.chip = StatusChip()
        self.where = ElidedLabel(theme.font("body"), role=self.palette().ColorRole.PlaceholderText)
        row.addWidget(self.name)
        row.addSpacing(4)
        row.addWidget(self.chip)
        row.addSpacing(4)
        row.addWidget(self.where, 1)
        self.modes = Segmented("Mode", "Watch the run, read its trajectories, audit its labels (Ctrl+1, 2, 3)")
        self.modes.set_items([(text, value) for text, value, _ in MODES])
        self.modes.set_value(0)
        self._by_value = {value: actions[action] for _, value, action in MODES}
        self.modes.chosen.connect(self._use)
        row.addWidget(self.modes)
        row.addSpacing(4)
        self.buttons: dict[str, ActionButton] = {}
        for name in BUTTONS:
            button = ActionButton(actions[name], self)
            self.buttons[name] = button
            row.addWidget(button)
            button.left.connect(self._keep_focus)
        for name in STEERING:
            self.buttons[name].came.connect(self._hand_focus_on)
        self._focus_waits = False
        self.more = QToolButton()
        self.more.setProperty("look", "button")
        self.more.setFixedSize(38, 28)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setAccessibleName("More actions for this run")
        self.more.setToolTip("More actions for this run")
        menu = QMenu(self.more)
        for name in MORE:
            if name:
                menu.addAction(actions[name])
            else:
                menu.addSeparator()
        self.more.setMenu(menu)
        row.addWidget(self.more)
        theme.on_change(self, self._restyle)

    def show_run(self, run: RunSummary) -> None:
        """Show this run as it is now."""
        self.name.set_text(run.name)
        self.chip.set_status("import" if run.imported else run.status.value)
        self.where.set_text(where(run))
        self.where.setMinimumWidth(min(MOST_WHERE, self.where.sizeHint().width()))
        self._fit()
        self.modes.set_items([(text, value) for text, value, _ in MODES if value or not run.imported])
        tip = [f"id {run.id}", f"created {fmt.moment(run.created_at)}"]
        if run.started_at is not None:
            tip.append(f"started {fmt.moment(run.started_at)}")
        if run.finished_at is not None:
            tip.append(f"ended {fmt.moment(run.finished_at)}")
        if run.restarts:
            tip.append(f"engine restarted {run.restarts} \u00d7")
        self.chip.setToolTip(plain_tip("\n".join([self.chip.toolTip().splitlines()[0], *tip])))

    def _keep_focus(self) -> None:
        """Qt would pass the focus to the button behind: who presses Space twice would pause a run, and stop it."""
        self._focus_waits = True
        self.more.setFocus()
        self._hand_focus_on()

    def _hand_focus_on(self) -> None:
        there = next((button for name in STEERING if not (button := self.buttons[name]).isHidden()), None)
        if there is not None and self._focus_waits and self.more.hasFocus():
            there.setFocus()
            self._focus_waits = False

    def _use(self, value: object) -> None:
        if isinstance(value, int):
            self._by_value[value].trigger()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        small = self.width() < NARROW and not self.buttons["run.stop_after"].isHidden()
        for name in SMALL:
            self.buttons[name].set_small(small)

    def _restyle(self) -> None:
        self.more.setIcon(icons.icon("more"))
