"""The line at the bottom of the window: what was just done, how many runs are going, where the store is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QSizePolicy, QStatusBar, QWidget

from sapo_ui import format as fmt
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.plain_text import PlainLabel, plain_tip

MESSAGE_MS = 8000


class StatusLine(QStatusBar):
    """Says how many runs go on without the window, and how large the store at `path` is."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.going = PlainLabel()
        self.going.setContentsMargins(8, 0, 8, 0)
        self.place = PlainLabel()
        self.place.setContentsMargins(8, 0, 8, 0)
        self.keys = PlainLabel()
        self.keys.setContentsMargins(8, 0, 8, 0)
        self.addWidget(self.going)
        self.addPermanentWidget(self.keys)
        self.addPermanentWidget(self.place)
        self.setSizeGripEnabled(False)

    def say(self, text: str) -> None:
        """Say something for a few seconds."""
        self.showMessage(text, MESSAGE_MS)

    def show_keys(self, text: str) -> None:
        """Name the keys of what has the focus."""
        self.keys.setText(text)

    def show_change(self, change: StoreChange) -> None:
        """Count the runs that are alive, and look how large the store is."""
        alive = sum(1 for run in change.runs if run.status.alive)
        self.going.setText(
            f"{alive} run{'s' if alive > 1 else ''} active \u00b7 "
            f"{'they keep' if alive > 1 else 'it keeps'} running when the window is closed"
            if alive
            else "No run is active"
        )
        bytes_ = self._path.stat().st_size if self._path.exists() else 0
        self.place.setText(f"{self._path.name} \u00b7 {fmt.size(bytes_)}")
        self.place.setToolTip(plain_tip(f"The store: {self._path}"))
