"""The pages beside the list of runs, of which one is in front."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QStackedWidget, QWidget

from sapo_ui.panels.page import Page
from sapo_ui.services.poller import StoreChange
from sapo_ui.shell.page_registry import PageContext, PageSpec


class Pages(QStackedWidget):
    """Makes the pages of `specs` and brings one of them to the front."""

    def __init__(self, specs: Sequence[PageSpec], context: PageContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._specs = {spec.page_id: spec for spec in specs}
        self._context = context
        self._kept: dict[str, Page] = {}
        self._passing: Page | None = None
        self.front_id = specs[0].page_id
        """The name of the page in front."""
        self._change = StoreChange((), frozenset())
        for spec in specs:
            if spec.stays:
                page = self._kept[spec.page_id] = spec.make(context)
                self.addWidget(page)

    def __getitem__(self, page_id: str) -> Page:
        """A page that stays."""
        return self._kept[page_id]

    @property
    def front_spec(self) -> PageSpec:
        """What the registry says of the page in front."""
        return self._specs[self.front_id]

    @property
    def front(self) -> Page | None:
        """The page in front."""
        page = self.currentWidget()
        return page if isinstance(page, Page) else None

    def open(self, page_id: str) -> Page:
        """Bring a page to the front. One that does not stay is made anew, and the one before it dropped."""
        page = self._kept.get(page_id)
        leaving, self._passing = self._passing, None
        if page is None:
            page = self._passing = self._specs[page_id].make(self._context)
            self.addWidget(page)
        self.front_id = page_id
        self.setCurrentWidget(page)
        if leaving is not None:
            leaving.leave()
            if leaving.at_rest:
                self._drop(leaving)
            else:
                leaving.rested.connect(partial(self._drop, leaving))
        page.catch_up(self._change)
        return page

    def _drop(self, page: Page) -> None:
        """What was pressed there is kept: it may go."""
        self.removeWidget(page)
        page.deleteLater()

    def leave(self) -> None:
        """The window is about to close."""
        for page in self._kept.values():
            page.leave()
        if self._passing is not None:
            self._passing.leave()

    def take(self, change: StoreChange) -> None:
        """The store changed: tell every page."""
        self._change = change
        for page in (*self._kept.values(), self._passing):
            if page is not None:
                page.take(change)
