"""The registry of task kinds: everybody's list is made from it."""

from __future__ import annotations

import pytest

from sapo_studio.config.schema import RunConfig, TaskConfig, parse_config
from sapo_studio.domain.task_kinds import ALL, CHOICES, CHOICES_HELP, LAB, PROGRAMS, TASK_KINDS, WRITTEN, listed
from sapo_studio.errors import InputError
from sapo_studio.forecast.lengths import lengths


def test_what_can_be_learned():
    assert CHOICES == ("arithmetic", "gsm8k", "math", "mbpp", "humaneval", "jsonl")
    assert CHOICES[1:] == WRITTEN
    assert PROGRAMS == ("mbpp", "humaneval", "jsonl")
    assert [kind.key for kind in ALL if kind.own_data] == ["gsm8k", "math", "mbpp", "humaneval"]
    assert len(TASK_KINDS) == len(ALL)
    assert all(f"`{kind.key}`" in CHOICES_HELP and kind.help in CHOICES_HELP for kind in ALL)


def test_the_form_and_the_configuration_take_the_registered_ones_alone():
    form = RunConfig.model_json_schema()["$defs"]["TaskConfig"]["properties"]
    assert form["kind"]["enum"] == list(CHOICES)
    assert form["kind"]["description"].endswith(CHOICES_HELP)
    assert form["train_data"]["kinds"] == " ".join(WRITTEN)
    assert form["test_seconds"]["kinds"] == " ".join(PROGRAMS)
    assert form["min_steps"]["kinds"] == LAB
    for key in CHOICES:
        given = {"task": {"kind": key, "train_data": "questions.jsonl"}, "model": {"source": "bundled:lab"}}
        assert parse_config(given).task.kind == key
    listed_ = ", ".join(map(repr, CHOICES[:-1])) + f" or {CHOICES[-1]!r}"
    for wrong in ("gsm8", "GSM8K", "", 3, None):
        with pytest.raises(InputError) as caught:
            parse_config({"task": {"kind": wrong}})
        assert caught.value.why == f"task.kind: should be {listed_} (given: {wrong!r})"


@pytest.mark.parametrize("key", WRITTEN)
def test_a_kind_without_data_of_its_own_needs_some(key: str):
    given = {"task": {"kind": key}, "model": {"source": "bundled:lab"}}
    if TASK_KINDS[key].own_data:
        assert parse_config(given).task.train_data == ""
        return
    with pytest.raises(InputError, match="not valid") as caught:
        parse_config(given)
    assert f'kind = "{key}" needs train_data, the file of your questions' in caught.value.why


@pytest.mark.parametrize(
    ("key", "figures"),
    [
        ("gsm8k", (95, 230, 130, 320, 4.5)),
        ("math", (110, 350, 230, 320, 8)),
        ("mbpp", (150, 300, 80, 400, 5)),
        ("humaneval", (170, 400, 90, 400, 5)),
        ("jsonl", (120, 400, 150, 320, 6)),
    ],
)
def test_lengths_where_nothing_can_be_measured(key: str, figures: tuple[float, ...]):
    found = lengths(TaskConfig(kind=key, train_data="hub:a/b"))
    assert (found.prompt, found.longest_prompt, found.solution, found.longest_solution, found.steps) == figures
    assert found.assumption == TASK_KINDS[key].lengths.told


def test_keys_in_a_sentence():
    assert [listed("abc"[:count], "or") for count in range(4)] == ["", "a", "a or b", "a, b or c"]


def test_the_default_is_the_lab():
    assert RunConfig().task.kind == LAB
