"""What chooses a value beside typing it."""

import pytest
from PySide6.QtWidgets import QFileDialog

from sapo_studio.config.schema import RunConfig
from sapo_studio.hardware import Card
from sapo_ui.features.new_run.page import NewRunPage
from sapo_ui.features.new_run.pickers import CardPicker, DataPicker, ModelPicker
from sapo_ui.features.new_run.presets import PresetChoice


@pytest.fixture
def page(qtbot):
    made = NewRunPage([PresetChoice("lab", RunConfig(), "")])
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    made.build_all()
    for card in made.cards.values():
        card.unfold(True)
    return made


def test_a_model_is_chosen(page, monkeypatch, tmp_path):
    row = page.rows["model.source"]
    assert isinstance(row.picker, ModelPicker)
    actions = {action.text(): action for action in row.picker.menu().actions()}
    actions["Bundled: lab"].trigger()
    assert page.config.model.source == "bundled:lab"
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(tmp_path))
    actions["Model folder\u2026"].trigger()
    assert page.config.model.source == str(tmp_path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: ("", ""))
    actions["GGUF file\u2026"].trigger()  # cancelled
    assert page.config.model.source == str(tmp_path)


def test_a_file_of_questions_is_chosen(page, monkeypatch, tmp_path):
    row = page.rows["task.train_data"]
    assert isinstance(row.picker, DataPicker)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: (str(tmp_path / "own.jsonl"), ""))
    row.picker.click()
    assert page.config.task.train_data == str(tmp_path / "own.jsonl")


def test_cards_are_ticked(page):
    row = page.rows["runtime.gpus"]
    assert isinstance(row.picker, CardPicker)
    row.picker.offer(tuple(Card(n, f"Card {n}", 24 * 2**30, 2**30, 1e12, 1e12, "") for n in range(3)))
    assert row.picker.isEnabled()
    for action in row.picker.menu().actions()[::2]:
        action.trigger()
    assert page.config.runtime.gpus == "0,2"
    row.picker.offer(())
    assert not row.picker.isEnabled()
    assert "No GPU" in row.picker.toolTip()
