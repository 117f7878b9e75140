"""The icon in the desktop's tray, where there is one: what goes on, the window back, and the notifications of the
program."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from sapo_ui.services.poller import StoreChange
from sapo_ui.theme import icons


def state_text(change: StoreChange) -> str:
    """How many runs work, are paused and wait, in a few words."""
    statuses = [run.status.value for run in change.runs]
    waiting = sum(run.waits_for is not None for run in change.runs)
    parts = [
        f"{count} {word}"
        for count, word in (
            (statuses.count("running"), "running"),
            (statuses.count("paused"), "paused"),
            (waiting, "waiting"),
        )
        if count
    ]
    return ", ".join(parts) or "no run is active"


class Tray(QObject):
    """The icon and its menu; nothing where the desktop has no tray. It comes with the first change of the store."""

    open_wanted = Signal()
    quit_wanted = Signal()
    message_clicked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.icon: QSystemTrayIcon | None = None
        self.menu: QMenu | None = None
        self.state = QAction("SAPO Studio", self)
        self.state.setEnabled(False)
        self.open = QAction("Open SAPO Studio", self)
        self.open.triggered.connect(self._open)
        self.quit = QAction("Quit (runs keep going)", self)
        self.quit.triggered.connect(self._quit)

    def _open(self) -> None:
        self.open_wanted.emit()

    def _quit(self) -> None:
        self.quit_wanted.emit()

    def see(self, change: StoreChange) -> None:
        """Show what goes on."""
        icon = self._shown()
        said = state_text(change)
        self.state.setText(said[0].upper() + said[1:])
        if icon is not None:
            icon.setToolTip(f"SAPO Studio: {said}")

    def show_message(self, title: str, text: str, *, bad: bool) -> None:
        """Send a notification."""
        icon = self._shown()
        if icon is not None and QSystemTrayIcon.supportsMessages():
            look = QSystemTrayIcon.MessageIcon
            icon.showMessage(title, text, look.Warning if bad else look.Information)

    def close(self) -> None:
        """Take the icon away."""
        if self.icon is not None:
            self.icon.hide()
            self.icon.deleteLater()
            self.icon = None
        if self.menu is not None:
            self.menu.deleteLater()
            self.menu = None

    def _shown(self) -> QSystemTrayIcon | None:
        if self.icon is None and QSystemTrayIcon.isSystemTrayAvailable():
            self.menu = QMenu()
            self.menu.addAction(self.state)
            self.menu.addSeparator()
            self.menu.addActions([self.open, self.quit])
            self.icon = QSystemTrayIcon(icons.app_icon(), self)
            self.icon.setContextMenu(self.menu)
            self.icon.activated.connect(self._activated)
            self.icon.messageClicked.connect(self.message_clicked)
            self.icon.show()
        return self.icon

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.open_wanted.emit()
