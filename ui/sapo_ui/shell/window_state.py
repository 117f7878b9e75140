"""What the window looks like when it is opened again: size, side bar, how the run page is divided, search, filter and
order of the runs, and the choices in panels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QWidget

from sapo_ui.features.run_list.column import RunList
from sapo_ui.features.run_page.page import RunPage
from sapo_ui.services.picks import Picks
from sapo_ui.services.settings import Settings
from sapo_ui.shell.side_bar import SideBar
from sapo_ui.widgets.saving import saving

FIRST_SIZE = (1280, 800)


@dataclass(frozen=True)
class WindowState:
    """The parts of the window that are remembered."""

    window: QWidget
    side: SideBar
    page: RunPage
    runs: RunList
    picks: Picks

    def restore(self, settings: Settings) -> None:
        """Bring back what was saved; what was not stays as it is at first."""
        geometry = settings.blob("geometry")
        if geometry is None or not self.window.restoreGeometry(geometry):
            self.window.resize(*FIRST_SIZE)
        self.side.restore_choices(settings.texts("side"))
        self.page.restore_choices(settings.texts("layout"))
        self.runs.search.setText(settings.text("search"))
        self.runs.filter.restore_choices(settings.texts("runs"))
        self.picks.restore_choices(settings.texts("compare"))
        saving().remember(Path(folder) if (folder := settings.text("save_folder")) else None)
        for panel in self.page.panels.panels:
            panel.restore_choices(settings.texts(f"panel.{panel.panel_id}"))

    def save(self, settings: Settings) -> None:
        """Put everything into `settings`, which are then to be saved."""
        settings.set_blob("geometry", self.window.saveGeometry())
        settings.set_texts("side", self.side.choices())
        settings.set_texts("layout", self.page.choices())
        settings.set_text("search", self.runs.search.text())
        settings.set_texts("runs", self.runs.filter.choices())
        settings.set_texts("compare", self.picks.choices())
        settings.set_text("save_folder", str(saving().folder))
        for panel in self.page.panels.panels:
            if made := panel.choices():
                settings.set_texts(f"panel.{panel.panel_id}", made)
