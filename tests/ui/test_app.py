"""The program from its command line, the whole of it, and the pictures it takes of itself."""

import os
import subprocess
import sys
import threading
import time

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from sapo_studio import __version__
from sapo_studio.config.presets import save_preset
from sapo_studio.config.schema import RunConfig
from sapo_studio.store import runs
from sapo_ui import app
from sapo_ui.shell import warm_up

QUIET = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def studio(*arguments, **environment):
    plain = {key: value for key, value in os.environ.items() if key not in QUIET}
    return subprocess.run(
        [sys.executable, "-m", "sapo_ui.app", *arguments],
        env=plain | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_version_and_help_need_no_display():
    assert __version__ in studio("--version").stdout
    assert "--demo" in studio("--help").stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux runs without a display server")
def test_without_a_display_the_command_line_is_named():
    ended = studio()
    assert ended.returncode == 2
    assert "sapo run lab-demo" in ended.stderr


@pytest.fixture
def program(qapp, home, monkeypatch):
    opened = []

    def make(**options):
        made = app.Program(settings=home / "window.ini", **options)
        opened.append(made)
        return made

    yield make
    for made in opened:
        assert made.close()


def add(store, name):
    return runs.create_run(store, RunConfig.model_validate({"name": name}))


class StyleChanges(QObject):
    """How often a widget of `app` has been given another style or style sheet."""

    def __init__(self, watched):
        super().__init__()
        self.seen = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched, event):  # noqa: N802
        self.seen += event.type() == QEvent.Type.StyleChange and isinstance(watched, QWidget)
        return False


def test_the_window_is_dressed_once(qapp, program, store):
    add(store, "one")
    made = program()
    changes = StyleChanges(qapp)
    window = made.open()
    qapp.removeEventFilter(changes)
    assert "QPushButton" in qapp.styleSheet()
    assert changes.seen < 1.5 * len(window.findChildren(QWidget)), "nine times as often without `bare`"


def test_a_run_named_on_the_command_line_is_shown(qtbot, program, store):
    add(store, "one")
    wanted = add(store, "two")
    add(store, "three")
    window = program(run="two").open()
    qtbot.waitUntil(lambda: window.run_page.run_id == wanted)


def test_an_unknown_run_is_told(qtbot, program, store):
    add(store, "one")
    window = program(run="no-such-run").open()
    qtbot.waitUntil(window.banner.isVisible)
    assert "no-such-run" in window.banner.text


def test_closing_leaves_nothing(qtbot, program, store):
    threads = threading.active_count()
    made = program()
    window = made.open()
    assert threading.active_count() > threads
    window.close()
    assert made.close()
    assert threading.active_count() == threads


def test_the_users_presets_are_in_the_form(qtbot, program, store):
    save_preset("mine", RunConfig.model_validate({"name": "mine", "iterations": 2}))
    window = program().open()
    window.new_run()
    page = window.pages.currentWidget()
    names = [page.preset.itemText(at) for at in range(page.preset.count())]
    assert "mine" in names
    page.preset.activated.emit(names.index("mine"))
    assert page.config.iterations == 2


def test_an_idle_window_costs_next_to_nothing(qtbot, monkeypatch, program, store):
    monkeypatch.setattr(warm_up, "SOON_MS", 1)
    monkeypatch.setattr(warm_up, "PAUSE_MS", 0)
    add(store, "ended")
    window = program().open()
    qtbot.waitUntil(lambda: window.run_list.model.rowCount() == 1)
    qtbot.waitUntil(lambda: window.warm_up.done, timeout=20_000)
    qtbot.wait(300)
    before, began = time.process_time(), time.monotonic()
    qtbot.wait(3000)
    share = (time.process_time() - before) / (time.monotonic() - began)
    assert share < 0.02, f"{100 * share:.1f} % of a core"
