"""How runs are begun: demo, form, clone."""

import threading

import pytest
from PySide6.QtCore import Qt

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import EngineError
from sapo_studio.store import queries, runs
from sapo_studio.store.records import ErrorText
from sapo_ui.features.new_run.page import NewRunPage
from sapo_ui.services import tasks


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


def test_the_focus_stays_with_start_and_goes_to_the_run_that_was_begun(qtbot, window, control, monkeypatch):
    free = threading.Event()
    start = control.start

    def held(store, config, preset):
        assert free.wait(20)
        return start(store, config, preset)

    monkeypatch.setattr(control, "start", held)
    window.activateWindow()
    window.new_run()
    page = window.pages.front
    qtbot.waitUntil(page.start.isEnabled)
    page.start.setFocus()
    qtbot.keyClick(page.start, Qt.Key.Key_Space)
    assert page.verdict.text() == "Starting the engine\u2026"
    assert page.launch.hasFocus()
    assert not page.start.isEnabled()
    assert not page.launch.queue.isEnabled()
    assert page.launch.export_button.isEnabled(), "the values can be kept meanwhile"
    qtbot.keyClick(page.launch, Qt.Key.Key_Space)
    qtbot.keyClick(page.launch, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    free.set()
    qtbot.waitUntil(lambda: window.pages.front is window.run_page)
    assert window.run_page.header.modes.hasFocus()
    qtbot.waitUntil(lambda: tasks.pool().idle)
    assert len(control.launched) == 1


def test_a_start_that_fails_is_told_on_the_form(qtbot, window, control):
    control.fail = EngineError("The engine could not be started", why="No memory.", fix="Close something.")
    window.activateWindow()
    window.new_run()
    page = window.pages.front
    qtbot.waitUntil(page.start.isEnabled)
    page.start.setFocus()
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "No memory." in page.verdict.text())
    assert page.start.isEnabled()
    assert page.start.hasFocus()
    assert page.launch.queue.isEnabled()


@pytest.mark.parametrize("fails", [True, False])
def test_a_form_that_is_left_while_its_run_starts_keeps_a_draft_only_where_that_fails(qtbot, window, control, fails):
    control.fail = EngineError("The engine could not be started", why="No memory.") if fails else None
    window.new_run()
    page = window.pages.front
    page.set_value("seed", 4)
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.keyClick(page.preset, Qt.Key.Key_Escape)
    # The word of it, and not the run, which a poll may have shown before.
    qtbot.waitUntil(
        lambda: window.banner.isVisible() if fails else "Started lab-demo" in window.status_line.currentMessage()
    )
    window.new_run()
    assert window.pages.front.values()["seed"] == (4 if fails else 0)


def test_escape_leaves_the_form(qtbot, window):
    window.new_run()
    qtbot.keyClick(window.pages.front.preset, Qt.Key.Key_Escape)
    assert window.pages.front is window.pages["empty"]


def test_escape_empties_the_search_for_a_setting_before_it_leaves_the_form(qtbot, window):
    window.activateWindow()
    window.new_run()
    page = window.pages.front
    qtbot.keyClick(page.preset, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    search = page.index.search
    assert page.focusWidget() is search, "the page's own search, not that of runs"
    qtbot.keyClicks(search, "seed")
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert (search.text(), window.pages.front) == ("", page)
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert window.pages.front is window.pages["empty"]


def test_clone_fills_the_form_from_the_run_under_its_present_name(qtbot, window, store, select):
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "odd", "iterations": 7}))
    runs.rename_run(store, run_id, "better name")
    select(window, run_id)
    window.actions_["run.clone"].trigger()
    qtbot.waitUntil(lambda: isinstance(window.pages.front, NewRunPage))
    assert window.pages.front.values()["iterations"] == 7
    assert window.pages.front.values()["name"] == "better name"
    assert window.pages.front.changed() == set()


def test_again_takes_the_next_seed_that_no_such_run_has_had(qtbot, window, store, select):
    def made(name, seed, **more):
        return runs.create_run(store, RunConfig.model_validate({"name": name, "seed": seed, **more}))

    first = made("odd", 3)
    made("renamed", 5)
    made("another", 9, iterations=7)
    select(window, first)
    window.actions_["run.again"].trigger()
    qtbot.waitUntil(lambda: isinstance(window.pages.front, NewRunPage))
    assert (window.pages.front.values()["seed"], window.pages.front.values()["name"]) == (6, "odd")


def test_a_draft_is_kept_on_escape_and_when_another_run_is_looked_at(qtbot, window, store, select):
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "other"}))
    for leave in (lambda page: qtbot.keyClick(page.preset, Qt.Key.Key_Escape), lambda page: select(window, run_id)):
        window.new_run()
        page = window.pages.front
        page.set_value("seed", page.values()["seed"] + 4)
        wanted = page.values()["seed"]
        leave(page)
        qtbot.waitUntil(lambda: not isinstance(window.pages.front, NewRunPage))
        window.new_run()
        assert window.pages.front.values()["seed"] == wanted


def test_a_run_that_was_started_leaves_no_draft(qtbot, window, control):
    window.new_run()
    page = window.pages.front
    page.set_value("seed", 4)
    qtbot.mouseClick(page.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.pages.front is window.run_page)
    window.new_run()
    assert window.pages.front.values()["seed"] == 0


def test_a_run_is_added_to_the_queue(qtbot, window, store, monkeypatch):
    asked = []

    def queue_run(store, config, preset):
        asked.append((config.seed, preset))
        return runs.create_run(store, config, preset)

    monkeypatch.setattr("sapo_ui.shell.run_starter.run_queue.queue_run", queue_run)
    window.new_run()
    page = window.pages.front
    page.set_value("seed", 4)
    qtbot.mouseClick(page.launch.queue, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.pages.front is window.run_page)
    assert asked == [(4, "lab-demo")]
    assert "into the queue" in window.status_line.currentMessage(), "nothing was started"


def test_a_failed_run_is_started_again_from_its_own_page(qtbot, window, store, control, select, monkeypatch):
    settings = []
    control.resume_with = lambda store, run_id, told: settings.append((run_id, told))
    error = ErrorText("The device ran out of memory", "CUDA", "")
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "mine"}))
    runs.set_status(store, run_id, RunStatus.RUNNING)
    runs.set_status(store, run_id, RunStatus.FAILED, error)
    select(window, run_id)
    failure = window.run_page.failure
    qtbot.waitUntil(lambda: failure.failure is not None)
    assert failure.isVisible()
    assert not window.run_page.panels.isVisible()
    failure.change.editor.setText("8")
    qtbot.mouseClick(failure.primary, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: settings == [(run_id, ["runtime.micro_tokens=8"])])
    qtbot.mouseClick(failure.past, Qt.MouseButton.LeftButton)
    assert window.run_page.panels.isVisible()
    assert window.run_page.banner.action.text() == "Why it failed"
    qtbot.mouseClick(window.run_page.banner.action, Qt.MouseButton.LeftButton)
    assert failure.isVisible()
    qtbot.mouseClick(failure.all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: isinstance(window.pages.front, NewRunPage))
    assert window.pages.front.values()["runtime.micro_tokens"] == 8
