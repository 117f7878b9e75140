"""What the window looks like when it is opened again: size, layout of panels, search, and the choices in panels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QSplitter, QWidget

from sapo_ui.features.run_page.dock_area import DockArea
from sapo_ui.services.settings import Settings
from sapo_ui.widgets.saving import saving

FIRST_SIZE = (1280, 800)


@dataclass(frozen=True)
class WindowState:
    """The parts of the window that are remembered."""

    window: QWidget
    splitter: QSplitter
    docks: DockArea
    search: QLineEdit

    def restore(self, settings: Settings) -> None:
        """Bring back what was saved; what was not stays as it is at first."""
        geometry = settings.blob("geometry")
        if geometry is None or not self.window.restoreGeometry(geometry):
            self.window.resize(*FIRST_SIZE)
        splitter = settings.blob("splitter")
        if splitter is not None:
            self.splitter.restoreState(splitter)
        docks = settings.blob("docks")
        if docks is not None:
            self.docks.restore_layout(docks)
        self.search.setText(settings.text("search"))
        saving().remember(Path(folder) if (folder := settings.text("save_folder")) else None)
        for panel in self.docks.panels:
            panel.restore_choices(settings.texts(f"panel.{panel.panel_id}"))

    def save(self, settings: Settings) -> None:
        """Put everything into `settings`, which are then to be saved."""
        settings.set_blob("geometry", self.window.saveGeometry())
        settings.set_blob("splitter", self.splitter.saveState())
        settings.set_blob("docks", self.docks.layout_state())
        settings.set_text("search", self.search.text())
        settings.set_text("save_folder", str(saving().folder))
        for panel in self.docks.panels:
            if made := panel.choices():
                settings.set_texts(f"panel.{panel.panel_id}", made)
