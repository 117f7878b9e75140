"""The playground in the window: found in its places, and ended with it."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_ui.features.playground.page import PlaygroundPage
from sapo_ui.services import playground
from sapo_ui.shell.menus import RUN_MENU
from tests.fixtures.scripted_session import ScriptedSession, choice
from tests.fixtures.synthetic import synthetic_run


def test_it_opens_from_side_bar_menu_and_palette_and_its_engine_ends_with_the_window(
    qtbot, store, open_window, select, monkeypatch
):
    sessions = []

    def make(listener, on_cpu, say_where):
        sessions.append(ScriptedSession(listener))
        return sessions[-1]

    monkeypatch.setattr(playground, "_own_session", make)
    run_id = synthetic_run(store, iterations=1, trajectories=12, questions=4)
    window = open_window()
    select(window, run_id)
    assert not window.side.folded
    qtbot.mouseClick(window.side.buttons["playground"], Qt.MouseButton.LeftButton)
    page = window.pages.front
    assert isinstance(page, PlaygroundPage)
    assert window.side.folded, "both sides need the room"
    assert "Tab side" in window.status_line.keys.text()
    window.leave_form()
    assert "Tab side" not in window.status_line.keys.text()
    palette = window.view_actions.open_palette()
    qtbot.keyClicks(palette.line, "playground")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.pages.front_id == "playground"
    view = [action for menu in window.menuBar().actions() for action in menu.menu().actions()]
    assert window.actions_["go.playground"] in view
    assert "go.playground" not in RUN_MENU
    page = window.pages.front
    known = [choice()]
    page.playground.checkpoints = lambda _: known
    page.read()
    qtbot.waitUntil(lambda: [one.checkpoint for one in page.choices] == known)
    page.card.text.setPlainText("How many?")
    page.sample()
    # Behind another page it goes on; with the window it ends.
    window.leave_form()
    assert not sessions[0].closed
    window.close()
    assert sessions[0].closed
    assert playground.of_window() is not page.playground
    playground.end_of_window()
