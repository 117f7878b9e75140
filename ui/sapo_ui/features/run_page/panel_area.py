"""The panels of the run page, and its two ways to use them: Watch and Read."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QStackedWidget, QWidget
from shiboken6 import isValid

from sapo_studio.store.db import Store
from sapo_ui.features.run_page.watch import Watch
from sapo_ui.panels.panel import Area, Panel, PanelSpec
from sapo_ui.services import tasks
from sapo_ui.services.poller import StoreChange
from sapo_ui.widgets.focus import focus_first

Mode = Literal["watch", "read"]
MODES: tuple[Mode, ...] = ("watch", "read")


class PanelArea(QStackedWidget):
    """Holds the panels of `specs`. `area["log"]` is one of them."""

    mode_changed = Signal(object)
    """(Mode)"""

    queue_requested = Signal(object)
    """(TraceFilter) One of the panels wants a queue made of what it lists."""

    wanted = Signal()
    """A panel is about to be gone to: who hides this area brings it into sight."""

    def __init__(self, specs: Sequence[PanelSpec], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._came_from: tuple[Mode, weakref.ref[QWidget]] | None = None
        self._run_id: str | None = None
        self._imported = False
        self._panels: dict[str, Panel] = {}
        self._areas: dict[str, Area] = {}
        groups: dict[Area, list[Panel]] = {}
        self.view_actions: list[QAction] = []
        """An action for each panel that goes to it, and one that closes the drawer."""
        self.menu_actions: list[QAction] = []
        """The same without a panel that is called like a way: an action of its own leads there."""
        self._of_watch: list[QAction] = []
        for spec in specs:
            panel = spec.panel()
            self._panels[panel.panel_id] = panel
            self._areas[panel.panel_id] = spec.area
            groups.setdefault(spec.area, []).append(panel)
            panel.trace_requested.connect(self.show_trace)
            panel.queue_requested.connect(self.queue_requested)
            panel.back_requested.connect(partial(self._go_back, panel))
            action = QAction(panel.title, self)
            action.setToolTip(f"Go to the panel {panel.title}")
            action.triggered.connect(partial(self._go, panel.panel_id))
            self.view_actions.append(action)
            if panel.title.casefold() not in MODES:
                self.menu_actions.append(action)
            if spec.area != "read":
                self._of_watch.append(action)
        self.watch = Watch(groups)
        self.addWidget(self.watch)
        for panel in groups.get("read", ()):
            self.addWidget(panel)
        self._read = groups.get("read", [])
        self._close = QAction("Close the drawer", self)
        self._close.setToolTip("Close the panel that is open over the lower part of the page")
        self._close.triggered.connect(self.watch.close_drawer)
        self.view_actions.append(self._close)
        self.menu_actions.append(self._close)
        self._of_watch.append(self._close)
        self._allow_going()

    def __getitem__(self, panel_id: str) -> Panel:
        """One of the panels."""
        return self._panels[panel_id]

    @property
    def panels(self) -> list[Panel]:
        """All panels, in sight or not."""
        return list(self._panels.values())

    @property
    def mode(self) -> Mode:
        """The way that is in front."""
        return "watch" if self.currentWidget() is self.watch else "read"

    def set_mode(self, mode: Mode) -> None:
        """Bring a way to the front."""
        wanted = self.watch if mode == "watch" or not self._read else self._read[0]
        if wanted is not self.currentWidget():
            self.setCurrentWidget(wanted)
            self.mode_changed.emit(self.mode)

    def choose_mode(self, mode: Mode) -> None:
        """Bring a way to the front because the user asks for it: its first control gets the focus."""
        self._came_from = None
        self.set_mode(mode)
        if self.mode == "read":
            self._read[0].take_focus()
        else:
            focus_first(self.watch.split)

    def go_to(self, panel_id: str, choices: Mapping[str, str] | None = None) -> None:
        """Bring a panel into sight, and the focus into it; with these `choices` in it, if any are given."""
        panel, area = self._panels[panel_id], self._areas[panel_id]
        if choices:
            panel.restore_choices(choices)
        if area == "read":
            if self.currentWidget() is not panel:
                self.setCurrentWidget(panel)
                self.mode_changed.emit(self.mode)
        else:
            self.set_mode("watch")
            if area == "bottom":
                self.watch.open_drawer(panel_id)
            else:
                self.watch.close_drawer()
        if not panel.take_focus() and area == "bottom":
            self.watch.sheet.close_button.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _go(self, panel_id: str, _checked: bool = False) -> None:
        self.wanted.emit()
        self.go_to(panel_id)

    def _allow_going(self) -> None:
        """Without a run no panel can be gone to, and of an imported file there is nothing to watch."""
        for action in self.view_actions:
            action.setEnabled(self._run_id is not None)
        for action in self._of_watch if self._imported else ():
            action.setEnabled(False)

    def reset(self) -> None:
        """Divide the room as at first."""
        self.watch.reset()

    def show_run(self, run_id: str | None, *, imported: bool = False) -> None:
        """Tell every panel which run to show. `imported`: it is a file, which is only read."""
        self._run_id, self._imported = run_id, imported
        self._came_from = None
        self._allow_going()
        for panel in self.panels:
            panel.show_run(run_id)
        self.watch.bar.set_values({})
        self._read_briefs()

    def refresh(self, change: StoreChange) -> None:
        """Tell every panel that its run changed."""
        for panel in self.panels:
            panel.refresh(change)
        self._read_briefs()

    def _read_briefs(self) -> None:
        """Read what the drawer says of its panels, which are hidden and read nothing themselves."""
        run_id = self._run_id
        if run_id is None:
            return
        kinds = {name: type(panel) for name, panel in self._panels.items() if self._areas[name] == "bottom"}

        def work(store: Store) -> dict[str, str]:
            return {name: kind.brief(store, run_id) for name, kind in kinds.items()}

        def done(values: dict[str, str]) -> None:
            if run_id == self._run_id:
                self.watch.bar.set_values(values)

        tasks.run(self, work, done, failed=_shown_elsewhere, key="briefs", keep_running=True)

    def show_trace(self, trajectory_id: object, step: object = 0) -> None:
        """Show a trajectory in the panel that is made for it, this step of it chosen, and bring that panel to the
        front."""
        if not isinstance(trajectory_id, int) or not isinstance(step, int):
            return
        before = QApplication.focusWidget()
        for name, panel in self._panels.items():
            if panel.show_trace(trajectory_id, step):
                if before is not None and self.isAncestorOf(before) and not panel.isAncestorOf(before):
                    self._came_from = (self.mode, weakref.ref(before))
                if self._areas[name] == "read":
                    self.set_mode("read")
                return

    def _go_back(self, panel: Panel) -> None:
        """Bring back what the trace was opened from, and give it the focus again."""
        origin, self._came_from = self._came_from, None
        before = origin[1]() if origin is not None else None
        if origin is None or before is None or not isValid(before):
            panel.take_focus()
            return
        self.set_mode(origin[0])
        before.setFocus(Qt.FocusReason.OtherFocusReason)

    def focused_panel(self) -> Panel | None:
        """The panel that has the focus somewhere inside."""
        widget = QApplication.focusWidget()
        while widget is not None:
            if isinstance(widget, Panel):
                return widget
            widget = widget.parentWidget()
        return None

    def place(self) -> dict[str, str]:
        """Where the user is in the shown run: the way, the open drawer, and of each panel its choices and place."""
        found = {"mode": self.mode, "drawer": self.watch.drawer}
        for name, panel in self._panels.items():
            found |= {f"{name}.{key}": value for key, value in {**panel.choices(), **panel.position()}.items()}
        return found

    def restore_place(self, place: Mapping[str, str], default: Mode) -> None:
        """Go to where `place` was taken; empty: to the beginning of a run that has not been shown before. Choices in
        panels then stay as they are."""
        for name, panel in self._panels.items():
            own = {key.removeprefix(f"{name}."): value for key, value in place.items() if key.startswith(f"{name}.")}
            if own:
                panel.restore_choices(own)
            panel.restore_position(own)
        mode = place.get("mode")
        self.set_mode("watch" if mode == "watch" else "read" if mode == "read" else default)
        drawer = place.get("drawer", "")
        if self._areas.get(drawer) == "bottom":
            self.watch.open_drawer(drawer)
        else:
            self.watch.close_drawer()


def _shown_elsewhere(error: Exception) -> None:
    """What cannot be read is said by the panel itself, when it is opened."""
    del error
