"""What can be known of a run before it starts: model and data."""

from __future__ import annotations

import json

import pytest

from sapo_studio.app.set_up.data_look import look_at_data, previewed
from sapo_studio.app.set_up.effect import effect_of
from sapo_studio.app.set_up.model_look import has_template, look_into
from sapo_studio.config.presets import find_preset
from sapo_studio.config.schema import RunConfig
from sapo_studio.errors import InputError
from sapo_studio.forecast import Machine
from sapo_studio.hardware import Card

GIB = 2**30


def config(**sections):
    return RunConfig.model_validate(sections)


def test_the_bundled_model_is_looked_into():
    look = look_into(config(model={"source": "bundled:lab"}))
    assert look.weights > 1000
    assert look.template is False
    assert look.summary.endswith("no chat template")
    assert "parameters" in look.summary


def test_a_fresh_model_and_one_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert look_into(config()).summary.endswith("new")
    words = {"task": {"kind": "gsm8k"}, "model": {"source": "hub:Qwen/Qwen2.5-0.5B"}}
    assert look_into(config(**words)).summary == "494 M parameters, 32,768 tokens, to be downloaded"
    snapshot = tmp_path / "models--Qwen--Qwen2.5-0.5B" / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    numbers = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 16}
    told = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "vocab_size": 100, **numbers}
    (snapshot / "config.json").write_text(json.dumps(told))
    (snapshot / "chat_template.jinja").write_text("{{ messages }}")
    look = look_into(config(**words))
    assert look.template
    assert "still to download: weights" in look.summary


def test_a_model_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="There is no model"):
        look_into(config(task={"kind": "gsm8k"}, model={"source": "/no/such/model"}))


def test_a_chat_template_is_found_wherever_it_may_be(tmp_path):
    assert not has_template(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "x"}))
    assert has_template(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("no json")
    assert not has_template(tmp_path)
    (tmp_path / "chat_template.json").write_text("{}")
    assert has_template(tmp_path)


def test_own_data_are_cut_up_and_each_gold_is_graded(tmp_path):
    rows = [
        {
            "question": f"What is {n} + 1?",
            "solution": f"Take {n}.\nAdd 1.\nThe answer is {n + 1}.",
            "answer": str(n + 1),
        }
        for n in range(60)
    ]
    rows[7]["answer"] = "1000"
    place = tmp_path / "own.jsonl"
    place.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    own = {"kind": "jsonl", "train_data": str(place), "test_data": "hub:owner/name:test"}
    asked = config(task=own, model={"source": "bundled:lab"})
    assert previewed(asked)
    look = look_at_data(asked)
    assert look.rows == 60
    assert len(look.examples) == 5
    assert all(len(one.steps) == 3 for one in look.examples)
    assert len(look.bad) == 1
    assert look.summary.startswith("60 questions, 1 of ")


def test_data_of_the_hub_and_the_lab_are_not_read_for_a_form():
    assert not previewed(config())
    assert not previewed(config(task={"kind": "gsm8k"}, model={"source": "hub:a/b"}))
    hub = {"kind": "jsonl", "train_data": "hub:a/b:train"}
    assert not previewed(config(task=hub, model={"source": "hub:a/b"}))


def test_the_effect_of_a_change_is_that_on_the_phase_that_failed():
    cards = tuple(Card(n, "Card", 24 * GIB, 24 * GIB, 3e13, 3e11, "") for n in range(2))
    machine = Machine(cores=8, total=64 * GIB, free=60 * GIB, matrix=4e10, bandwidth=8e9, cards=cards)
    before = find_preset("gsm8k-qwen2.5-0.5b").config
    runtime = before.runtime.model_copy(update={"micro_tokens": 1000})
    after = before.model_copy(update={"runtime": runtime})
    effect = effect_of(before, after, "verifier", machine)
    assert effect is not None
    assert effect.after < effect.before
    assert effect.where == "Card 0, Card"
    assert "instead of" in effect.words
    assert effect_of(before, after, "sample", machine) is None, "sampling does not go by it"
