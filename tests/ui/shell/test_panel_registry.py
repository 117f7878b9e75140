"""Panels: each says what it is, and a new one is a class and a line in the registry, nothing else."""

import pytest
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout

from sapo_ui.panels.panel import Panel, PanelSpec
from sapo_ui.services.settings import Settings
from sapo_ui.shell.panel_registry import PANELS


class Notes(Panel):
    """A panel as anybody might add one."""

    panel_id = "notes"
    title = "Notes"
    help = "### Notes\n\nWhat came to mind about a run."

    def __init__(self):
        super().__init__()
        self.text = QLabel()
        self.tone = "plain"
        self.changes = 0
        self.line = QLineEdit()
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addWidget(self.line)

    def show_run(self, run_id):
        self.text.setText(f"run {run_id}")

    def refresh(self, change):
        self.changes += 1

    def choices(self):
        return {"tone": self.tone}

    def restore_choices(self, choices):
        self.tone = choices.get("tone", self.tone)


def shown_panels(window):
    """The actions of the menu View, Panels, by their text."""
    view = next(action.menu() for action in window.menuBar().actions() if action.text() == "&View")
    menu = next(action.menu() for action in view.actions() if action.text().replace("&", "") == "Panels")
    return {action.text(): action for action in menu.actions()}


def test_every_panel_has_a_name_of_its_own_a_title_and_help():
    assert len({spec.panel.panel_id for spec in PANELS}) == len(PANELS)
    for spec in PANELS:
        assert spec.panel.panel_id
        assert spec.panel.title
        assert spec.panel.help.startswith("###")


@pytest.mark.parametrize("area", ["main", "side", "bottom", "read"])
def test_a_registered_panel_is_on_the_page_in_the_menu_in_the_palette_and_explained(
    qtbot, open_window, add_run, select, area
):
    run_id = add_run()
    specs = [spec for spec in PANELS if spec.area != "read" or area != "read"]
    window = open_window([*specs, PanelSpec(Notes, area)])
    select(window, run_id)
    notes = window.run_page.panels["notes"]
    assert notes.text.text() == f"run {run_id}"
    # Read is the panel of its area: the action of that name leads to it.
    action = window.actions_["run.read"] if area == "read" else shown_panels(window)["Notes"]
    for _ in range(2):
        action.trigger()
        assert notes.isVisible()
    palette = window.view_actions.open_palette()
    entry = "View: Read" if area == "read" else "Panel: Notes"
    assert entry in [palette.list.item(row).text() for row in range(palette.list.count())]
    palette.close()
    notes.line.setFocus()
    dialog = window.view_actions.open_help()
    assert "What came to mind" in dialog.page.toPlainText()
    dialog.close()


def test_what_a_panel_remembers_needs_no_line_anywhere(open_window):
    window = open_window([PanelSpec(Notes)])
    window.run_page.panels["notes"].tone = "loud"
    window.close()
    assert Settings().texts("panel.notes") == {"tone": "loud"}
    assert open_window([PanelSpec(Notes)]).run_page.panels["notes"].tone == "loud"
