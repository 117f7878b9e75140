"""The window as a whole: palette, help, keys that a panel keeps, controls that are named and reachable."""

import sqlite3

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit

from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.domain.runs import RunStatus
from sapo_studio.formats.base import ReadAs
from sapo_ui.features.new_run.page import NewRunPage
from sapo_ui.panels.panel import Panel, PanelSpec
from sapo_ui.shell.panel_registry import PANELS
from sapo_ui.widgets.dialogs import TextDialog
from tests.fixtures.step_files import ROWS, lines
from tests.fixtures.synthetic import synthetic_run


def test_palette_finds_and_runs_an_action(qtbot, window):
    palette = window.view_actions.open_palette()
    names = [palette.list.item(row).text() for row in range(palette.list.count())]
    assert "Run: New run" in names
    assert "Run: Pause" not in names, "it cannot be done now"
    qtbot.keyClicks(palette.line, "new ru")
    assert palette.list.item(0).text() == "Run: New run"
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert isinstance(window.pages.front, NewRunPage)


def test_help_is_that_of_the_page(window):
    assert "No run is chosen" in window.view_actions.open_help().page.toPlainText()
    window.new_run()
    assert "Choose a preset" in window.view_actions.open_help().page.toPlainText()
    window.actions_["help.keys"].trigger()
    for dialog in window.findChildren(TextDialog):
        dialog.close()


def test_an_unreadable_store_is_told_above_the_page(qtbot, window):
    window.show_error(sqlite3.OperationalError("odd"))
    assert "odd" in window.banner.text
    qtbot.mouseClick(window.banner.action, Qt.MouseButton.LeftButton)
    assert not window.banner.isVisible()


def test_a_panel_with_the_focus_keeps_its_own_keys(qtbot, open_window, add_run, select):
    class Searching(Panel):
        panel_id, title, help = "searching", "Searching", "### Searching"

        def __init__(self):
            super().__init__()
            self.found = 0
            self.line = QLineEdit(self)
            shortcut = QShortcut(QKeySequence("Ctrl+F"), self, self.find)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

        def find(self):
            self.found += 1

        def show_run(self, run_id):
            pass

        def refresh(self, change):
            pass

    run_id = add_run()
    window = open_window([PanelSpec(Searching)])
    select(window, run_id)
    qtbot.waitActive(window)
    window.run_page.panels.go_to("searching")
    panel = window.run_page.panels["searching"]
    panel.line.setFocus()
    qtbot.keyClick(panel.line, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert panel.found == 1
    window.run_list.view.setFocus()
    qtbot.keyClick(window.run_list.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert panel.found == 1
    assert window.run_list.search.hasFocus()


def test_every_control_is_named_and_reachable(window, add_run, select):
    run_id = add_run(status=RunStatus.RUNNING)
    select(window, run_id)
    window.new_run()
    checked = 0
    for kind in (QAbstractButton, QLineEdit, QComboBox):
        for widget in window.findChildren(kind):
            if not widget.isVisible() or widget.objectName().startswith("qt_"):
                continue
            checked += 1
            assert widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), widget
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, (widget, widget.accessibleName())
    assert checked > 20


def test_process_benchmarks_open_and_give_way(window, qtbot):
    window.actions_["go.benchmarks"].trigger()
    page = window.pages.front
    assert page.help.startswith("### Process benchmarks")
    page.left.emit()
    assert window.pages.front is window.pages["empty"]


@pytest.mark.slow  # every panel from every place
def test_a_panel_that_is_asked_for_comes_into_sight_from_anywhere(qtbot, open_window, add_run, select):
    """From another page, and of a failed run, whose page first says why; without a run there is nothing to go to."""
    window = open_window(PANELS)
    panels = window.run_page.panels
    assert not any(action.isEnabled() for action in panels.view_actions)
    log = next(action for action in panels.view_actions if action.text() == "Log")
    for status in (RunStatus.RUNNING, RunStatus.FAILED):
        select(window, add_run(status=status))
        window.actions_["go.queue"].trigger()
        log.trigger()
        assert window.pages.front_id == "run"
        assert panels["log"].isVisible()
        assert panels.isAncestorOf(window.focusWidget())
        assert window.focusWidget().isVisible()


def test_reading_a_run_without_trajectories_leaves_the_focus_in_sight(qtbot, open_window, add_run, select):
    window = open_window(PANELS)
    select(window, add_run())
    window.actions_["run.read"].trigger()
    table = window.run_page.panels["read"].table
    qtbot.waitUntil(lambda: table.emptiness == "not_yet")
    assert window.focusWidget().isVisible()


def test_the_palette_leads_to_each_place_once_and_to_none_of_an_import(qtbot, open_window, store, select, tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text(lines(ROWS["sapo"]))
    imported = take_in(store, file, known_format(file), ReadAs()).run_id
    run = synthetic_run(store, trajectories=16, questions=8, iterations=1)
    window = open_window(PANELS)

    def offered():
        palette = window.view_actions.open_palette()
        found = [palette.list.item(row).text() for row in range(palette.list.count())]
        palette.close()
        return found

    select(window, run)
    assert [one for one in offered() if one.endswith(": Read")] == ["View: Read"]
    assert "Panel: Verifier heatmap" in offered()
    select(window, imported)
    assert not [one for one in offered() if one.startswith("Panel: ")]
    assert window.run_page.panels.mode == "read"


def test_no_two_actions_have_the_same_name(window):
    names = [spec.text.rstrip("\u2026") for spec in window.actions_.specs]
    assert len(names) == len(set(names))


def test_esc_leaves_the_form_also_from_the_side_bar(qtbot, window):
    window.new_run()
    window.side.new_button.setFocus()
    qtbot.keyClick(window.side.new_button, Qt.Key.Key_Escape)
    assert window.pages.front_id == "empty"
