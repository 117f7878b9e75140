"""The formats of rows: what each reads, what it writes, what is lost between them, what is refused and why."""

from __future__ import annotations

import copy
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.holding import Fact, Losses
from sapo_studio.formats.raw_rows import BrokenRowsError, RawRow, RawRows
from sapo_studio.formats.registry import FORMATS, IMPORTED, read_file, recognized
from sapo_studio.formats.rows import RowError, RowFormat
from sapo_studio.formats.splice import edited
from sapo_studio.formats.step_labels import first_error_of, labels_of
from tests.fixtures.step_files import KI, ROWS, STEPS, TREE, completion, lines, math_shepherd, solutions

DATA = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
NAMES = [known.name for known in FORMATS]


def format_of(name: str) -> RowFormat:
    rows = next(known for known in FORMATS if known.name == name).load().rows
    assert rows is not None
    return rows


def read(name: str, row: object, read_as: ReadAs = ReadAs()) -> list[LabeledSolution]:  # noqa: B008
    return list(format_of(name).solutions(RawRow(1, 1, "", "", row), read_as))


def changed(name: str, **changes: Any) -> dict[str, Any]:
    return copy.deepcopy(ROWS[name]) | changes


@pytest.mark.parametrize(
    ("name", "labels", "outcomes"),
    [
        ("processbench", ["10?"], [False]),
        ("prm800k", ["11n0", "0", "10", "11?"], [None] * 4),
        ("math_shepherd", ["101"], [True]),
        ("trl", ["101"], [None]),
        ("math_aps", ["11", "10", "1"], [None] * 3),
        ("prmbench", ["010"], [None]),
        ("mr_gsm8k", ["10?"], [False]),
        ("sapo", ["1n?"], [None]),
    ],
)
def test_what_a_row_says(name: str, labels: list[str], outcomes: list[bool | None]):
    found = read(name, ROWS[name])
    assert [one.labels for one in found] == labels
    assert [one.final_answer_correct for one in found] == outcomes
    assert [one.first_error for one in found] == [first_error_of(text) for text in labels]


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_known_by_what_stands_in_it(name: str, tmp_path: Path):
    for text in (lines("no object", ROWS[name]), json.dumps([ROWS[name]], indent=1), json.dumps(ROWS[name], indent=2)):
        file = tmp_path / "steps.txt"
        file.write_text(text)
        assert recognized(file).name == name


def test_the_ways_of_a_row_of_prm800k():
    went, beside, refused, unrated = read("prm800k", ROWS["prm800k"])
    assert went.steps == ("2 + 3 = 5", "Then double it.", "5 is odd.", "5 * 2 = 12")
    assert beside.steps == ("2 + 3 = 6",)
    assert refused.steps[-1] == "Let me think."
    assert (unrated.steps[-1], unrated.first_error) == ("5 * 2 = 11", None)


def test_a_row_of_prm800k_ends_where_nothing_was_proposed():
    row = changed("prm800k")
    row["label"]["steps"].insert(2, {"completions": None, "human_completion": None, "chosen_completion": None})
    assert read("prm800k", row)[0].labels == "11"
    row["label"]["steps"] = []
    with pytest.raises(RowError, match="no step"):
        read("prm800k", row)
    row["label"]["steps"] = [{"completions": [completion("a", 1)], "chosen_completion": 1}]
    with pytest.raises(RowError, match="only 1 completions"):
        read("prm800k", row)


def test_calculator_marks_and_signs_are_no_labels():
    (one,) = read("math_shepherd", math_shepherd("+-+"))
    assert one.steps[0] == f"Step 1: {STEPS[0]}"
    assert one.problem == "What is 2 + 3, doubled?"
    (other,) = read("math_shepherd", math_shepherd("-", ["3 - 4 = <<3-4=-1>>-1\nand + 2 -\nis 1"]))
    assert (other.labels, len(other.steps)) == ("0", 1)


