"""What all data panels share: saying why they are empty, reading in the background, no work while nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QStackedLayout, QVBoxLayout, QWidget

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, RunGone
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.panels.emptiness import IMPORTED, LOADING, Emptiness, State, emptiness
from sapo_ui.panels.panel import Panel
from sapo_ui.services import tasks
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.focus import holds
from sapo_ui.widgets.labels import EmptyState

T = TypeVar("T")


LOADING_MS = 200
"""Reading that takes no longer is not told of."""
SIGNS: dict[State, str] = {"loading": "running", "not_yet": "queued", "never": "minus"}
"""The icons of the three ways to be empty."""


class DataPanel(Panel):
    """A panel over the store. A subclass fills `content`, reads in `load`, and empties itself in `clear`.

    While the panel is hidden behind another tab it only remembers that it is out of date, and reads when it is shown.
    While it is empty it says which of three things is so: it is read, it is not there yet, or it will not be there
    (`emptiness`).
    """

    empty_headline = ""
    """What is not there yet, as "No gap measured yet"."""
    empty_text = ""
    """What will fill it."""
    import_text = IMPORTED
    """Why it is empty of an imported file."""
    waits_for_user = False
    """Whether it is filled by what the user opens, and not by the run: then it says `empty_text` alone."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run_id: str | None = None
        self._stale = False
        self._read_once = False
        self._why: tuple[RunSummary, str] | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(LOADING_MS)
        self._patience.timeout.connect(self._say_loading)
        self.run: RunSummary | None = None
        self.emptiness: State | None = None
        """What the panel last said of why it is empty; None before it said anything of this run."""
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
        self.run = self._why = self.emptiness = None
        self._read_once = False
        self.clear()
        self._stack.setCurrentWidget(self.empty)
        self._begin_saying()
        self._ask()

    def refresh(self, change: StoreChange) -> None:
        if self._run_id is None or self._run_id not in change.changed:
            return
        self.run = change.run(self._run_id)
        if self.run is not None and self._why is not None:
            self._why = self.run, self._why[1]
            self._say_why()
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
            if self._why is None and not self.waits_for_user:
                self._patience.start()
                self._read_why(self._run_id)
            self.load(self._run_id)
        else:
            self._stale = True

    def set_filled(self, filled: bool) -> None:
        """Show the content, or say why there is none. Called once something was read."""
        self._read_once = True
        self._stack.setCurrentWidget(self.content if filled else self.empty)
        if not filled and holds(self.content, QApplication.focusWidget()):
            self.focusNextPrevChild(True)  # it was given to what turns out to stay out of sight
        self._say_why()

    def why_never(self, config: RunConfig) -> str:
        """Why a run with these settings will never fill the panel, as the end of a sentence that names the setting.
        Empty: it will."""
        del config
        return ""

    def _begin_saying(self) -> None:
        """Nothing for a moment: a run that is read at once shall not flicker."""
        if self.waits_for_user or self._run_id is None:
            self.empty.say(self.empty_headline, self.empty_text)
        else:
            self.empty.say("", "")

    def _say_loading(self) -> None:
        if not self.filled and not (self._read_once and self._why is not None):
            self._say(LOADING)

    def _read_why(self, run_id: str) -> None:
        def work(store: Store) -> tuple[RunSummary, str]:
            run = queries.get_run(store, run_id)
            if run.imported:
                return run, ""
            try:
                return run, self.why_never(queries.get_config(store, run_id))
            except RunGone:
                raise
            except InputError:  # another version's, with keys that this one does not know
                return run, ""

        self.read(work, self._take_why, key="why")

    def _take_why(self, why: tuple[RunSummary, str]) -> None:
        self._why = (self.run or why[0], why[1])
        self._say_why()

    def _say_why(self) -> None:
        if self.filled or self.waits_for_user or self._why is None or not self._read_once:
            return
        self._patience.stop()
        run, never = self._why
        self._say(emptiness(run, never, self.empty_headline, self.empty_text, self.import_text))

    def _say(self, found: Emptiness) -> None:
        self.emptiness = found.state
        self.empty.say(found.headline, found.text, SIGNS[found.state])

    def read(self, work: Callable[[Store], T], done: Callable[[T], None], key: str = "load") -> None:
        """Read in the background (`tasks.follow`). What comes in for a run that is no longer shown is dropped."""
        asked_for = self._run_id

        def deliver(result: T) -> None:
            if self._run_id == asked_for:
                done(result)

        tasks.follow(self, work, deliver, key=key)

    def clear(self) -> None:
        """Forget the run that was shown."""
        raise NotImplementedError

    def load(self, run_id: str) -> None:
        """Read what is shown of `run_id`, by `read`."""
        raise NotImplementedError
