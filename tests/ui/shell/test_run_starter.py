"""How runs are begun: demo, form, clone."""

from PySide6.QtCore import Qt

from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import EngineError
from sapo_studio.store import queries, runs
from sapo_ui.features.new_run.page import NewRunPage


def test_an_empty_store_offers_the_demo_and_starts_it(qtbot, window, store, control):
    qtbot.waitUntil(window.pages["empty"].demo_button.isVisible)
    qtbot.mouseClick(window.pages["empty"].demo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run_page.run_id is not None)
    assert control.launched == [window.run_page.run_id]
    run = queries.get_run(store, window.run_page.run_id)
    assert (run.name, run.preset) == ("lab-demo", "lab-demo")
    assert window.pages.front is window.run_page


def test_new_run_creates_launches_and_shows(qtbot, window, store, control):
    qtbot.keyClick(window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    page = window.pages.front
    assert isinstance(page, NewRunPage)
    page.rows["name"].editor.selectAll()
    qtbot.keyClicks(page.rows["name"].editor, "my run")
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run_page.run_id is not None)
    assert queries.get_config(store, control.launched[0]).name == "my run"
    assert window.pages.front is window.run_page
    assert window.pages.count() == 2, "the form is gone"


def test_a_start_that_fails_is_told_on_the_form(qtbot, window, control):
    control.fail = EngineError("The engine could not be started", why="No memory.", fix="Close something.")
    window.new_run()
    page = window.pages.front
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No memory." in page.verdict.text())
    assert page.start.isEnabled()


def test_escape_leaves_the_form(qtbot, window):
    window.new_run()
    qtbot.keyClick(window.pages.front.preset, Qt.Key.Key_Escape)
    assert window.pages.front is window.pages["empty"]


def test_clone_fills_the_form_from_the_run(qtbot, window, store, select):
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "odd", "iterations": 7}))
    select(window, run_id)
    window.actions_["run.clone"].trigger()
    qtbot.waitUntil(lambda: isinstance(window.pages.front, NewRunPage))
    assert window.pages.front.values()["iterations"] == 7
