"""Names and letters: a screen reader is told of every control, and every menu can be opened and used by keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QMenu, QMenuBar, QPushButton, QWidget

from sapo_ui import theme
from sapo_ui.services.actions import ACTIONS
from sapo_ui.shell.empty_page import EmptyPage
from sapo_ui.shell.page_registry import PAGES
from sapo_ui.shell.panel_registry import PANELS
from sapo_ui.wording import with_mnemonics
from tests.fixtures.names import nameless
from tests.fixtures.synthetic import synthetic_run

OF_RUN = [spec.id for spec in ACTIONS if spec.menu == "Run"]


@pytest.fixture
def whole_window(open_window, store, select):
    """The window with all its panels, over a finished run."""
    run_id = synthetic_run(store, iterations=1, questions=8, trajectories=16)
    window = open_window(PANELS)
    select(window, run_id)
    return window


def test_every_control_of_every_page_panel_and_dialog_has_a_name(whole_window, qtbot):
    window = whole_window
    panels = window.run_page.panels
    for panel in panels.panels:
        panels.go_to(panel.panel_id)
        qtbot.waitUntil(panel.isVisible)
    panels.go_to("read")
    qtbot.waitUntil(lambda: panels["read"].table.filled)
    # pyqtgraph's menus go when the event loop has time
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    assert nameless(window) == []
    for spec in PAGES:
        window.pages.open(spec.page_id)
        assert nameless(window) == [], spec.page_id
    window.pages.open("run")
    window.show_error(ValueError("something"))
    for dialog in (window.view_actions.open_palette(), window.view_actions.open_help(), window.file_actions.export()):
        assert nameless(dialog) == [], dialog
        dialog.close()
    assert nameless(window) == []


def test_a_control_without_a_name_is_found(qtbot):
    button = QPushButton()
    qtbot.addWidget(button)
    assert nameless(button) == [""]
    button.setAccessibleName("Go")
    assert nameless(button) == []


def test_the_menus_open_by_their_letters(whole_window, qtbot):
    bar = whole_window.menuBar()
    qtbot.waitActive(whole_window)
    for key, title in ((Qt.Key.Key_R, "&Run"), (Qt.Key.Key_V, "&View"), (Qt.Key.Key_H, "&Help")):
        qtbot.keyClick(whole_window, key, Qt.KeyboardModifier.AltModifier)
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        assert menu.title() == title
        menu.close()
    for menu in (action.menu() for action in bar.actions()):
        letters = [action.text().partition("&")[2][0].lower() for action in menu.actions() if action.text()]
        assert len(set(letters)) == len(letters)
    for button in whole_window.findChildren(QPushButton):
        assert (
            not button.isVisible()
            or "&" not in button.text()
            or button.shortcut().toString()
            not in (
                "Alt+R",
                "Alt+V",
                "Alt+H",
            )
        )


def shown_texts(root):
    """What the visible widgets in `root` say: their texts, names, and what hovering shows."""
    found = []
    for widget in (root, *root.findChildren(QWidget)):
        if widget.isVisible() and not isinstance(widget, QMenuBar | QMenu):
            found += [widget.toolTip(), widget.statusTip(), widget.accessibleName(), widget.accessibleDescription()]
            if isinstance(widget, QAbstractButton | QLabel):
                found.append(widget.text())
    return found


@pytest.mark.slow  # every page
def test_letters_of_menus_stay_in_menus(whole_window, qtbot):
    window = whole_window
    shown = []
    for panel in window.run_page.panels.panels:
        window.run_page.panels.go_to(panel.panel_id)
        shown += shown_texts(window)
    for folded in (True, False):
        window.side.set_folded(folded)
        shown += shown_texts(window)
    for spec in PAGES:
        window.pages.open(spec.page_id)
        shown += shown_texts(window)
    palette = window.view_actions.open_palette()
    shown += [palette.list.item(row).text() for row in range(palette.list.count())]
    palette.close()
    assert "New run" in shown
    assert "Store: Bin" in shown
    assert [text for text in shown if "&" in text] == []


def test_an_action_that_is_renamed_keeps_a_letter_of_its_own(whole_window, make_run):
    actions = whole_window.actions_
    actions.show_run(make_run(1, "a", "done", archived_at=1.0))
    action = actions["run.archive"]
    assert action.iconText() == "Back from the archive"
    assert action.text().replace("&", "") == "Back from the archive"
    letters = [one.text().partition("&")[2][:1].lower() for one in map(actions.__getitem__, OF_RUN)]
    assert "" not in letters
    assert len(set(letters)) == len(letters)


def test_letters_of_a_menu():
    assert with_mnemonics(["Pause", "Process", "Stop", "Open pot"]) == ["&Pause", "P&rocess", "&Stop", "&Open pot"]
    assert with_mnemonics(["Save", "Top", "S"]) == ["S&ave", "&Top", "&S"]
    assert with_mnemonics(["a", "a", "", "\u2026"]) == ["&a", "a", "", "\u2026"]


class _Count(QObject):
    def __init__(self):
        super().__init__()
        self.dressed = 0

    def eventFilter(self, watched, event):  # noqa: N802  # Qt's name
        self.dressed += event.type() == QEvent.Type.StyleChange
        return False


def test_a_change_of_theme_dresses_each_widget_once_bare_and_once_anew(whole_window):
    app, count = QApplication.instance(), _Count()
    before = theme.manager().mode
    app.installEventFilter(count)
    try:
        theme.manager().choose("dark")
    finally:
        app.removeEventFilter(count)
        theme.manager().choose(before)
    assert 0 < count.dressed < 2.5 * len(app.allWidgets())


def test_the_first_page_says_nothing_of_a_store_that_is_not_read_yet(open_window, add_run, qtbot):
    add_run()
    window = open_window()
    page = window.pages["empty"]
    assert isinstance(page, EmptyPage)
    assert not page.words.isVisibleTo(page)
    qtbot.waitUntil(lambda: page.words.isVisibleTo(page))
    assert page.title.text() == "No run is chosen"
    assert not page.demo_button.isVisibleTo(page)
