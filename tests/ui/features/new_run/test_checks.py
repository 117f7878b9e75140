"""What is looked at before Start: the model, the data, and what is not installed."""

import sys
import threading

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from sapo_studio import engines, processes
from sapo_studio.app.set_up.missing import Missing
from sapo_studio.app.set_up.model_look import ModelLook
from sapo_studio.config.card_check import trouble_here
from sapo_studio.errors import EngineError, InputError
from sapo_ui.features.new_run.checks import SetupChecks
from sapo_ui.services import tasks
from tests.fixtures.held import settled
from tests.fixtures.two_cards import TwoCards
from tests.ui.features.new_run.conftest import looking, preset


@pytest.fixture
def words(tmp_path):
    """A preset of a written task whose questions lie on this disk."""
    data = tmp_path / "own.jsonl"
    data.write_text("{}\n")
    return preset("words", task={"kind": "jsonl", "train_data": str(data)}, model={"source": "hub:a/b"})


def test_the_model_is_looked_into_once_its_field_is_left(qtbot, open_page, type_into):
    asked = []

    def model(config):
        asked.append(config.model.source)
        return ModelLook(494_000_000, 32_768, True, "")

    page = open_page(look=looking(model=model), all_rows=False)
    row = page.rows["model.source"]
    qtbot.waitUntil(lambda: row.said == "494 M parameters, 32,768 tokens, chat template")
    assert row.tone == "good"
    page.activateWindow()
    row.editor.setFocus()
    type_into(page, "model.source", "bundled:lab")
    assert row.finding is None, "what was found was about another value"
    assert asked == ["fresh"], "not while one types"
    qtbot.keyClick(row.editor, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: asked == ["fresh", "bundled:lab"])
    qtbot.waitUntil(lambda: row.finding is not None)
    page.set_value("seed", 5)
    qtbot.waitUntil(lambda: not page._check_soon.isActive())
    assert asked == ["fresh", "bundled:lab"], "another seed is no other model"


def test_a_model_that_is_not_one_is_wrong_where_it_stands(qtbot, open_page):
    def model(config):
        if config.model.source == "fresh":
            return ModelLook(1, 1, None, "new")
        raise InputError("There is no model /nowhere", why="Nothing is there.")

    page = open_page(look=looking(model=model), all_rows=False)
    page.set_value("model.source", "/nowhere")
    qtbot.waitUntil(lambda: page.wrong() == ["model.source"])
    assert page.rows["model.source"].said == "There is no model /nowhere: Nothing is there."
    assert not page.start.isEnabled()
    page.moves.next_wrong()
    assert page.rows["model.source"].editor.hasFocus() or page.focusWidget() is page.rows["model.source"].editor
    page.set_value("model.source", "fresh")
    qtbot.waitUntil(lambda: page.wrong() == [])
    assert page.start.isEnabled()


def test_one_wrong_value_keeps_nobody_from_looking_at_a_model(qtbot, open_page):
    asked = []

    def model(config):
        asked.append(config.model.source)
        return ModelLook(1000, 512, True, "")

    page = open_page(look=looking(model=model), all_rows=False)
    page.set_value("sampling.samples", 0)
    page.set_value("model.source", "bundled:lab")
    qtbot.waitUntil(lambda: asked[-1:] == ["bundled:lab"])
    qtbot.waitUntil(lambda: page.rows["model.source"].tone == "good")
    assert page.wrong() == ["sampling.samples"]
    qtbot.waitUntil(lambda: page.review.stale)
    assert page.launch.age.text() == "of earlier values"


def test_a_model_without_a_chat_template_cannot_be_asked_by_chat(qtbot, open_page, words):
    look = looking(model=lambda config: ModelLook(1000, 512, False, ""))
    page = open_page([words], look=look, all_rows=False)
    page.set_value("task.prompt", "chat")
    qtbot.waitUntil(lambda: page.wrong() == ["task.prompt"])
    assert page.rows["task.prompt"].said == "the model has no chat template"
    page.set_value("task.prompt", "plain")
    qtbot.waitUntil(lambda: page.wrong() == [])


def test_data_are_read_and_shown_as_examples_with_the_golds_that_fail(qtbot, open_page, words):
    page = open_page([words], all_rows=False)
    row = page.rows["task.train_data"]
    qtbot.waitUntil(lambda: row.said == "3 questions, 1 of 3 golds fail")
    assert row.tone == "warning"
    assert page.start.isEnabled(), "a run leaves such questions out"
    shown = page.preview.text.toPlainText()
    assert page.preview.isVisible()
    assert "First 1 < 2." in shown
    assert "q2: it says 4, not 5" in shown
    page.set_value("task.train_data", "hub:owner/name")
    qtbot.waitUntil(lambda: row.said == "on the Hub: read when the run starts")
    assert not page.preview.isVisible()


