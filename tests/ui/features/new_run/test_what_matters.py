"""Which fields are seen, and that each has its line."""

import pytest

from sapo_ui.features.new_run import form_spec
from sapo_ui.features.new_run.hints import HINTS, LONGEST, hint
from tests.ui.features.new_run.conftest import preset


@pytest.fixture
def page(open_page):
    return open_page([preset("lab")])


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


def test_the_fields_of_rft_appear_where_it_comes_first(page, type_into):
    assert seen(page, "optimiser.rft_iterations", "optimiser.max_pairs") == [True, True]
    choose(page, "optimiser.kind", "grpo")
    assert seen(page, "optimiser.rft_iterations", "optimiser.max_pairs") == [True, False]
    type_into(page, "optimiser.rft_iterations", "1")
    assert seen(page, "optimiser.max_pairs", "optimiser.eta") == [True, False]
    choose(page, "optimiser.kind", "sft")
    assert seen(page, "optimiser.rft_iterations") == [False]


def test_a_hidden_field_keeps_its_value_and_shows_itself_when_it_is_wrong(page, type_into):
    type_into(page, "task.min_steps", "7")
    page.rows["model.source"].editor.setText("some-folder")
    choose(page, "task.kind", "gsm8k")
    assert (seen(page, "task.min_steps"), page.config.task.min_steps) == ([False], 7)
    choose(page, "task.kind", "arithmetic")
    type_into(page, "task.min_steps", "99")
    choose(page, "task.kind", "gsm8k")
    assert seen(page, "task.min_steps") == [True]
    assert page.rows["task.min_steps"].wrong


def test_every_setting_has_a_line_that_fits_and_no_line_is_of_none():
    known = {spec.path: spec for spec in form_spec.fields()}
    for path, spec in known.items():
        values = spec.choices or ("",)
        for value in values:
            assert hint(path, value, spec.help), (path, value)
    assert len(HINTS) > 80
    assert hint("no.such", "", "What it does. And more.") == "What it does"
    for key, text in HINTS.items():
        path, _, value = key.partition("=")
        assert path in known, key
        assert not value or value in known[path].choices, key
        assert 0 < len(text) <= LONGEST, key


def test_the_launcher_is_seen_beside_what_it_has_matter(page):
    """Also where the configuration that the form was filled with has it, so that it is not a change."""
    page.load(page.config.model_copy(update={"runtime": page.config.runtime.model_copy(update={"launcher": "ray"})}))
    both = {"runtime.launcher", "runtime.ray_address"}
    assert not both & page.state.shown("", everything=False).paths
    page.set_value("runtime.ray_address", "node1:6379")
    assert both <= page.state.shown("", everything=False).paths


def test_a_text_of_another_shape_is_told_what_is_right(page):
    page.set_value("runtime.launcher", "ray")
    page.set_value("runtime.ray_address", "nonsense")
    (problem,) = page.state.problems
    assert (problem.path, problem.message) == (
        "runtime.ray_address",
        "Give HOST:PORT, such as 10.0.0.1:6379, or nothing.",
    )
