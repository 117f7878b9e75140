"""Desktop notifications: of runs that end, and of alarms, each once."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from sapo_studio.domain.alarms import TITLES
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.records import RunSummary
from sapo_ui import format as fmt
from sapo_ui.services.poller import StoreChange
from sapo_ui.shell.tray import Tray

ENDED = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.INTERRUPTED})


@dataclass(frozen=True)
class Notification:
    """One notification."""

    run_id: str
    title: str
    text: str
    bad: bool


def notifications(before: dict[str, RunStatus], change: StoreChange) -> list[Notification]:
    """What to tell after `change`: runs that were alive when last seen and have ended on their own since."""
    found: list[Notification] = []
    for run in change.runs:
        was = before.get(run.id)
        if was is not None and was.alive and run.status in ENDED:
            found.append(
                Notification(run.id, f"{run.name}: {run.status.value}", _text(run), run.status is not RunStatus.DONE)
            )
    return found


def alarm_notifications(known: set[int], change: StoreChange) -> list[Notification]:
    """What to tell of alarms that are not `known` (by id)."""
    return [
        Notification(run.id, f"{run.name}: {TITLES.get(alarm.kind, alarm.kind)}", alarm.message, True)
        for run in change.runs
        for alarm in run.alarms
        if alarm.id not in known
    ]


def _text(run: RunSummary) -> str:
    if run.status is RunStatus.DONE:
        accuracy = run.headline.get("sampled_accuracy")
        took = f"Took {fmt.duration(run.active_seconds)}."
        return took if accuracy is None else f"Sampled accuracy {fmt.percent(accuracy)}. {took}"
    if run.error is not None:
        return run.error.what
    return "The engine stopped unexpectedly. Resume continues from the last checkpoint."


class Notifier(QObject):
    """Sends a notification when a run ends or raises an alarm, where the desktop has a tray to send it from. What was
    so when it first looked is not told."""

    notified = Signal(object)
    """(Notification) Also sent where there is no tray."""

    clicked = Signal(object)
    """(run id: str) The user clicked on the last notification."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[str, RunStatus] = {}
        self._alarms: set[int] | None = None
        self._last = ""
        self.tray = Tray(self)
        self.tray.message_clicked.connect(lambda: self.clicked.emit(self._last))

    def see(self, change: StoreChange) -> None:
        """Take note of a change of the store."""
        self.tray.see(change)
        raised = {alarm.id for run in change.runs for alarm in run.alarms}
        new = [] if self._alarms is None else alarm_notifications(self._alarms, change)
        self._alarms = raised | (self._alarms or set())
        for notification in [*new, *notifications(self._known, change)]:
            self._last = notification.run_id
            self.notified.emit(notification)
            self.tray.show_message(notification.title, notification.text, bad=notification.bad)
        self._known = {run.id: run.status for run in change.runs}

    def close(self) -> None:
        """Take the tray icon away."""
        self.tray.close()