@pytest.mark.parametrize(
    ("error", "wrong"), [(InputError("x.jsonl is empty"), True), (EngineError("No engine"), False)]
)
def test_data_that_cannot_be_read_are_wrong_and_an_engine_that_is_not_there_leaves_it_open(
    qtbot, open_page, words, error, wrong
):
    def data(config):
        raise error

    page = open_page([words], look=looking(data=data), all_rows=False)
    row = page.rows["task.train_data"]
    qtbot.waitUntil(lambda: row.finding is not None)
    assert error.what in row.said
    assert (page.wrong() == ["task.train_data"]) is wrong
    assert page.start.isEnabled() is not wrong


def test_what_is_not_installed_stands_above_the_forecast_with_its_command(qtbot, open_page):
    lacks = [Missing("vllm", "runtime.backend", "pip install 'sapo-studio[vllm]'")]
    page = open_page(look=looking(lacking=lambda config: lacks), all_rows=False)
    qtbot.waitUntil(lambda: page.review.lacking.count() == 1)
    line = page.review.lacking.itemAt(0).widget()
    assert line.command.text() == lacks[0].command
    qtbot.mouseClick(line.findChild(QPushButton), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == lacks[0].command


def test_cards_that_are_not_there_are_wrong_where_they_are_asked_for_with_what_would_be_right(
    qtbot, open_page, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pynvml", TwoCards())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    page = open_page(look=looking(cards=trouble_here))
    page.set_value("runtime.processes", 3)
    qtbot.waitUntil(lambda: page.wrong() == ["runtime.processes"])
    row = page.rows["runtime.processes"]
    assert row.said == "runtime.processes = 3, but there are 2 cards to work on. Each process has a card of its own."
    assert not page.start.isEnabled()
    assert row.fix.text() == "Use 2"
    qtbot.mouseClick(row.fix, Qt.MouseButton.LeftButton)
    assert row.value() == 2
    qtbot.waitUntil(page.start.isEnabled)
    page.set_value("runtime.gpus", "1,5")
    qtbot.waitUntil(lambda: page.wrong() == ["runtime.gpus"])
    assert page.rows["runtime.gpus"].fix.text() == "Use 1"
    page.set_value("runtime.device", "cpu")  # and the numbers of cards mean nothing
    qtbot.waitUntil(lambda: page.wrong() == [])


def test_a_form_that_is_left_waits_for_no_answer(qtbot, open_page, tmp_path):
    """The program that was asked is ended, so that nothing else has to wait for the thread."""
    begun = tmp_path / "begun"
    asked = tmp_path / "python"
    asked.write_text(f"#!/bin/sh\necho $$ > {begun}\nexec sleep 600\n")
    asked.chmod(0o755)
    looks = {kind: lambda config: engines.look(asked) for kind in ("model", "data", "lacking")}
    page = open_page(look=looking(**looks), all_rows=False)
    qtbot.waitUntil(lambda: begun.exists() and begun.read_text().endswith("\n"))
    number = int(begun.read_text())
    page.leave()
    qtbot.waitUntil(lambda: tasks.pool().idle)
    assert not processes.is_running(number)


def test_a_value_that_was_replaced_is_looked_at_no_more(qtbot, open_page, tmp_path):
    begun = tmp_path / "begun"
    asked = tmp_path / "python"
    asked.write_text(f"#!/bin/sh\necho $$ > {begun}\nexec sleep 600\n")
    asked.chmod(0o755)

    def model(config):
        if config.model.source == "fresh":
            engines.look(asked)
        return ModelLook(1000, 512, True, "")

    page = open_page(look=looking(model=model), all_rows=False)
    qtbot.waitUntil(begun.exists)
    page.set_value("model.source", "bundled:lab")
    qtbot.waitUntil(lambda: page.rows["model.source"].said == "1 k parameters, 512 tokens, chat template")


def test_what_is_wrong_with_files_of_one_model_is_not_told_of_another(qtbot):
    """A model's files are looked into after the model, and may take long."""
    found = []

    def model(config):
        if config.model.source == "hub:b/b":
            raise InputError("No such model")
        return ModelLook(494_000_000, 32_768, True, "")

    begun, go_on = threading.Event(), threading.Event()

    def files(config):
        begun.set()
        assert go_on.wait(60)
        raise InputError("A part of a/a is missing")

    owner = QObject()
    checks = SetupChecks(owner, looking(model=model, model_files=files))
    checks.found.connect(lambda path, finding: found.append(finding.text) if path == "model.source" else None)
    checks.look(preset("words", model={"source": "hub:a/a"}).config)
    qtbot.waitUntil(begun.is_set)
    checks.look(preset("words", model={"source": "hub:b/b"}).config)
    qtbot.waitUntil(lambda: bool(found) and "No such model" in found[-1])
    go_on.set()
    settled(qtbot)
    assert "No such model" in found[-1]
