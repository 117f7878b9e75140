"""What chooses a value beside typing it."""

import sys

import pytest
from PySide6.QtWidgets import QFileDialog

from sapo_studio import engines
from sapo_ui.features.new_run.pickers import DataPicker, ModelPicker, PythonPicker


@pytest.fixture
def page(open_page):
    return open_page(all_rows=False)


def actions(picker):
    return {action.text().replace("&", ""): action for action in picker.menu().actions()}


def test_a_model_is_chosen(page, monkeypatch, tmp_path):
    picker = page.rows["model.source"].picker
    assert isinstance(picker, ModelPicker)
    actions(picker)["Bundled: lab"].trigger()
    assert page.config.model.source == "bundled:lab"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(tmp_path))
    actions(picker)["Model folder\u2026"].trigger()
    assert page.config.model.source == str(tmp_path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: ("", ""))
    actions(picker)["GGUF file\u2026"].trigger()  # cancelled
    assert page.config.model.source == str(tmp_path)


def test_a_file_of_questions_is_chosen(page, monkeypatch, tmp_path):
    picker = page.rows["task.train_data"].picker
    assert isinstance(picker, DataPicker)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: (str(tmp_path / "own.jsonl"), ""))
    picker.click()
    assert page.config.task.train_data == str(tmp_path / "own.jsonl")


def test_a_python_is_chosen_for_this_run_and_for_all(qtbot, page, monkeypatch):
    monkeypatch.delenv(engines.PYTHON_VARIABLE, raising=False)
    picker = page.rows["runtime.engine_python"].picker
    assert isinstance(picker, PythonPicker)
    actions(picker)["This program's own"].trigger()
    assert page.config.runtime.engine_python == sys.executable
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: ("/opt/torch/bin/python", ""))
    actions(picker)["Choose a Python\u2026"].trigger()
    assert page.config.runtime.engine_python == "/opt/torch/bin/python"
    actions(picker)["Use it for all runs"].trigger()
    qtbot.waitUntil(lambda: not page.config.runtime.engine_python)
    assert str(engines.python_of()) == "/opt/torch/bin/python"
    actions(picker)["Forget the one for all runs"].trigger()
    qtbot.waitUntil(lambda: str(engines.python_of()) == sys.executable)
