"""The button beside the search field: which runs the list shows, and in which order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.run_filter import SORTS, RunFilter
from sapo_ui import theme
from sapo_ui.features.run_list.model import RunListModel
from sapo_ui.theme import icons

ORDERS = {
    "newest": "Newest first",
    "name": "By name",
    "status": "By state",
    "accuracy": "By sampled accuracy",
    "time": "By running time",
}


class FilterButton(QToolButton):
    """Its menu is made when it opens, with the tags that there are then."""

    narrowed = Signal()
    """The list shows others now."""

    def __init__(self, model: RunListModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))
        self.menu().aboutToShow.connect(self.fill)
        self._say()
        theme.on_change(self, self._restyle)

    def fill(self) -> None:
        """Make the menu anew."""
        menu, wanted = self.menu(), self._model.wanted
        menu.clear()
        archived = menu.addAction("Show the archive")
        archived.setCheckable(True)
        archived.setChecked(wanted.archived)
        archived.toggled.connect(self._show_archive)
        menu.addSeparator()
        states = QActionGroup(menu)
        for status in (None, *RunStatus):
            action = self._choice(
                menu, states, "Any state" if status is None else status.value, wanted.status is status
            )
            action.triggered.connect(partial(self._chose_state, status))
        if self._model.tags:
            menu.addSeparator()
        for tag in self._model.tags:
            action = menu.addAction(f"Tag: {tag.replace('&', '&&')}")
            action.setCheckable(True)
            action.setChecked(tag in wanted.tags)
            action.toggled.connect(partial(self._tagged, tag))
        menu.addSeparator()
        orders = QActionGroup(menu)
        for order, title in ORDERS.items():
            action = self._choice(menu, orders, title, self._model.order == order)
            action.triggered.connect(partial(self._ordered, order))

    def choices(self) -> dict[str, str]:
        """Filter and order, for the next start."""
        wanted = self._model.wanted
        return {
            "archived": "1" if wanted.archived else "",
            "status": wanted.status.value if wanted.status is not None else "",
            "tags": json.dumps(wanted.tags),
            "order": self._model.order,
        }

    def restore_choices(self, choices: Mapping[str, str]) -> None:
        """What `choices` gave; what is no state, order or list of tags counts as not chosen."""
        status, order = choices.get("status", ""), choices.get("order", "")
        try:
            tags: object = json.loads(choices.get("tags", "[]"))
        except ValueError:
            tags = []
        wanted = replace(
            self._model.wanted,
            archived=choices.get("archived") == "1",
            status=RunStatus(status) if status in list(RunStatus) else None,
            tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        )
        self._model.narrow(wanted, order if order in SORTS else None)
        self._say()
        self.narrowed.emit()

    @staticmethod
    def _choice(menu: QMenu, group: QActionGroup, text: str, chosen: bool) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setChecked(chosen)
        group.addAction(action)
        return action

    def _narrow(self, wanted: RunFilter) -> None:
        self._model.narrow(wanted)
        self._say()
        self.narrowed.emit()

    def _show_archive(self, on: bool) -> None:
        self._narrow(replace(self._model.wanted, archived=on))

    def _chose_state(self, status: RunStatus | None) -> None:
        self._narrow(replace(self._model.wanted, status=status))

    def _ordered(self, order: str) -> None:
        self._model.narrow(self._model.wanted, order)

    def _tagged(self, tag: str, on: bool) -> None:
        others = tuple(one for one in self._model.wanted.tags if one != tag)
        self._narrow(replace(self._model.wanted, tags=(*others, tag) if on else others))

    def _say(self) -> None:
        wanted = self._model.wanted
        parts = ["the archive"] if wanted.archived else []
        parts += [wanted.status.value] if wanted.status is not None else []
        parts += list(wanted.tags)
        said = f"Filter and order: {', '.join(parts)}" if parts else "Filter and order of the runs"
        self.setToolTip(said)
        self.setAccessibleName(said)
        self.setProperty("on", bool(parts))
        self._restyle()

    def _restyle(self) -> None:
        look = theme.current()
        self.setIcon(icons.icon("filter", look.accent if self.property("on") else ""))
