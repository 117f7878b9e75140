"""The base class of everything that fills the window beside the list of runs."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sapo_ui.services.poller import StoreChange


class Page(QWidget):
    """One page of the window. One is in front at a time; the shell's registry says which there are."""

    help: str = ""
    """What F1 opens while the page is in front and no panel has the focus: Markdown, a few short paragraphs."""

    keys: str = ""
    """The keys that the status bar names while the page is in front."""

    rested = Signal()
    """It is `at_rest` (again)."""

    def take(self, change: StoreChange) -> None:
        """The store changed. Called on the GUI thread, also while another page is in front."""

    def leave(self) -> None:
        """Another page comes to the front for good, or the window is about to close: what is open is to be kept. Until
        it is, the page is not `at_rest`."""

    @property
    def at_rest(self) -> bool:
        """Whether everything that was pressed is done, so that the page may go."""
        return True

    def catch_up(self, change: StoreChange) -> None:
        """The page is in front again; `change` tells of the store as it is."""
