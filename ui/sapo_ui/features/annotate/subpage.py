"""The base class of what the Annotate page switches between, and how one is registered."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from sapo_studio.store.queue_records import QueueInfo


class Subpage(QWidget):
    """One of the pages over a queue. It reads the store only through `tasks.run`, and is told when it may be out of
    date; while it is hidden it need not read."""

    help: str = ""
    """What F1 says of it: Markdown, a few short paragraphs."""

    rested = Signal()
    """It is `at_rest`; sent whenever it has come to rest."""

    emptied = Signal()
    """The queue holds nothing (any more): it may have been deleted elsewhere."""

    turned = Signal(object, object)
    """(key of a subpage: str, name of a person: str) Bring that one to the front, with what this person did."""

    counted = Signal(object)
    """(int | None) The number that stands beside its name, where it has one."""

    def show_queue(self, queue: QueueInfo | None) -> None:
        """Show this queue from now on, under the name that `annotator_name` gives. None: there is no queue."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Something may have changed in the store; called every few seconds while this is in front."""

    def show_person(self, who: str) -> None:
        """Show what this person did; asked for by `turned`."""

    def corner(self) -> QWidget | None:
        """What stands at the right of the page's top line while this is in front."""
        return None

    def take_focus(self) -> None:
        """Put the focus where keys are expected."""
        self.setFocus()

    def leave(self) -> None:
        """Another page comes to the front, or the window closes: keep what was typed, give back what was claimed. What
        is still to be written then is written while the subpage is not `at_rest`, and `rested` says when it is."""

    @property
    def at_rest(self) -> bool:
        """Whether everything that was pressed is done."""
        return True


@dataclass(frozen=True)
class SubpageSpec:
    """A subpage: a stable name, what its button says, and its class."""

    key: str
    title: str
    make: type[Subpage]
