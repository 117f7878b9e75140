"""What was pressed and is not in the store yet, all over the window: nothing of it is lost when the window closes.

Whoever has something on its way `begin`s, and `end`s when it is kept or refused. The main window closes once nobody has
anything left, or says that it cannot be kept.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QObject, Signal
from shiboken6 import isValid


class Unfinished(QObject):
    """Who has something on its way."""

    ended = Signal()
    """Nobody has anything left."""

    def __init__(self) -> None:
        super().__init__()
        self._by: set[QObject] = set()
        self.lost = 0
        """How many presses the store has refused since `ask`."""
        self.begun = 0
        """How often anybody began."""

    def begin(self, who: QObject) -> None:
        """`who` has something on its way."""
        self._by.add(who)
        self.begun += 1

    def end(self, who: QObject) -> None:
        """`who` has nothing on its way any more."""
        if who in self._by:
            self._by.discard(who)
            if not self.any:
                self.ended.emit()

    def ask(self) -> None:
        """From now on it is counted what the store refuses."""
        self.lost = 0

    @property
    def any(self) -> bool:
        """Whether something is on its way. Whoever is gone has nothing."""
        self._by = {one for one in self._by if isValid(one)}
        return bool(self._by)


@cache
def unfinished() -> Unfinished:
    """The one that the program has."""
    return Unfinished()
