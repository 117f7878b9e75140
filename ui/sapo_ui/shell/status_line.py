"""The line at the bottom of the window: what was just done, how many runs are going, where the store is."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QSizePolicy, QStatusBar, QWidget

from sapo_ui import format as fmt
from sapo_ui import theme
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.plain_text import PlainLabel, plain_tip

MESSAGE_MS = 8000
SAVED_MS = 20_000
"""How long a saved file's folder can be opened from here."""


class StatusLine(QStatusBar):
    """Says how many runs go on without the window, and how large the store at `path` is."""

    folder_wanted = Signal(object)
    """(Path) Somebody wants to see this folder."""

    def __init__(self, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.going = PlainLabel()
        self.going.setContentsMargins(8, 0, 8, 0)
        self.place = PlainLabel()
        self.place.setContentsMargins(8, 0, 8, 0)
        self._saved: Path | None = None
        self.folder_button = QPushButton("Open &folder")
        self.folder_button.setFont(theme.font("small"))
        self.folder_button.setVisible(False)
        self.folder_button.clicked.connect(self._want_folder)
        self.messageChanged.connect(self._message_changed)
        self.keys = PlainLabel()
        self.keys.setContentsMargins(8, 0, 8, 0)
        self.addWidget(self.going)
        self.addPermanentWidget(self.folder_button)
        self.addPermanentWidget(self.keys)
        self.addPermanentWidget(self.place)
        self.setSizeGripEnabled(False)

    def say(self, text: str) -> None:
        """Say something for a few seconds."""
        self._saved = None
        self.showMessage(text, MESSAGE_MS)

    def say_saved(self, path: Path) -> None:
        """Say that a file was written, and offer its folder."""
        self._saved = path
        self.showMessage(f"Saved {path.name} in {path.parent}", SAVED_MS)

    def _message_changed(self, text: str) -> None:
        saved = self._saved if text else None
        self.folder_button.setVisible(saved is not None)
        self.folder_button.setToolTip("" if saved is None else plain_tip(str(saved.parent)))

    def _want_folder(self) -> None:
        if self._saved is not None:
            self.folder_wanted.emit(self._saved.parent)

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
        closed = " \u00b7 read only" if change.closed else ""
        self.place.setText(f"{self._path.name} \u00b7 {fmt.size(bytes_)}{closed}")
        why = f"\n{change.closed}: what is done here is not kept." if closed else ""
        self.place.setToolTip(plain_tip(f"The store: {self._path}{why}"))
