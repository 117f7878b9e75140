"""Which fields are seen."""

import pytest
from PySide6.QtWidgets import QLineEdit

from sapo_studio.config.schema import RunConfig
from sapo_ui.features.new_run.page import NewRunPage
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