def test_list_and_tree_hold_the_same_solutions():
    listed, tree = read("math_aps", ROWS["math_aps"]), read("math_aps", TREE)
    assert [(one.steps, one.labels, one.values) for one in listed] == [
        (one.steps, one.labels, one.values) for one in tree
    ]
    assert listed[1].values == (0.5, 0.0)
    assert [one.labels for one in read("math_aps", TREE, ReadAs(threshold=0.5))] == ["01", "00", "0"]


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("processbench", {"label": 3}, "3, but there are only 3 steps"),
        ("trl", {"labels": [True]}, "3 completions and 1 labels"),
        ("math_shepherd", {"label": math_shepherd("+-+")["label"].replace(" -\nStep 3", "\nStep 3")}, "3 steps and 2"),
        ("prmbench", {"error_steps": [1, 4]}, "step 4 is incorrect, but there are only 3 steps"),
        ("mr_gsm8k", {"model_output_solution_first_error_step": 4}, "step 4 is incorrect, but there are only 3 steps"),
        ("mr_gsm8k", {"model_output_solution_first_error_step": "N/A"}, "wrong, with no first error"),
        ("mr_gsm8k", {"model_output_solution_correctness": "correct"}, "correct, with first error in step 2"),
        ("sapo", {"step_labels": ["correct"]}, "3 steps and 1 labels"),
    ],
)
def test_odd_rows_are_refused_with_both_numbers_or_kept_where_asked(name: str, changes: dict[str, Any], why: str):
    row = changed(name, **changes)
    with pytest.raises(RowError) as caught:
        read(name, row)
    assert why in caught.value.why
    assert caught.value.odd
    (kept,) = read(name, row, ReadAs(keep_odd=True))
    assert len(kept.steps) == 3
    assert kept.first_error is None
    assert "0" not in kept.labels or name == "math_shepherd"


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("processbench", {"steps": []}, "steps"),
        ("trl", {"labels": [1, 2, 0]}, "labels.1"),
        ("trl", {"completions": "a"}, "completions"),
        ("math_aps", {"reasoning_steps": []}, "reasoning_steps"),
        ("prmbench", {"error_steps": [0]}, "error_steps.0"),
        ("prmbench", {"error_steps": None}, "error_steps"),
        ("mr_gsm8k", {"model_output_solution_first_error_step": 0}, "model_output_solution_first_error_step"),
        ("mr_gsm8k", {"model_output_solution_correctness": "maybe"}, "model_output_solution_correctness"),
        ("math_shepherd", {"input": "Step 1: a"}, "input: no step token"),
        ("math_shepherd", {"input": f"a {KI}"}, 'input: no "Step 1:"'),
        ("math_shepherd", {"input": f"q Step 1: a {KI} b"}, "input: its last step"),
        ("prm800k", {"question": {}}, "question.problem"),
        ("sapo", {"format": "sapo-steps-2"}, "format"),
        ("sapo", {"comments": [{"person": "a", "step": 9, "at": 0.0, "text": ""}]}, "comments: step 9"),
        ("sapo", {"problem": "\ud800"}, "It holds half a character"),
    ],
)
def test_faults_name_the_field(name: str, changes: dict[str, Any], field: str):
    with pytest.raises(RowError) as caught:
        read(name, changed(name, **changes))
    assert caught.value.why.startswith(field)
    assert not caught.value.odd


@pytest.mark.parametrize(
    ("name", "changes", "labels"),
    [
        ("processbench", {"label": -1.0}, "111"),
        ("trl", {"labels": [1, 0, None]}, "10?"),
        ("prmbench", {"error_steps": []}, "111"),
        ("prmbench", {"error_steps": ["2", 3.0]}, "100"),
        ("mr_gsm8k", {"model_output_solution_first_error_step": "Step 3"}, "110"),
        ("mr_gsm8k", {"model_output_steps": "Step 1: a\nb\nStep 2: c"}, "10"),
        (
            "mr_gsm8k",
            {"model_output_solution_correctness": "Correct", "model_output_solution_first_error_step": "n/a"},
            "111",
        ),
    ],
)
def test_as_others_write_it(name: str, changes: dict[str, Any], labels: str):
    assert read(name, changed(name, **changes))[0].labels == labels


# -- Writing


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back_as_far_as_it_was_not_named_as_lost(name: str, data: st.DataObject):
    rows, losses = format_of(name), Losses()
    made = data.draw(solutions())
    written = list(rows.lines([made], losses))
    told = losses.told()
    if not written:
        assert any(text.startswith("left out") for text in told)
        return
    (back,) = read(name, json.loads(written[0]))
    assert back.problem == made.problem
    plain = [step.removeprefix(f"Step {number}: ") for number, step in enumerate(back.steps, start=1)]
    assert plain == list(made.steps[: len(plain)])
    assert (len(plain) < len(made.steps)) == any(text.startswith("steps from the first") for text in told)
    if not told:
        assert back.model_copy(update={"steps": made.steps}) == made
    if Fact.STEPS not in rows.holds:
        assert back.first_error == made.first_error
    elif Fact.NEUTRAL in rows.holds:
        assert back.labels == made.labels[: len(plain)]
    else:
        assert back.labels == made.labels[: len(plain)].replace("n", "1")
    for fact, facts in ((Fact.ID, "id"), (Fact.ANSWER, "answer"), (Fact.GENERATOR, "generator")):
        assert (getattr(back, facts) == getattr(made, facts)) or any(text.startswith(fact.value) for text in told)


