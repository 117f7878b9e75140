"""Closing the window while something that was pressed is still to be written: it waits for it, within bounds."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from sapo_ui.services.unfinished import unfinished
from sapo_ui.widgets.banner import Banner

PATIENCE_MS = 200
"""A wait that is longer says so."""

BOUND_MS = 15_000
"""The longest wait: a little more than what a write waits for another program that writes."""

WAITING = "The window closes as soon as what you pressed is kept"
REFUSED = "What you pressed last is not kept"
AGAIN = "Close the window again to leave without it, or press it again once the store can be written."


class Closing(QObject):
    """Asked by the window each time it is to close. `leave` lets pages keep what is typed."""

    def __init__(self, window: QWidget, banner: Banner, leave: Callable[[], None]) -> None:
        super().__init__(window)
        self._window, self._banner, self._leave = window, banner, leave
        self._refused = -1  # how often anybody had begun something when it was refused
        self._patience, self._bound = QTimer(self), QTimer(self)
        for timer, milliseconds, then in (
            (self._patience, PATIENCE_MS, self._say_waiting),
            (self._bound, BOUND_MS, self._refuse),
        ):
            timer.setSingleShot(True)
            timer.setInterval(milliseconds)
            timer.timeout.connect(then)
        unfinished().ended.connect(self._ended)

    @property
    def waiting(self) -> bool:
        """Whether the window is to close and does not yet."""
        return self._bound.isActive()

    def may_close(self) -> bool:
        """Whether nothing is left to be kept; else the window is closed later, or says that it cannot keep it. Who asks
        again then is let go."""
        if self.waiting:
            return False
        if self._refused == unfinished().begun:
            return True
        unfinished().ask()
        self._leave()
        if not unfinished().any:
            return True
        self._patience.start()
        self._bound.start()
        return False

    def _ended(self) -> None:
        if not self.waiting:
            return
        self._leave()  # what was typed into a comment that has opened meanwhile
        if unfinished().any:
            return
        if unfinished().lost:
            self._refuse()
            return
        self._stop()
        self._window.close()

    def _say_waiting(self) -> None:
        self._banner.show_error(WAITING, "Another program is writing to the store.", bad=False)

    def _refuse(self) -> None:
        self._stop()
        self._refused = unfinished().begun
        self._banner.show_error(REFUSED, "The store could not be written.", AGAIN, action="Dismiss")

    def _stop(self) -> None:
        self._patience.stop()
        self._bound.stop()
