"""A splitter that keeps shares, not pixels: what it is squeezed to for a while is not what it stays at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QWidget

WHOLE = 1000


class ShareSplitter(QSplitter):
    """Divides its length by `shares`, whatever that length is. Only a border that the user drags changes them."""

    def __init__(self, way: Qt.Orientation, shares: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(way, parent)
        self._first = self._shares = tuple(shares)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(8)
        self.setProperty("look", "gap")
        self.splitterMoved.connect(self._dragged)

    @property
    def shares(self) -> tuple[int, ...]:
        """Of each part, in any unit."""
        return self._shares

    def reset(self) -> None:
        """The shares of the beginning."""
        self._shares = self._first
        self._divide()

    def text(self) -> str:
        """The shares, to be saved."""
        return " ".join(map(str, self._shares))

    def restore(self, text: str) -> None:
        """What `text` gave; anything else changes nothing."""
        parts = text.split()
        if len(parts) == len(self._first) and all(part.isdecimal() and int(part) > 0 for part in parts):
            self._shares = tuple(map(int, parts))
            self._divide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._divide()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._divide()

    def _divide(self) -> None:
        if self.count() == len(self._shares):
            length = self.width() if self.orientation() == Qt.Orientation.Horizontal else self.height()
            self.setSizes([length * share // sum(self._shares) for share in self._shares])

    def _dragged(self) -> None:
        sizes = self.sizes()
        if sum(sizes):
            self._shares = tuple(max(1, WHOLE * size // sum(sizes)) for size in sizes)