@pytest.mark.parametrize("name", NAMES)
def test_other_labels_change_nothing_but_labels(name: str):
    rows, raw = format_of(name), json.dumps(ROWS[name])
    before = read(name, ROWS[name])
    for labels in ("000000", "111111"):
        wanted = labels[: len(before[0].steps)]
        new = edited(raw, rows.relabel(ROWS[name], 0, wanted, ReadAs()))
        after = read(name, json.loads(new))
        assert after[0].first_error == first_error_of(wanted)
        if Fact.STEPS in rows.holds and name != "prm800k":  # its human completion has no rating of its own
            assert after[0].labels == wanted
        assert [one.steps for one in after] == [one.steps for one in before]
        assert edited(new, []) == new
    same = rows.relabel(ROWS[name], 0, before[0].labels, ReadAs())
    assert edited(raw, same) == raw


def test_what_a_format_cannot_hold_is_named():
    made = LabeledSolution(
        id="a", generator="g", problem="p", steps=("x", "y", "z"), final_answer_correct=None, labels="n01", answer="7"
    )
    losses = Losses()
    list(format_of("processbench").lines([made, made.relabeled("?11")], losses))
    assert losses.told() == [
        "ungraded final answers, taken as right where no step is incorrect (2 solutions)",
        "labels behind the first error (1 step)",
        "neutral ratings (1 step)",
        "left out: their first error is not known (1 solution)",
    ]
    losses = Losses()
    list(format_of("trl").lines([made.relabeled("1n?")], losses))
    assert losses.told()[-2:] == ["neutral ratings (1 step)", "steps from the first without a label on (1 step)"]
    losses = Losses()
    assert list(format_of("math_shepherd").lines([made.model_copy(update={"steps": ("x", KI, "z")})], losses)) == []
    assert losses.told()[-1] == "left out: the step token stands in their text (1 solution)"


# -- Rows as they stand


ROW = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(ROW, max_size=5),
    indent=st.sampled_from([None, 1, 4]),
    array=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    last=st.booleans(),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_rows_and_what_stands_between_them_are_the_text(
    rows: list[Any], indent: int | None, array: bool, end: str, last: bool, mark: str
):
    if array:
        text = mark + json.dumps(rows, indent=indent, ensure_ascii=False) + (end if last else "")
    else:
        made = end.join(json.dumps(row, ensure_ascii=indent is None) for row in rows)
        text = mark + made + (end if last and rows else "")
    found = RawRows(io.StringIO(text, newline=""))  # as files are read: no other line end than \n and \r
    parts = list(found)
    assert [part.value for part in parts] == rows
    assert "".join(part.gap + part.raw for part in parts) + found.tail == text


def test_objects_over_several_lines_are_rows_too():
    text = json.dumps({"a": 1}, indent=2) + "\n" + json.dumps({"b": [2]}, indent=2) + "\n"
    found = RawRows(text.splitlines(keepends=True))
    assert [(row.line, row.value) for row in found] == [(1, {"a": 1}), (4, {"b": [2]})]


@settings(max_examples=40)
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.lists(st.text()), min_size=1), min_size=1),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    indent=st.sampled_from([1, "\t"]),
)
def test_the_first_key_may_stand_behind_the_brace(rows: list[Any], end: str, indent: Any):
    texts = [json.dumps(row, indent=indent).replace(f"{{\n{' ' if indent == 1 else indent}", "{ ", 1) for row in rows]
    text = end.join(texts).replace("\n", "\r\n") if "\r" in end else end.join(texts)
    found = RawRows(io.StringIO(text, newline=""))
    parts = list(found)
    assert [part.value for part in parts] == rows
    assert "".join(part.gap + part.raw for part in parts) + found.tail == text


@given(text=st.text(st.sampled_from('{}[],:"1a \n'), max_size=40))
def test_whatever_stands_in_a_file_comes_back_or_is_told(text: str):
    found = RawRows(io.StringIO(text, newline=""))
    try:
        parts = list(found)
    except BrokenRowsError:
        return
    assert "".join(part.gap + part.raw for part in parts) + found.tail == text


@pytest.mark.parametrize("text", ["[{}", "[{} {}]", "[{}]x", "[", "[{},]", "[" * 5000])
def test_a_broken_array_is_told(text: str):
    with pytest.raises(BrokenRowsError):
        list(RawRows([text]))


