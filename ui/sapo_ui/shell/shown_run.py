"""Which run is in front: the one chosen in the list, or one that is wanted as soon as the store has it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal

from sapo_studio.store.records import RunSummary
from sapo_ui.features.run_list.column import RunList
from sapo_ui.features.run_page.page import RunPage
from sapo_ui.services.poller import StoreChange
from sapo_ui.shell.pages import Pages

OF_A_RUN = ("run", "audit")
"""Pages that go with the run that they show."""


class ShownRun(QObject):
    """Keeps the list and the run's page at the same run. `remembered` is the run of last time, if any."""

    page_wanted = Signal(object)
    """(str) This page is to come to the front."""

    moved = Signal()
    """The list has gone on to another run, and the page in front stays there."""

    def __init__(
        self, pages: Pages, run_list: RunList, run_page: RunPage, remembered: str, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._pages = pages
        self._list = run_list
        self._page = run_page
        self._change = StoreChange((), frozenset())
        self._taking = False  # the list moves on by itself from a run that was deleted: nobody asked for another page
        self._wanted: str | None = remembered or None
        self._remembered = True  # what is wanted is the run of last time, which nobody has asked for in this window
        self._begun = ""  # the run that was begun or taken in here, and is not in front yet: it gets the focus then
        run_list.selected.connect(self._moved_to)
        run_list.clicked.connect(self._selected)
        run_list.opened.connect(self._opened)

    @property
    def current(self) -> RunSummary | None:
        """The run that is shown, as the store has it."""
        return self._change.run(self._page.run_id)

    @property
    def to_remember(self) -> str:
        """The id of the run to show next time; empty where there is none."""
        return self._page.run_id or self._wanted or ""

    def run(self, run_id: str) -> RunSummary | None:
        """Any run, as the store has it."""
        return self._change.run(run_id)

    def want(self, run_id: str) -> None:
        """Show this run as soon as the store has it."""
        if not self._list.select(run_id):
            self._wanted, self._remembered = run_id, False

    def want_begun(self, run_id: str) -> None:
        """The same for a run that was begun, or taken in, in this window: it gets the focus, too."""
        self._begun = run_id
        self.want(run_id)

    def open(self, run_id: str) -> None:
        """Show this run and its page."""
        self.want(run_id)
        self._selected(run_id)

    def take(self, change: StoreChange) -> None:
        """The store changed: tell the list and the pages, and leave a run that is gone."""
        self._change = change
        self._taking = True
        self._list.take(change)
        self._taking = False
        self._pages.take(change)
        if self._wanted is not None:
            self._taking = self._remembered and self._pages.front_id != "empty"
            if self._list.select(self._wanted):
                self._wanted = None
            self._taking = False
        shown = self.current
        if self._page.run_id in change.removed or (shown is not None and shown.binned_at is not None):
            self._page.show_run(None)
            self._list.clear_selection()
            if self._pages.front_id in OF_A_RUN:
                self.page_wanted.emit("empty")

    def scored(self, run_id: str) -> None:
        """A file has new scores. Nothing in its summary differs, so that the poller does not see it beside a run that
        is alive.
        """
        self._page.take(StoreChange(self._change.runs, frozenset({run_id})))

    def _moved_to(self, run_id: str | None) -> None:
        """The list has gone on to another run. Who picks runs there, or drags them, goes on comparing."""
        run = self._change.run(run_id)
        if self._pages.front_id == "compare" and run is not None:
            self._page.show_run(run)
            self.moved.emit()
        else:
            self._selected(run_id)

    def _selected(self, run_id: str | None) -> None:
        run = self._change.run(run_id) or self._list.current()
        if run is None or run.id != run_id:
            return
        self._wanted = None
        self._page.show_run(run)
        if not self._taking or self._pages.front_id in OF_A_RUN:
            self.page_wanted.emit("run")
            if self._begun == run_id:
                self._focus()
        if self._begun == run_id:
            self._begun = ""

    def _opened(self, run_id: str) -> None:
        self._selected(run_id)
        self._focus()

    def _focus(self) -> None:
        first = self._page.failure.first or self._page.header.modes
        first.setFocus(Qt.FocusReason.OtherFocusReason)
