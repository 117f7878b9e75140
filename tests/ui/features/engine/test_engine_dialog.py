"""Setting the engine up from the window: nothing is fetched before it was said what, from where, and agreed to."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from sapo_studio import engines
from sapo_studio.app.engine_setup.plan import Machine, Plan
from sapo_studio.errors import EngineError
from sapo_studio.processes import is_running
from sapo_ui.features.engine.dialog import EngineDialog
from sapo_ui.services import engine_setup
from tests.ui.layout_faults import faults

STEPS = [
    {"kind": "engine_setup", "step": 1, "steps": 4, "title": "Making an environment", "detail": ""},
    {"kind": "engine_setup", "step": 2, "steps": 4, "title": "Installing torch", "detail": "fetching torch (194 MB)"},
]
DONE = {"kind": "engine", "python": "/data/engine/1/env/bin/python"}
ERROR = {"kind": "error", "what": "Installing torch failed", "why": "dns error", "fix": "Check the network."}


@pytest.fixture
def setting_up(monkeypatch, tmp_path):
    """What stands for `sapo engine install`: a program in Python, which writes down how it was called."""

    def stands(program: str) -> None:
        called = f"open({str(tmp_path / 'called')!r}, 'w').write(f'{{os.getpid()}} {{sys.argv[1:]}}')"
        command = (sys.executable, "-c", f"import json, os, sys, time\n{called}\n{program}")
        monkeypatch.setattr(engine_setup, "COMMAND", command)

    def plan_for(wanted):
        build = wanted.build or "cpu"
        folder = tmp_path / "engine" / "1" / "env"
        return Plan(folder, Machine("linux", "x86_64"), build, "venv", None, "/usr/bin/python3", Path("/w.whl"), "m")

    monkeypatch.setattr(engine_setup, "plan_for", plan_for)
    stands("")
    return stands


def opened(qtbot) -> EngineDialog:
    """One that goes with its window: it deletes itself when it is closed."""
    window = QWidget()
    qtbot.addWidget(window)
    made = EngineDialog(window)
    made.show()
    made.window_ = window
    return made


def says(*lines: dict[str, object]) -> str:
    return "".join(f"print({json.dumps(line)!r}, flush=True)\n" for line in lines)


@pytest.fixture
def dialog(qtbot, store, setting_up):
    made = opened(qtbot)
    qtbot.waitUntil(lambda: made.ok.isEnabled() and "Looking" not in made.now.text())
    return made


def test_it_says_what_there_is_and_what_setting_up_would_fetch(dialog, tmp_path):
    assert "torch" in dialog.now.text()
    assert sys.executable in dialog.now.text()
    assert "pypi.org, download.pytorch.org" in dialog.said.text()
    assert not (tmp_path / "called").exists()


def test_another_build_is_told_anew_and_asked_for(qtbot, dialog, setting_up, tmp_path):
    setting_up(says(DONE))
    dialog.build.setCurrentIndex(dialog.build.findData("cuda"))
    qtbot.waitUntil(lambda: "NVIDIA" in dialog.said.text() and dialog.ok.isEnabled())
    with qtbot.waitSignal(dialog.ready):
        dialog.ok.click()
    assert "'--build', 'cuda'" in (tmp_path / "called").read_text()


def test_it_is_shown_how_far_it_is_and_what_came_of_it(qtbot, dialog, setting_up):
    seen: list[str] = []
    setting_up(says(*STEPS, DONE))
    dialog._setup.progressed.connect(lambda _: seen.append(dialog.said.text()))
    with qtbot.waitSignal(dialog.ready) as ready:
        dialog.ok.click()
    assert any("2 of 4: Installing torch, fetching torch (194 MB)" in text for text in seen)
    assert ready.args == ["The engine is set up in /data/engine/1/env/bin/python."]
    assert not dialog.working
    assert dialog.close_button.text() == "Close"


@pytest.mark.parametrize(
    ("program", "trouble"),
    [
        (f"print({json.dumps(ERROR)!r}, file=sys.stderr); sys.exit(1)", "Check the network."),
        ("sys.exit('Segmentation fault')", "Segmentation fault"),
        ("print('{', flush=True); sys.exit(3)", "It ended with status 3."),
        (says({"kind": "other"}), "It ended with status 0."),
    ],
)
def test_one_clear_error_and_it_can_be_tried_again(qtbot, dialog, setting_up, program, trouble):
    setting_up(program)
    dialog.ok.click()
    qtbot.waitUntil(lambda: bool(dialog.trouble.text))
    assert trouble in dialog.trouble.text
    assert dialog.ok.isEnabled()
    setting_up(says(DONE))
    with qtbot.waitSignal(dialog.ready):
        dialog.ok.click()
    assert dialog.trouble.text == ""


@pytest.mark.parametrize("how", ["stop", "close"])
def test_stopping_ends_the_process(qtbot, dialog, setting_up, tmp_path, how):
    setting_up(says(*STEPS) + "time.sleep(600)")
    with qtbot.waitSignal(dialog._setup.progressed):
        dialog.ok.click()
    pid = int((tmp_path / "called").read_text().split()[0])
    assert is_running(pid)
    if how == "stop":
        dialog.close_button.click()
        assert dialog.isVisible()
        assert "Stopped" in dialog.said.text()
    else:
        dialog.close()
    assert not is_running(pid)


def test_the_engine_that_does_not_fit_is_said(qtbot, store, setting_up, monkeypatch, tmp_path):
    engines.choose(str(tmp_path / "gone"))
    made = opened(qtbot)
    qtbot.waitUntil(lambda: "There is no Python" in made.now.text())


def test_an_error_is_read_whole_as_soon_as_it_is_said(qtbot, dialog):
    dialog._failed(EngineError("Installing torch for CPUs failed", why="error: Failed to fetch " * 8, fix="Wait. " * 9))
    text = dialog.trouble._text
    qtbot.waitUntil(lambda: text.isVisible() and text.height() >= text.heightForWidth(text.width()) > 40)


def test_nothing_is_cut_off_however_much_is_said(qtbot, setting_up, tmp_path, monkeypatch):
    dialog = opened(qtbot)
    qtbot.waitUntil(dialog.ok.isEnabled)
    qtbot.waitUntil(lambda: faults(dialog) == [])
    dialog._failed(EngineError("It failed", why="Because nothing was found. " * 12, fix=f"See {tmp_path}/{'x' * 50}."))
    qtbot.waitUntil(lambda: faults(dialog) == [])
    dialog.resize(dialog.minimumWidth() + 200, dialog.height())
    qtbot.waitUntil(lambda: faults(dialog) == [])
    dialog.resize(dialog.minimumWidth(), 100)
    qtbot.waitUntil(lambda: faults(dialog) == [])