def test_a_line_that_is_no_json_is_a_row_with_a_fault():
    deep = "[" * 500 + "]" * 500
    rows = list(RawRows(['{"a": 1}\n', "{oops\n", f'{{"a": {deep}}}\n', "7\n"]))
    assert [bool(row.fault) for row in rows] == [False, True, True, False]
    assert "nested too deeply" in rows[2].fault
    with pytest.raises(RowError, match="no object"):
        format_of("trl").solutions(rows[3], ReadAs())


@pytest.mark.parametrize(
    ("path", "value", "after"),
    [
        (("b", 1, "c"), 3, '{"a": 1.50, "b" : [ 1e2,{"c": 3} ], "a": 2}'),
        (("a",), 2, '{"a": 1.50, "b" : [ 1e2,{"c": true} ], "a": 2}'),
        (("a",), "\u00e4", '{"a": 1.50, "b" : [ 1e2,{"c": true} ], "a": "\\u00e4"}'),
        (("b", 1, "c"), 1, '{"a": 1.50, "b" : [ 1e2,{"c": 1} ], "a": 2}'),
    ],
)
def test_single_values_are_changed_in_place(path: tuple[str | int, ...], value: object, after: str):
    raw = '{"a": 1.50, "b" : [ 1e2,{"c": true} ], "a": 2}'
    assert edited(raw, [(path, value)]) == after
    with pytest.raises(KeyError):
        edited(raw, [(("c",), 1)])


@given(labels=st.text("10n?", min_size=1, max_size=9))
def test_the_first_error_and_the_labels_say_the_same(labels: str):
    first = first_error_of(labels)
    if first is not None:
        assert first_error_of(labels_of(first, len(labels))) == first
        assert first == 0 or labels[first - 1] == "0"


# -- As a process benchmark


def test_any_format_is_a_process_benchmark(tmp_path: Path):
    for known in IMPORTED:
        file = tmp_path / f"{known.name}.json"
        file.write_text(json.dumps([ROWS[known.name]]))
        found = read_file(file) if known.name != "sapo" else []
        assert all(one.first_error is not None for one in found)
        assert len(found) == {"prm800k": 3, "math_aps": 3, "sapo": 0}.get(known.name, 1)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")
@pytest.mark.parametrize(
    ("pattern", "name", "count"),
    [
        ("format_math_aps.jsonl", "math_aps", 81),
        ("format_math_aps_tree.jsonl", "math_aps", 137),
        ("format_math_shepherd.jsonl", "math_shepherd", 3),
        ("format_mr_gsm8k.json", "mr_gsm8k", 8),
        ("format_prm800k.jsonl", "prm800k", 14),
        ("format_prmbench.jsonl", "prmbench", 12),
        ("processbench_gsm8k.json", "processbench", 150),
    ],
)
def test_real_files(pattern: str, name: str, count: int):
    file = DATA / pattern
    assert recognized(file).name == name
    assert len(read_file(file)) == count


@pytest.mark.parametrize("said", [2, 2.0, "2", "2.0", " Step 2 ", "step 2"])
def test_mr_gsm8k_as_tables_write_its_first_error(said: object):
    assert read("mr_gsm8k", changed("mr_gsm8k", model_output_solution_first_error_step=said))[0].first_error == 2


@pytest.mark.parametrize("said", [None, float("nan"), "N/A", "n/a ", "", "None"])
def test_mr_gsm8k_as_tables_write_no_error(said: object):
    facts = {"model_output_solution_correctness": "Correct", "model_output_solution_first_error_step": said}
    assert read("mr_gsm8k", changed("mr_gsm8k", **facts))[0].first_error == 0


def test_whole_numbers_that_tables_turned_into_fractions():
    steps = changed("prm800k")["label"]["steps"]
    steps[0]["chosen_completion"] = 0.0
    steps[0]["completions"][0]["rating"] = 1.0
    label = ROWS["prm800k"]["label"] | {"steps": steps}
    found = read("prm800k", changed("prm800k", label=label))
    assert [one.labels for one in found] == ["11n0", "0", "10", "11?"]


def test_a_tree_says_what_is_wrong_with_it_as_a_tree():
    leaf = {"text": "a", "mc_value": 0.5, "children": None}
    tree = {"text": "Q?", "children": [leaf]}
    assert read("math_aps", changed("math_aps", reasoning_steps=tree))[0].labels == "1"
    for steps, where in (
        ({"text": "Q?", "children": [leaf | {"mc_value": 2}]}, "tree.children.0.mc_value"),
        ([{"solution_prefix": "Q?", "mc_value": 2}], "list.0.mc_value"),
    ):
        with pytest.raises(RowError, match=f"reasoning_steps.{where}: should be at most"):
            read("math_aps", changed("math_aps", reasoning_steps=steps))
