"""ProcessBench: exact format, round trip, whose labels."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.exports.step_labels import labeled_solutions
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.processbench import FORMAT
from sapo_studio.store import annotations, queries
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

read, write = FORMAT.read, FORMAT.write
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def solutions(draw: st.DrawFn) -> LabeledSolution:
    steps = draw(st.lists(TEXT, min_size=1, max_size=8))
    return LabeledSolution(
        id=draw(TEXT),
        generator=draw(TEXT),
        problem=draw(TEXT),
        steps=tuple(steps),
        final_answer_correct=draw(st.booleans()),
        first_error=draw(st.integers(0, len(steps))),
    )


@given(made=st.lists(solutions(), max_size=5))
def test_what_is_written_is_read_back(made: list[LabeledSolution]):
    lines = list(write(made))
    assert all(line.index("\n") == len(line) - 1 for line in lines)
    assert [json.loads(line)["label"] for line in lines] == [solution.first_error - 1 for solution in made]
    assert list(read(lines)) == made
    assert list(read(iter("".join(lines).split("\n")))) == made


def test_a_line_has_the_fields_of_the_benchmark():
    line = (
        '{"id": "gsm8k-0", "generator": "Qwen2-7B", "problem": "p", "steps": ["a", "b"],'
        ' "final_answer_correct": true, "label": -1}'
    )
    (solution,) = read([line, "", "  "])
    assert solution.first_error == 0
    assert list(write([solution])) == [line + "\n"]


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
    assert list(labeled_solutions(store, run_id)) == []
    ids = [int(identity) for identity in queries.trace_ids(store, queries.TraceFilter(run_id))[:3]]
    n_steps = [row.n_steps for row in queries.trace_rows(store, ids)]
    annotations.annotate(store, ids[0], "ann", first_error_here(n_steps[0], 2))
    annotations.annotate(store, ids[1], "ann", no_error(n_steps[1]))
    annotations.annotate(store, ids[2], "ann", {1: 1})  # not finished
    human = list(labeled_solutions(store, run_id))
    assert [solution.first_error for solution in human] == [2, 0]
    facts = {"id", "problem", "steps", "final_answer_correct", "first_error"}
    assert [one.model_dump(include=facts) for one in read(write(human))] == [
        one.model_dump(include=facts) for one in human
    ]
    detail = queries.trace(store, ids[0])
    assert (human[0].problem, list(human[0].steps)) == (detail.question, detail.steps)
    assert (human[0].final_answer_correct, human[0].generator) == (detail.correct, f"{run_id}/M0")

    oracle = list(labeled_solutions(store, run_id, labels="oracle", source="process"))
    assert [solution.first_error for solution in oracle] == [
        truth for (truth,) in store.rows("SELECT truth FROM trajectories WHERE source = 'process' ORDER BY id")
    ]
    assert len(oracle) == 8
    rollouts = list(labeled_solutions(store, run_id, labels="rollouts", iteration=1))
    assert [solution.first_error for solution in rollouts] == [
        verified
        for (verified,) in store.rows(
            "SELECT verified FROM trajectories WHERE verified IS NOT NULL AND iteration = 1 ORDER BY id"
        )
    ]
    assert len(rollouts) == 24


ROW = {"id": "x", "generator": "g", "problem": "p", "steps": ["a", "b"], "final_answer_correct": False, "label": 1}


@given(made=st.lists(solutions(), max_size=5), indent=st.sampled_from([None, 1]))
def test_the_published_array_reads_as_the_lines_do(made: list[LabeledSolution], indent: int | None):
    text = json.dumps([json.loads(line) for line in write(made)], indent=indent)
    assert list(read(text.splitlines(keepends=True))) == made


@pytest.mark.parametrize("as_array", [False, True])
@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"label": 1.0}, "first_error", 2),
        ({"label": -1.0}, "first_error", 0),
        ({"id": 17}, "id", "17"),
        ({"id": 1.5}, "id", "1.5"),
        ({"generator": None}, "generator", ""),
    ],
)
def test_as_others_write_it(change: dict[str, object], field: str, value: object, as_array: bool):
    row = {key: inner for key, inner in (ROW | change).items() if inner is not None}
    (solution,) = read([json.dumps([row] if as_array else row)])
    assert getattr(solution, field) == value


@pytest.mark.parametrize("change", [{"label": 1.5}, {"label": True}, {"id": True}, {"steps": "a"}, {"label": 2.0}])
def test_faults_in_an_array_name_the_row(change: dict[str, object]):
    with pytest.raises(InputError, match=r"file\.json row 2 is not ProcessBench") as caught:
        list(read([json.dumps([ROW, ROW | change])], source="file.json"))
    assert caught.value.why.startswith(next(iter(change)))


@pytest.mark.parametrize("text", ["[", "[1]", "[[]]", "[" * 100_000, "[{}", json.dumps([ROW]) + "x"])
def test_arrays_that_are_none(text: str):
    with pytest.raises(InputError, match="is not ProcessBench"):
        list(read([text]))


def test_a_wrong_answer_without_a_wrong_step_contradicts():
    rows = [ROW | {"label": -1}, ROW, ROW | {"label": -1, "final_answer_correct": True}]
    assert [solution.contradicts for solution in read([json.dumps(rows)])] == [True, False, False]
