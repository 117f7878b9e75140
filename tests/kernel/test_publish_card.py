"""The model card's head is YAML whatever stands in it, licences are told as the Hub knows them, and places of a machine
are taken out of settings."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.publishing import snippets
from sapo_studio.app.publishing.card import card
from sapo_studio.app.publishing.card_head import head, licence
from sapo_studio.app.publishing.facts import Facts, Number
from sapo_studio.app.publishing.scrub import scrub
from sapo_studio.app.publishing.snippets import Prompting
from sapo_studio.app.publishing.wanted import Base, Chosen, Wanted, base_of
from sapo_studio.app.reports.provenance import FileFact, Origin
from sapo_studio.config.schema import parse_config
from sapo_studio.store.alarms import RaisedAlarm
from sapo_studio.store.records import MetricValue

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)


def facts(name="a model", base=None, stated="not stated", *, verifier=False, **sections) -> Facts:
    """What a card is made from, before an engine has answered."""
    config = parse_config(
        {"task": {"kind": "gsm8k", "train_data": "hub:openai/gsm8k"}, "model": {"source": "hub:a/b"}, **sections}
    )
    number = "verifier_step_accuracy" if verifier else "greedy_accuracy"
    return Facts(
        name=name,
        wanted=Wanted("run-1", verifier=verifier),
        chosen=Chosen(2, Path("model"), False),
        config=config,
        base=base or Base("a/b", True),
        origins=[
            Origin("Reasoner", "/home/somebody/models/base", stated, [FileFact("model.safetensors", "d1", 1, 0.0)])
        ],
        numbers=[Number(number, MetricValue(0.5, 0.4, 0.6, 100), MetricValue(0.3, 0.2, 0.4, 100))],
        alarms=[RaisedAlarm(1, 1, "gap", 0.0, "The gap has widened.", {}, None)],
        answer={},
    )


@given(TEXTS, TEXTS)
def test_the_head_is_yaml_whatever_stands_in_it(name, stated):
    text = head(facts(name, stated=stated))
    assert text.startswith("---\n")
    assert text.endswith("\n---\n")
    told = yaml.safe_load(text[4:-4])
    assert told["model-index"][0]["name"] == name
    (result,) = told["model-index"][0]["results"]
    assert result["metrics"] == [
        {"type": "accuracy", "name": "Greedy accuracy: 50.0 % (40.0 % to 60.0 %, n = 100)", "value": 0.5}
    ]
    assert told["datasets"] == ["openai/gsm8k"]
    assert told["base_model"] == ["a/b"]


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("Apache-2.0, as this program", {"license": "apache-2.0"}),
        ("MIT (stated by README.md)", {"license": "mit"}),
        ("not stated", {"license": "other", "license_name": "unknown"}),
        (
            "Apache License Version 2.0 (stated by LICENSE)",
            {"license": "other", "license_name": "apache-license-version-2.0"},
        ),
        ("\u4e00", {"license": "other", "license_name": "unknown"}),
    ],
)
def test_a_licence_is_told_as_the_hub_knows_it(stated, told):
    assert licence(stated) == told


def test_the_card_says_what_is_known_and_what_is_not():
    text = card(facts())
    assert "| Greedy accuracy | test questions (gsm8k) | 50.0 % (40.0 % to 60.0 %, n = 100) | 30.0 %" in text
    assert "* Not measured: Sampled accuracy." in text
    assert "* Numbers are of as few as 100 questions: look at their intervals." in text
    assert "Alarm in iteration 1, the gap widens: The gap has widened." in text
    assert "`base`" in text
    assert "/home/somebody" not in text
    judge = card(facts(verifier=True))
    assert 'pipeline_tag: "token-classification"' in judge
    assert "100 solutions" in judge


def test_no_text_of_others_is_markup_in_the_card():
    evil = "x` </code>\n\n## Free | <img src=x> [a](http://b) *b*"
    made = facts(stated=evil)
    origin = Origin("Reasoner", f"/m/{evil.replace('/', '')}", evil, [FileFact(evil, "d1", 1, 0.0)])
    raised = RaisedAlarm(1, 1, "gap", 0.0, evil, {}, None)
    number = replace(made.numbers[0], of=evil)
    made = replace(made, origins=[origin], alarms=[raised], numbers=[number], base=Base(evil))
    text = card(made).partition("\n---\n")[2]
    assert "\n## Free" not in text
    without_code = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    assert re.findall(r"(?<!\\)(?:<img|\[a\]|\*b\*)", without_code) == []
    (row,) = [line for line in text.splitlines() if line.startswith("| Greedy accuracy")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_a_card_can_be_written_whatever_its_question_has():
    code = snippets.reasoner(
        ".", "half \ud83d, \u202e turned ```", Prompting({"before": "", "after": "", "chat": False, "turns": []}, True)
    )
    assert "\u202e" not in code
    (line,) = [line for line in code.encode().decode().splitlines() if line.startswith("question = ")]
    assert ast.literal_eval(line.partition(" = ")[2]) == "half \ud83d, \u202e turned ```"


def test_a_base_is_named_as_others_know_it(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"name": "a/b", "commit": "c0ffee"}))
    assert base_of(facts().config, tmp_path) == Base("a/b", True, "c0ffee")
    local = facts(model={"source": str(tmp_path / "some" / "folder")})
    assert base_of(local.config, tmp_path) == Base("folder")


def test_places_of_a_machine_are_taken_out_of_settings(tmp_path):
    told = {
        "_name_or_path": "/home/me/x",
        "eos_token": "</s>",
        "tokens": {"/": 1},
        "vocab_file": "/home/me/vocab.json",
        "base_model_name_or_path": "a/b",
        "auto": [{"file": "C:\\models\\x"}, {"file": "vocab.txt"}],
        "is_local": True,
        "prompt": {"before": "/no path of a machine"},
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(told))
    scrub(tmp_path)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text()) == {
        "eos_token": "</s>",
        "tokens": {"/": 1},
        "base_model_name_or_path": "a/b",
        "auto": [{}, {"file": "vocab.txt"}],
        "prompt": {"before": "/no path of a machine"},
    }
