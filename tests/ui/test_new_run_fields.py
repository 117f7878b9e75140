"""The New run form: which fields are seen, and what chooses a value beside typing it."""

import pytest
from PySide6.QtWidgets import QFileDialog, QLineEdit

from sapo_studio.config.schema import RunConfig, field_paths
from sapo_studio.hardware import Card
from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.page import NewRunPage, PresetChoice
from sapo_ui.features.new_run.pickers import CardPicker, DataPicker, ModelPicker


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


def seen(page, *paths):
    return [page.rows[path].isVisible() for path in paths]


def choose(page, path, text):
    page.rows[path].editor.setCurrentText(text)


def test_only_what_matters_to_the_task_is_seen(page):
    written = ("task.train_data", "task.prompt", "task.steps", "task.test_seconds")
    lab = ("task.min_steps", "model.hidden_size")
    assert (seen(page, *written), seen(page, *lab)) == ([False] * 4, [True] * 2)
    page.rows["model.source"].editor.setText("some-folder")
    choose(page, "task.kind", "gsm8k")
    assert (seen(page, *written), seen(page, *lab)) == ([True, True, True, False], [False] * 2)
    choose(page, "task.kind", "mbpp")
    assert seen(page, "task.test_seconds") == [True]
    assert page.config.task.kind == "mbpp"


def test_a_field_appears_with_the_choice_that_it_belongs_to(page):
    page.rows["model.source"].editor.setText("hub:owner/name")
    choose(page, "task.kind", "gsm8k")
    pairs = {
        "task.shots": ("task.prompt", "few-shot", "plain"),
        "task.step_pattern": ("task.steps", "pattern", "auto"),
        "model.lora_rank": ("model.tuning", "lora", "full"),
        "runtime.vllm_memory": ("runtime.backend", "vllm", "hf"),
    }
    for path, (decider, on, off) in pairs.items():
        assert seen(page, path) == [False], path
        choose(page, decider, on)
        assert seen(page, path) == [True], path
        choose(page, decider, off)
        assert seen(page, path) == [False], path
    choose(page, "verifier.base", "shared")
    assert seen(page, "model.lora_rank", "model.revision") == [True, True]


def test_the_fields_of_rft_appear_where_it_comes_first(qtbot, page):
    assert seen(page, "optimiser.rft_iterations", "optimiser.max_pairs") == [True, True]
    choose(page, "optimiser.kind", "grpo")
    assert seen(page, "optimiser.rft_iterations", "optimiser.max_pairs") == [True, False]
    editor = page.rows["optimiser.rft_iterations"].editor
    editor.selectAll()
    qtbot.keyClicks(editor, "1")
    assert seen(page, "optimiser.max_pairs", "optimiser.eta") == [True, False]
    choose(page, "optimiser.kind", "sft")
    assert seen(page, "optimiser.rft_iterations") == [False]


def test_a_hidden_field_keeps_its_value_and_shows_itself_when_it_is_wrong(qtbot, page):
    editor = page.rows["task.min_steps"].editor
    assert isinstance(editor, QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "7")
    page.rows["model.source"].editor.setText("some-folder")
    choose(page, "task.kind", "gsm8k")
    assert (seen(page, "task.min_steps"), page.config.task.min_steps) == ([False], 7)
    choose(page, "task.kind", "arithmetic")
    editor.selectAll()
    qtbot.keyClicks(editor, "99")
    choose(page, "task.kind", "gsm8k")
    assert seen(page, "task.min_steps") == [True]
    assert page.rows["task.min_steps"].wrong.isVisible()


def test_every_rule_names_fields_that_there_are():
    known = set(field_paths())
    values = form_spec.flatten(RunConfig().model_dump())
    for spec in form_spec.fields():
        form_spec.matters(spec, values)  # looks up every path of every rule
    assert set(form_spec.ONLY_WITH) <= known
    assert {path for rules in form_spec.ONLY_WITH.values() for path, _ in rules} <= known


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
    assert "No card" in row.picker.toolTip()
