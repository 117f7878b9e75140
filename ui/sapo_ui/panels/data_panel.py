"""What all data panels share: an empty state, reading in the background, no work while nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.panels.panel import Panel
from sapo_ui.services import tasks
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.labels import EmptyState

T = TypeVar("T")


class DataPanel(Panel):
    """A panel over the store. A subclass fills `content`, reads in `load`, and empties itself in `clear`.

    While the panel is hidden behind another tab it only remembers that it is out of date, and reads when it is shown.
    """

    empty_headline = ""
    empty_text = ""
    import_text = ""
    """Why it is empty of an imported file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_id: str | None = None
        self._stale = False
        self.run: RunSummary | None = None
        self._stack = QStackedLayout(self)
        self.empty = EmptyState(self.empty_headline, self.empty_text)
        self.content = QWidget()
        self.column = QVBoxLayout(self.content)
        self.column.setContentsMargins(theme.SPACE_3, theme.SPACE_2, theme.SPACE_3, theme.SPACE_2)
        self.column.setSpacing(theme.SPACE_2)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.content)
        self.setAccessibleName(self.title)

    @property
    def run_id(self) -> str | None:
        """The run that is shown."""
        return self._run_id

    @property
    def filled(self) -> bool:
        """Whether there is something to show."""
        return self._stack.currentWidget() is self.content

    def show_run(self, run_id: str | None) -> None:
        self._run_id = run_id
        self.run = None
        self.empty.say(self.empty_headline, self.empty_text)
        self.clear()
        self.set_filled(False)
        self._ask()

    def refresh(self, change: StoreChange) -> None:
        if self._run_id is None or self._run_id not in change.changed:
            return
        self.run = change.run(self._run_id)
        self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._ask()

    def _ask(self) -> None:
        if self._run_id is None:
            return
        if self.isVisible():
            self._stale = False
            self.load(self._run_id)
        else:
            self._stale = True

    def set_filled(self, filled: bool) -> None:
        """Show the content, or say what would fill it."""
        self._stack.setCurrentWidget(self.content if filled else self.empty)

    def read(self, work: Callable[[Store], T], done: Callable[[T], None], key: str = "load") -> None:
        """Read in the background. What comes in for a run that is no longer shown is dropped."""
        asked_for = self._run_id

        def read(store: Store) -> tuple[T, bool]:
            return work(store), bool(self.import_text) and queries.is_import(store, asked_for or "")

        def deliver(found: tuple[T, bool]) -> None:
            result, imported = found
            if self._run_id != asked_for:
                return
            done(result)
            if imported:
                self.empty.say(self.empty_headline.removesuffix(" yet"), self.import_text)

        tasks.run(self, read, deliver, key=key, keep_running=True)

    def clear(self) -> None:
        """Forget the run that was shown."""
        raise NotImplementedError

    def load(self, run_id: str) -> None:
        """Read what is shown of `run_id`, by `read`."""
        raise NotImplementedError
