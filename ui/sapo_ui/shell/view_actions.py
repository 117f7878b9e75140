"""What the menus View and Help do to the window: its look, its side bar, the palette, what is exported, and help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from sapo_ui import theme
from sapo_ui.features.run_list.column import RunList
from sapo_ui.features.run_page.page import RunPage
from sapo_ui.services.actions import Actions
from sapo_ui.services.settings import Settings
from sapo_ui.shell.help import about_text, shortcuts_text
from sapo_ui.shell.pages import Pages
from sapo_ui.shell.run_actions import open_path
from sapo_ui.shell.side_bar import SideBar
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.command_palette import CommandPalette
from sapo_ui.widgets.panel_export import offer_near


@dataclass(frozen=True)
class ViewParts:
    """The parts of the window that these actions act on."""

    actions: Actions
    pages: Pages
    run_page: RunPage
    run_list: RunList
    side: SideBar
    settings: Settings
    data_folder: Path


class ViewActions(QObject):
    """Opens its dialogs over `window`; `say` tells the user."""

    def __init__(self, window: QWidget, parts: ViewParts, say: Callable[[str], object]) -> None:
        super().__init__(window)
        self._window = window
        self._parts = parts
        self._say = say
        parts.side.fold_changed.connect(self._folded)
        parts.actions[f"view.{theme.manager().mode}"].setChecked(True)

    def handlers(self) -> dict[str, Callable[[], object]]:
        """What to do for each action, by its id."""
        parts = self._parts
        return {
            "go.find": self._find,
            "go.list": self._go_to_list,
            "go.palette": self.open_palette,
            "go.sidebar": parts.side.toggle,
            "view.export": self.export_panel,
            "view.strip": parts.run_page.fold_strip,
            "view.reset": parts.run_page.panels.reset,
            "view.system": lambda: self._choose_theme("system"),
            "view.light": lambda: self._choose_theme("light"),
            "view.dark": lambda: self._choose_theme("dark"),
            "help.page": self.open_help,
            "help.keys": lambda: self._show_text("Keyboard shortcuts", shortcuts_text(parts.actions)),
            "help.data": lambda: open_path(parts.data_folder),
            "help.about": lambda: self._show_text("About SAPO Studio", about_text()),
        }

    def open_palette(self) -> CommandPalette:
        """Open the command palette."""
        actions = self._parts.actions
        entries = [(spec.menu, actions[spec.id]) for spec in actions.specs if spec.id != "go.palette"]
        entries += [("Panel", action) for action in self._parts.run_page.panels.menu_actions]
        palette = CommandPalette(entries, self._window)
        palette.open_over(self._window)
        return palette

    def export_panel(self) -> QMenu | None:
        """Offer what can be taken out of what has the focus, or of the page in front."""
        page = self._parts.pages.front
        menu = None if page is None else offer_near(QApplication.focusWidget(), page)
        if menu is None:
            self._say("There is nothing here that can be exported.")
        return menu

    def open_help(self) -> dialogs.TextDialog:
        """Open the help of the focused panel, or of the page in front."""
        panel = self._parts.run_page.panels.focused_panel()
        if panel is not None and panel.help:
            return self._show_text(f"Help: {panel.title}", panel.help)
        page = self._parts.pages.front
        return self._show_text("Help", page.help if page is not None and page.help else RunPage.help)

    def _show_text(self, title: str, markdown: str) -> dialogs.TextDialog:
        dialog = dialogs.TextDialog(title, markdown, self._window)
        dialog.show()
        return dialog

    def _find(self) -> None:
        self._parts.side.set_folded(False)
        search = self._parts.run_list.search
        search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        search.selectAll()

    def _go_to_list(self) -> None:
        self._parts.side.set_folded(False)
        self._parts.run_list.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _folded(self, folded: object) -> None:
        self._parts.actions["go.sidebar"].setChecked(folded is False)

    def _choose_theme(self, mode: theme.Mode) -> None:
        theme.manager().choose(mode, in_turns=True)
        self._parts.settings.theme = mode
