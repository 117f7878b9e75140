"""Views of the trace table that are kept under a name, in a menu."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from sapo_studio.store import trace_views
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.trace_views import TraceView
from sapo_ui import theme
from sapo_ui.services import tasks
from sapo_ui.widgets import dialogs


class ViewsButton(QPushButton):
    """Opens a menu: every view, *Save as*, and what to forget. `current` says what the table shows now."""

    chosen = Signal(object)
    """(TraceView) The table is to show this."""

    changed = Signal()
    """A view was saved or forgotten."""

    def __init__(self, current: Callable[[], TraceFilter | None], parent: QWidget | None = None) -> None:
        super().__init__("Views", parent)
        self._current = current
        self.views: list[TraceView] = []
        self.setFont(theme.font("small"))
        self.setAccessibleName("Saved views of the table")
        self.setToolTip("Filters, search and order under a name, for every run")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.setMenu(menu)
        self._fill()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.read()

    def read(self) -> None:
        """Read which views there are."""
        tasks.run(self, trace_views.list_views, self._take, key="views", keep_running=True)

    def _take(self, views: list[TraceView]) -> None:
        self.views = views
        self._fill()

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for view in self.views:
            action = menu.addAction(_plain(view.name))
            action.triggered.connect(lambda _=False, view=view: self.chosen.emit(view))
        if self.views:
            menu.addSeparator()
        menu.addAction("&Save this view\u2026").triggered.connect(self.ask_name)
        if self.views:
            forget = menu.addMenu("&Forget")
            for view in self.views:
                action = forget.addAction(_plain(view.name))
                action.triggered.connect(lambda _=False, name=view.name: self.forget(name))

    def ask_name(self) -> None:
        """Ask for a name and keep what the table shows now under it."""
        shown = self._current()
        if shown is not None:
            dialogs.ask_name(self, "Save this view", "Name", "", lambda name: self.save(name, shown))

    def save(self, name: str, shown: TraceFilter) -> None:
        """Keep `shown` as `name`, in place of a view of that name."""
        self._write(lambda store: trace_views.save_view(store, name, shown))

    def forget(self, name: str) -> None:
        """Forget a view."""
        self._write(lambda store: trace_views.delete_view(store, name))

    def _write(self, work: Callable[[Store], object]) -> None:
        def write_and_read(store: Store) -> list[TraceView]:
            work(store)
            return trace_views.list_views(store)

        def done(views: list[TraceView]) -> None:
            self._take(views)
            self.changed.emit()

        tasks.change(self, write_and_read, done)


def _plain(name: str) -> str:
    """A name as an entry: no letter in it is a key."""
    return name.replace("&", "&&")
