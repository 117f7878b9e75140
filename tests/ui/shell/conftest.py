"""The whole window over a real store; only the engine is left out."""

from __future__ import annotations

import os

import pytest

from sapo_studio import processes
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_ui.features.new_run.presets import PresetChoice
from sapo_ui.services import tasks
from sapo_ui.services.control import SupervisorControl
from sapo_ui.services.poller import Poller
from sapo_ui.services.settings import Settings
from sapo_ui.shell.main_window import MainWindow, WindowParts


class OnePreset:
    """The demo's preset alone; what is saved is kept in memory."""

    def __init__(self):
        self.saved = {}

    def all(self, on_fault):
        return [PresetChoice("lab-demo", RunConfig.model_validate({"name": "lab-demo"}), "The demo.")]

    def save(self, name, config):
        self.saved[name] = config


class NoEngine(SupervisorControl):
    """Creates runs for real, but launches nothing."""

    def __init__(self):
        self.launched = []
        self.fail = None

    def start(self, store, config, preset):
        if self.fail is not None:
            raise self.fail
        run_id = runs.create_run(store, config, preset)
        self.launched.append(run_id)
        return run_id

    def resume(self, store, run_id):
        self.launched.append(run_id)


@pytest.fixture
def control():
    return NoEngine()


@pytest.fixture
def open_window(qtbot, home, control):
    """Opens windows with the given panels; all are closed in the end."""
    opened = []

    def open_(panels=()):
        poller = Poller()
        window = MainWindow(WindowParts(Settings(), poller, control, OnePreset(), home / "studio.db", panels))
        qtbot.addWidget(window)
        window.resize(1280, 800)
        window.show()
        poller.start()
        opened.append((window, poller))
        return window

    yield open_
    for window, poller in opened:
        window.close()
        assert poller.stop()
    tasks.stop()


@pytest.fixture
def window(open_window):
    return open_window()


@pytest.fixture
def add_run(store):
    """Adds a run to the store: `add_run("name", RunStatus.RUNNING)`; one that is alive is this process's."""

    def add(name="run", status=None):
        run_id = runs.create_run(store, RunConfig.model_validate({"name": name}))
        if status is not None:
            me = processes.identify(os.getpid())
            runs.set_status(store, run_id, RunStatus.RUNNING)
            runs.heartbeat(store, run_id, pid=me.pid, pid_started=me.started)
            if status is not RunStatus.RUNNING:
                runs.set_status(store, run_id, status)
        return run_id

    return add


@pytest.fixture
def select(qtbot, store):
    """Selects a run in the list, as soon as it is there as the store has it: a poll may have seen it half written."""

    def select_(window, run_id):
        qtbot.waitUntil(lambda: window.run_list.select(run_id))
        assert window.run_page.run_id == run_id
        wanted = queries.get_run(store, run_id)
        qtbot.waitUntil(lambda: (window.current_run().status, window.current_run().pid) == (wanted.status, wanted.pid))

    return select_
