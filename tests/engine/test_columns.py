"""Questions of one's own whose columns are called something else: `task.fields`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_engine.service import preview
from sapo_engine.tasks.columns import renamed
from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_studio.config.columns import PARTS, read_columns, show_columns
from sapo_studio.config.presets import parse_toml, to_toml
from sapo_studio.config.schema import TaskConfig
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import PreviewRequest
from sapo_ui.features.new_run import form_spec

DATA = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
ALPACA = {"question": ("instruction", "input"), "answer": ("output",)}


def test_columns_of_alpaca(tmp_path):
    rows = [
        {"instruction": "Add.", "input": "2 and 3", "output": "5"},
        {"instruction": "What is 7?", "input": "", "output": 7},
    ]
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_problems(KINDS["jsonl"], str(file), columns=ALPACA)
    assert [(one.question, one.answer) for one in found] == [("Add.\n\n2 and 3", "5"), ("What is 7?", "7")]
    with pytest.raises(InputError) as caught:
        load_problems(KINDS["jsonl"], str(file), columns={"question": ("instruct",), "answer": ("output",)})
    assert "own.jsonl:1: column 'instruct', which task.fields names for question, is missing" in caught.value.why
    assert "There are: instruction, input, output." in caught.value.why
    with pytest.raises(InputError, match="not valid data") as caught:
        load_problems(KINDS["jsonl"], str(file))
    assert "task.fields" in caught.value.fix


def test_values_within_values():
    row = {"data": {"q": ["a", "b"]}, "data.q": 1, "x": {"y": 2}}
    assert renamed(row, {"question": ("data.q",)}, "here")["question"] == 1
    assert renamed(row, {"question": ("x.y",)}, "here")["question"] == 2
    del row["data.q"]
    assert renamed(row, {"question": ("data.q.1",)}, "here")["question"] == "b"
    for missing in ("data.q.2", "data.z", "x.y.z", "q"):
        with pytest.raises(InputError, match="is missing"):
            renamed(row, {"answer": (missing,)}, "here")


@given(
    columns=st.dictionaries(
        st.sampled_from(PARTS),
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1, max_size=3),
        max_size=3,
    )
)
def test_columns_as_text(columns):
    found = read_columns(show_columns(columns))
    assert {part: [names] if isinstance(names, str) else names for part, names in found.items()} == columns


def test_columns_as_people_write_them():
    assert read_columns("question=a+b, answer = c") == {"question": ["a", "b"], "answer": ["c"]}
    assert read_columns('{question = "a"}') == {"question": "a"}
    assert read_columns(" ") == {}
    for text in ("question", "= a", "question = "):
        with pytest.raises(InputError):
            read_columns(text)


def test_the_configuration_and_the_form_have_them():
    task = '[task]\nkind = "jsonl"\ntrain_data = "x"\nfields = {question = "q", answer = ["a", "b"]}'
    config, _ = parse_toml(f'{task}\n[model]\nsource = "hub:a/b"')
    assert config.task.fields == {"question": ("q",), "answer": ("a", "b")}
    assert parse_toml(to_toml(config))[0] == config
    (spec,) = [spec for spec in form_spec.fields() if spec.path == "task.fields"]
    values = form_spec.flatten(config.model_dump())
    text = form_spec.show(values["task.fields"])
    assert text == 'question = "q", answer = ["a", "b"]'
    assert form_spec.parse(spec, text) == {"question": "q", "answer": ["a", "b"]}
    again, problems = form_spec.check(values | {"task.fields": form_spec.parse(spec, text)}, form_spec.fields())
    assert (again, problems) == (config, [])
    for wrong in ({"quest": "a"}, {"question": ""}, "question"):
        _, problems = form_spec.check(values | {"task.fields": wrong}, form_spec.fields())
        assert [problem.path for problem in problems][:1] == ["task.fields"]
        assert "Columns by what they hold" in problems[0].message


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")
def test_a_real_file_as_it_lies():
    found = load_problems(KINDS["jsonl"], str(DATA / "alpaca.json"), columns=ALPACA)
    assert len(found) == 10
    assert found[1].answer == "The car accelerated rapidly."


def test_the_preview_reads_them(tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps({"q": f"What is {n}?", "a": str(n)}) + "\n" for n in range(40)))
    asked = PreviewRequest(task="jsonl", data=str(file), fields="question=q, answer=a")
    assert preview.answer(asked)["rows"] == 40
    assert TaskConfig(kind="jsonl", train_data="x", fields={"question": "q"}).fields == {"question": ("q",)}
