"""Panels: each says what it is, and a new one is a class and a line in the registry, nothing else."""

import pytest
from PySide6.QtWidgets import QLabel, QVBoxLayout

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
        QVBoxLayout(self).addWidget(self.text)

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


def dock(window, panel_id):
    return window.run_page.docks.docks[panel_id]


def test_every_panel_has_a_name_of_its_own_a_title_and_help():
    assert len({spec.panel.panel_id for spec in PANELS}) == len(PANELS)
    for spec in PANELS:
        assert spec.panel.panel_id
        assert spec.panel.title
        assert spec.panel.help.startswith("###")


@pytest.mark.parametrize("area", ["main", "side", "bottom"])
def test_a_registered_panel_is_docked_in_the_menu_in_the_palette_and_explained(open_window, add_run, select, area):
    run_id = add_run()
    window = open_window([*PANELS, PanelSpec(Notes, area)])
    select(window, run_id)
    notes = dock(window, "notes")
    neighbours = [other.panel.panel_id for other in window.run_page.docks.tabifiedDockWidgets(notes)]
    assert set(neighbours) & {spec.panel.panel_id for spec in PANELS if spec.area == area}
    assert not notes.isHidden()
    assert notes.panel.text.text() == f"run {run_id}"
    notes.raise_()
    assert notes.panel.isVisible()
    action = shown_panels(window)["Notes"]
    assert action.isChecked()
    action.trigger()
    assert notes.isHidden()
    palette = window.open_palette()
    assert "Panel: Notes" in [palette.list.item(row).text() for row in range(palette.list.count())]
    palette.close()
    action.trigger()
    notes.panel.setFocus()
    dialog = window.open_help()
    assert "What came to mind" in dialog.page.toPlainText()
    dialog.close()


def test_a_panel_that_is_not_shown_at_first_waits_in_the_menu(open_window, add_run, select):
    run_id = add_run()
    window = open_window([*PANELS, PanelSpec(Notes, "bottom", shown=False)])
    select(window, run_id)
    assert dock(window, "notes").isHidden()
    action = shown_panels(window)["Notes"]
    assert not action.isChecked()
    action.trigger()
    assert not dock(window, "notes").isHidden()
    window.run_page.docks.reset()
    assert dock(window, "notes").isHidden()


def test_what_a_panel_remembers_needs_no_line_anywhere(open_window):
    window = open_window([PanelSpec(Notes)])
    dock(window, "notes").panel.tone = "loud"
    window.close()
    assert Settings().texts("panel.notes") == {"tone": "loud"}
    assert dock(open_window([PanelSpec(Notes)]), "notes").panel.tone == "loud"


def test_a_layout_saved_before_a_panel_existed_keeps_its_places_and_takes_the_panel_in(open_window):
    before = open_window(PANELS)
    dock(before, "gap").close()
    before.close()
    after = open_window([*PANELS, PanelSpec(Notes, "bottom")])
    assert dock(after, "gap").isHidden(), "as it was left"
    neighbours = {other.panel.panel_id for other in after.run_page.docks.tabifiedDockWidgets(dock(after, "notes"))}
    assert neighbours == {spec.panel.panel_id for spec in PANELS if spec.area == "bottom"}
    assert not dock(after, "notes").isHidden()
