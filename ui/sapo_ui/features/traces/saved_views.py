"""Views of the trace table that the user has given a name: filters, search and order together."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from sapo_ui import theme
from sapo_ui.services.settings import Settings
from sapo_ui.widgets import dialogs

KEY = "trace.views"


def saved_views() -> dict[str, dict[str, str]]:
    """The views by name. One that cannot be read is left out."""
    found: dict[str, dict[str, str]] = {}
    for name, text in Settings().texts(KEY).items():
        try:
            value: object = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict):
            found[name] = {str(key): str(part) for key, part in value.items()}
    return found


def keep_views(views: Mapping[str, Mapping[str, str]]) -> None:
    """Save these, and no others."""
    settings = Settings()
    settings.set_texts(KEY, {name: json.dumps(dict(view)) for name, view in views.items()})
    settings.save()


class SavedViews(QPushButton):
    """Offers the saved views, and saves what `current` gives under a name. They are the user's, for every run."""

    picked = Signal(object)
    """(Mapping[str, str]) The user wants this view."""

    def __init__(self, current: Callable[[], Mapping[str, str]], parent: QWidget | None = None) -> None:
        super().__init__("Views", parent)
        self._current = current
        self.setFont(theme.font("small"))
        self.setAutoDefault(False)
        self.setToolTip("Filters, search and order that you have given a name")
        self.clicked.connect(self._open)

    def make_menu(self) -> QMenu:
        """What the button offers now."""
        menu = QMenu(self)
        views = saved_views()
        for name, view in sorted(views.items()):
            menu.addAction(name).triggered.connect(partial(self._pick, view))
        if not views:
            menu.addAction("No view is saved yet").setEnabled(False)
        menu.addSeparator()
        menu.addAction("Save this view\u2026").triggered.connect(self._ask_name)
        if views:
            delete = menu.addMenu("Delete")
            for name in sorted(views):
                delete.addAction(name).triggered.connect(partial(self._delete, name))
        return menu

    def save(self, name: str) -> None:
        """Keep the current view under this name, in the place of one that has it."""
        keep_views({**saved_views(), name: self._current()})

    def _open(self) -> None:
        menu = self.make_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.mapToGlobal(QPoint(0, self.height() + 2)))

    def _pick(self, view: Mapping[str, str], _checked: bool = False) -> None:
        self.picked.emit(view)

    def _ask_name(self) -> None:
        dialogs.ask_name(self.window(), "Save view", "Name:", "", self.save)

    def _delete(self, name: str, _checked: bool = False) -> None:
        keep_views({other: view for other, view in saved_views().items() if other != name})
