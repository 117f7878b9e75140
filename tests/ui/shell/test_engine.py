"""Where there is no engine, the window offers to set one up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sapo_studio.app.engine_setup import standing
from sapo_studio.app.engine_setup.plan import Machine, Plan
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError, NoEngine
from sapo_studio.store import queries
from sapo_ui.features.engine.dialog import EngineDialog
from sapo_ui.services import engine_setup
from sapo_ui.services.control import SupervisorControl


@pytest.fixture
def packaged(monkeypatch):
    """The packaged program, which has no engine of its own."""
    plan = Plan(Path("/e/1/env"), Machine("linux", "x86_64"), "cpu", "venv", None, "python3", Path("/w.whl"), "m")
    monkeypatch.setattr(engine_setup, "plan_for", lambda wanted: plan)
    monkeypatch.setattr(sys, "frozen", True, raising=False)


def test_no_run_is_made_that_could_have_no_engine(packaged, store):
    with pytest.raises(NoEngine):
        SupervisorControl().start(store, RunConfig(), "")
    assert queries.list_runs(store) == []


def test_starting_a_run_offers_to_set_one_up(packaged, qtbot, open_window, control):
    window = open_window()
    control.fail = NoEngine("There is no engine yet")
    window.start_demo()
    qtbot.waitUntil(lambda: window.findChild(EngineDialog) is not None)
    dialog = window.findChild(EngineDialog)
    qtbot.waitUntil(lambda: "There is no engine yet" in dialog.now.text())
    window.actions_["store.engine"].trigger()
    window.show_error(InputError("another"))
    assert len(window.findChildren(EngineDialog)) == 1
    dialog.close()


def test_an_engine_of_another_release_is_said_when_the_window_is_there(qtbot, open_window, monkeypatch):
    fault = InputError("The engine is of another release than this program", why="It was set up by release 0.0.9.")
    monkeypatch.setattr(standing, "of_another_release", lambda: fault)
    window = open_window()
    window.warm_up.ended.emit()
    qtbot.waitUntil(window.banner.isVisible)
    assert "another release" in window.banner.what.text()


def test_the_form_gives_way_to_it(packaged, qtbot, open_window, control):
    window = open_window()
    control.fail = NoEngine("There is no engine yet")
    window.new_run()
    window.pages.front.start_requested.emit(RunConfig(), "")
    qtbot.waitUntil(lambda: window.findChild(EngineDialog) is not None)
    window.findChild(EngineDialog).close()
