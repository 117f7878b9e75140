"""ProcessBench: exact format, round trip, whose labels."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.exports.step_labels import export
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.errors import InputError
from sapo_studio.formats.processbench import Item, read, to_line
from sapo_studio.store import annotations, queries
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def items(draw: st.DrawFn) -> Item:
    steps = draw(st.lists(TEXT, min_size=1, max_size=8))
    return Item(
        id=draw(TEXT),
        generator=draw(TEXT),
        problem=draw(TEXT),
        steps=tuple(steps),
        final_answer_correct=draw(st.booleans()),
        label=draw(st.integers(-1, len(steps) - 1)),
    )


@given(made=st.lists(items(), max_size=5))
def test_what_is_written_is_read_back(made: list[Item]):
    lines = [to_line(item) for item in made]
    assert all("\n" not in line for line in lines)
    assert list(read(lines)) == made
    assert list(read(iter("\n".join(lines).split("\n")))) == made


def test_a_line_has_the_fields_of_the_benchmark():
    line = (
        '{"id": "gsm8k-0", "generator": "Qwen2-7B", "problem": "p", "steps": ["a", "b"],'
        ' "final_answer_correct": true, "label": -1}'
    )
    (item,) = read([line, "", "  "])
    assert item.first_error == 0
    assert to_line(item) == line


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"label": 2}, "label"),
        ({"label": -2}, "label"),
        ({"label": True}, "label"),
        ({"label": "1"}, "label"),
        ({"steps": []}, "steps"),
        ({"steps": "a"}, "steps"),
        ({"final_answer_correct": 1}, "final_answer_correct"),
        ({"id": None}, "id"),
    ],
)
def test_faults_name_line_and_field(change: dict[str, object], field: str):
    good = {"id": "x", "generator": "g", "problem": "p", "steps": ["a", "b"], "final_answer_correct": False, "label": 0}
    with pytest.raises(InputError) as caught:
        list(read([json.dumps(good), json.dumps(good | change)], source="file.jsonl"))
    assert "file.jsonl:2" in caught.value.what
    assert caught.value.why.startswith(field)


def test_a_broken_line_is_named():
    with pytest.raises(InputError, match=":1 is not ProcessBench"):
        list(read(["{"]))


def test_labels_of_people_rollouts_and_the_oracle(store: Store):
    run_id = synthetic_run(store, trajectories=24, questions=8, iterations=1)
    assert list(export(store, run_id)) == []
    ids = [int(identity) for identity in queries.trace_ids(store, queries.TraceFilter(run_id))[:3]]
    n_steps = [row.n_steps for row in queries.trace_rows(store, ids)]
    annotations.annotate(store, ids[0], "ann", first_error_here(n_steps[0], 2))
    annotations.annotate(store, ids[1], "ann", no_error(n_steps[1]))
    annotations.annotate(store, ids[2], "ann", {1: 1})  # not finished
    human = list(export(store, run_id))
    assert [item.label for item in human] == [1, -1]
    assert list(read([to_line(item) for item in human])) == human
    detail = queries.trace(store, ids[0])
    assert (human[0].problem, list(human[0].steps)) == (detail.question, detail.steps)
    assert (human[0].final_answer_correct, human[0].generator) == (detail.correct, f"{run_id}/M0")

    oracle = list(export(store, run_id, labels="oracle", source="process"))
    assert [item.first_error for item in oracle] == [
        truth for (truth,) in store.rows("SELECT truth FROM trajectories WHERE source = 'process' ORDER BY id")
    ]
    assert len(oracle) == 8
    rollouts = list(export(store, run_id, labels="rollouts", iteration=1))
    assert [item.first_error for item in rollouts] == [
        verified
        for (verified,) in store.rows(
            "SELECT verified FROM trajectories WHERE verified IS NOT NULL AND iteration = 1 ORDER BY id"
        )
    ]
    assert len(rollouts) == 24
