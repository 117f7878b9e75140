"""Odd files that are legal all the same, in the spirit of each format's documentation: what they are taken for, what
is kept of them, what is refused and where, and that what was kept comes back to the byte.
"""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sapo_studio.app.exports.step_labels import written
from sapo_studio.app.imports.take_in import Imported, known_format, take_in
from sapo_studio.domain.judgements import first_error_here
from sapo_studio.formats.base import ReadAs
from sapo_studio.formats.holding import Losses
from sapo_studio.formats.registry import FORMATS, format_named
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from tests.fixtures.command_line import sapo
from tests.fixtures.step_files import KI, ROWS, STEPS, TREE, completion, lines, math_shepherd

BOM = "\ufeff"
Case = tuple[str, str, str | bytes, int, list[int]]
"""What it is called, its format, the file, how many rows are kept, and the lines (in an array: rows) refused."""


def row(name: str, drop: str = "", **changes: Any) -> dict[str, Any]:
    told = copy.deepcopy(ROWS[name]) | changes
    told.pop(drop, None)
    return told


def pb(number: int = 0, **changes: Any) -> dict[str, Any]:
    return row("processbench", id=f"gsm8k-{number}", **changes)


def prm(*steps: dict[str, Any], **label: Any) -> dict[str, Any]:
    return row("prm800k", label={"steps": list(steps), "total_time": 1, "finish_reason": "solution", **label})


def proposed(*completions: dict[str, Any], human: Any = None, chosen: Any = 0) -> dict[str, Any]:
    return {"completions": list(completions), "human_completion": human, "chosen_completion": chosen}


TWO = [pb(0), pb(1, label=-1, final_answer_correct=True)]
TREE_ROOT = TREE["reasoning_steps"]

FRAMES: list[Case] = [
    ("byte order mark, CRLF", "processbench", BOM + lines(*TWO).replace("\n", "\r\n"), 2, []),
    ("no line end at the end", "processbench", lines(*TWO).rstrip("\n"), 2, []),
    (
        "blank lines before, between and behind",
        "trl",
        f"\n  \n{lines(ROWS['trl'])}\r\n\t\n{lines(ROWS['trl'])}\n\n",
        2,
        [],
    ),
    ("array on a line", "processbench", json.dumps(TWO), 2, []),
    (
        "array with a mark before and blank lines behind",
        "prmbench",
        f"{BOM}\n{json.dumps([ROWS['prmbench']])}\n\n \n",
        1,
        [],
    ),
    ("pretty array", "processbench", json.dumps(TWO, indent=4, ensure_ascii=False) + "\n", 2, []),
    (
        "pretty array with tabs and CRLF",
        "mr_gsm8k",
        json.dumps([ROWS["mr_gsm8k"]] * 3, indent="\t").replace("\n", "\r\n"),
        3,
        [],
    ),
    ("array, a row a line", "processbench", "[\n" + ",\n".join(map(json.dumps, TWO)) + "\n]\n", 2, []),
    ("array, commas before", "trl", "[" + "\n, ".join(json.dumps(ROWS["trl"]) for _ in range(3)) + "]", 3, []),
    (
        "objects over several lines each",
        "math_aps",
        "\n".join(json.dumps(ROWS["math_aps"], indent=2) for _ in range(2)),
        2,
        [],
    ),
    (
        "objects whose first key stands behind the brace",
        "processbench",
        "".join(json.dumps(one, indent=1).replace("{\n ", "{", 1) + "\n" for one in TWO),
        2,
        [],
    ),
    ("one object, spread out", "prm800k", json.dumps(ROWS["prm800k"], indent=1), 1, []),
    ("packed", "processbench", gzip.compress(lines(*TWO).encode()), 2, []),
    (
        "packed in two parts",
        "trl",
        gzip.compress(lines(ROWS["trl"]).encode()) + gzip.compress(lines(ROWS["trl"]).encode()),
        2,
        [],
    ),
    (
        "packed array with CRLF",
        "prmbench",
        gzip.compress(json.dumps([ROWS["prmbench"]] * 2, indent=1).replace("\n", "\r\n").encode()),
        2,
        [],
    ),
    ("rows of no object among others", "trl", lines(1, None, [], "x", ROWS["trl"], {}), 1, [1, 2, 3, 4, 6]),
    (
        "a row that is cut off",
        "trl",
        lines(ROWS["trl"]) + json.dumps(ROWS["trl"])[:-9] + "\n" + lines(ROWS["trl"]),
        2,
        [2],
    ),
    ("the first row cut off", "trl", json.dumps(ROWS["trl"])[:-9] + "\n" + lines(ROWS["trl"], ROWS["trl"]), 2, [1]),
    ("the first row cut off within a text", "trl", '{"prompt": "never\n' + lines(ROWS["trl"], ROWS["trl"]), 2, [1]),
    (
        "two rows on a line",
        "trl",
        json.dumps(ROWS["trl"]) + json.dumps(ROWS["trl"]) + "\n" + lines(ROWS["trl"]),
        1,
        [1],
    ),
    ("space within the rows", "trl", json.dumps(ROWS["trl"], separators=(" ,\t", " : ")) + " \t\n", 1, []),
    ("a header that is no row", "processbench", lines({"dataset": "mine", "version": 2}, *TWO), 2, [1]),
]
TEXTS: list[Case] = [
    (
        "line separators raw within texts",
        "trl",
        json.dumps(row("trl", prompt="a\u2028b\u2029c\x85d\x0be"), ensure_ascii=False).replace("\\u000b", "\\u000b")
        + "\n",
        1,
        [],
    ),
    ("line separators as escapes", "processbench", lines(pb(problem="a\u2028b\u2029c\x85d\x1ee")), 1, []),
    (
        "characters beyond the first plane, raw and escaped",
        "trl",
        lines(row("trl", prompt="\U0001f600")) + json.dumps(row("trl", prompt="\U0001f600"), ensure_ascii=False),
        2,
        [],
    ),
    (
        "NUL and other control characters",
        "processbench",
        lines(pb(problem="a\0b\x1b[31m", steps=["\0", "\x07b", "c"])),
        1,
        [],
    ),
    ("half a character", "trl", lines(row("trl", prompt="\ud83d"), ROWS["trl"]), 1, [1]),
    ("needless escapes", "trl", json.dumps(ROWS["trl"]).replace("W", "\\u0057").replace("/", "\\/"), 1, []),
    (
        "a key twice: the last counts",
        "processbench",
        json.dumps(pb()).replace('"label": 1', '"label": 7, "label": 1'),
        1,
        [],
    ),
    (
        "unknown keys of any kind",
        "prmbench",
        lines(row("prmbench", extra={"deep": [[[1.50, -0, 1e5, None]]]}, **{"": "x", "\u00e9": True})),
        1,
        [],
    ),
    (
        "numbers as they are written",
        "trl",
        json.dumps(ROWS["trl"])[:-1] + ', "x": [1.0, 1E2, -0.0, 123456789012345678901234567890, NaN, -Infinity]}',
        1,
        [],
    ),
    ("an empty step", "processbench", lines(pb(steps=["", " ", "\n"])), 1, []),
    ("no steps", "processbench", lines(pb(0, steps=[], label=-1), pb(1)), 1, [1]),
    ("a very long row", "trl", lines(row("trl", completions=["x" * 300_000] * 3)), 1, []),
    ("many steps", "trl", lines(row("trl", completions=["s"] * 400, labels=[True] * 400)), 1, []),
    (
        "more steps than can be shown",
        "trl",
        lines(row("trl", completions=["s"] * 4096, labels=[True] * 4096), ROWS["trl"]),
        1,
        [1],
    ),
    ("an id twice", "processbench", lines(pb(0), pb(1), pb(0)), 2, [3]),
]
ROWS_OF: list[Case] = [
    (
        "label as float, as text",
        "processbench",
        lines(pb(0, label=1.0), pb(1, label="1"), pb(2, label=-1.0, final_answer_correct=True)),
        2,
        [2],
    ),
    (
        "label that is none",
        "processbench",
        lines(
            pb(0, label=None),
            pb(1, label=True),
            pb(2, label=1.5),
            pb(3, label=-2),
            pb(4, label="x"),
            pb(5, label=[1]),
            pb(6),
        ),
        1,
        [1, 2, 3, 4, 5, 6],
    ),
    (
        "outcome as number and text",
        "processbench",
        lines(
            pb(0, final_answer_correct=0),
            pb(1, final_answer_correct="False"),
            pb(2, final_answer_correct=None),
            pb(3),
        ),
        1,
        [1, 2, 3],
    ),
    (
        "generator null or left out",
        "processbench",
        lines(pb(0, generator=None), row("processbench", "generator", id="1")),
        2,
        [],
    ),
    (
        "id as number; answer null",
        "processbench",
        lines(pb(0) | {"id": 7, "answer": None}, pb(1) | {"id": 8.5, "answer": 3}),
        2,
        [],
    ),
    (
        "steps that are no texts",
        "processbench",
        lines(pb(0, steps=[["a"], ["b"], ["c"]]), pb(1, steps=None), pb(2, steps="a"), pb(3, steps=[1, 2, 3]), pb(4)),
        1,
        [1, 2, 3, 4],
    ),
    (
        "ratings null, float, text",
        "prm800k",
        lines(prm(proposed(completion("a", None)), proposed(completion("b", 1.0)), proposed(completion("c", "-1")))),
        1,
        [],
    ),
    (
        "nothing chosen, written by hand",
        "prm800k",
        lines(
            prm(
                proposed(
                    completion("a", -1),
                    human={"text": "b", "rating": None, "source": "human", "flagged": False, "corrected_rating": None},
                    chosen=None,
                )
            ),
            prm(proposed(completion("a", -1), human="b", chosen=None)),
        ),
        2,
        [],
    ),
    (
        "no steps; no completions",
        "prm800k",
        lines(
            prm(finish_reason="bad_problem"),
            prm({"completions": None, "human_completion": None, "chosen_completion": None}),
            ROWS["prm800k"],
        ),
        1,
        [1, 2],
    ),
    (
        "answer null; finish reason null",
        "prm800k",
        lines(
            row("prm800k", question={"problem": "p", "ground_truth_answer": None}),
            prm(proposed(completion("a", 1)), finish_reason=None),
        ),
        2,
        [],
    ),
    (
        "second phase",
        "prm800k",
        lines(
            row(
                "prm800k",
                generation=9,
                is_initial_screening_question=False,
                question={
                    "problem": "p",
                    "ground_truth_solution": "s",
                    "ground_truth_answer": "2",
                    "pre_generated_steps": ["a"],
                    "pre_generated_answer": "3",
                    "pre_generated_verifier_score": 0.25,
                },
            )
        ),
        1,
        [],
    ),
    (
        "rating beyond 1; completion that is chosen is not there",
        "prm800k",
        lines(prm(proposed(completion("a", 2))), prm(proposed(completion("a", 1), chosen=1)), ROWS["prm800k"]),
        1,
        [1, 2],
    ),
    (
        "marks in the text, no task, line ends of Windows",
        "math_shepherd",
        lines({k: v.replace("\n", "\r\n") for k, v in math_shepherd("+-+").items() if k != "task"}),
        1,
        [],
    ),
    (
        "one step; no space before the mark",
        "math_shepherd",
        lines(math_shepherd("-", ["a + b - c"]), {"input": f"Q? Step 1: a{KI}", "label": "Q? Step 1: a+"}),
        1,
        [2],
    ),
    (
        "fewer marks than steps; no token",
        "math_shepherd",
        lines(
            {**math_shepherd("+-+"), "label": math_shepherd("+-+")["label"][:-2]},
            {"input": "Q? Step 1: a", "label": "Q? Step 1: a +"},
            math_shepherd("+-+"),
        ),
        1,
        [1, 2],
    ),
    (
        "question that talks of Step 1",
        "math_shepherd",
        lines({"input": f"Is Step 1: x right? Step 1: yes {KI}", "label": "Is Step 1: x right? Step 1: yes +"}),
        1,
        [],
    ),
    (
        "labels 0 and 1, text, null",
        "trl",
        lines(
            row("trl", labels=[1, 0, None]),
            row("trl", labels=["true", "False", "1"]),
            row("trl", labels=[1.0, 0.0, None]),
        ),
        3,
        [],
    ),
    (
        "labels nested, too few, no booleans",
        "trl",
        lines(
            row("trl", labels=[[True], [False], [True]]),
            row("trl", labels=[True]),
            row("trl", labels=[2, 0, 1]),
            row("trl", labels=None),
            ROWS["trl"],
        ),
        1,
        [1, 2, 3, 4],
    ),
    ("a step alone", "trl", lines({"prompt": "", "completions": ["a"], "labels": [False]}), 1, []),
    ("no steps, no labels", "trl", lines({"prompt": "p", "completions": [], "labels": []}, ROWS["trl"]), 1, [1]),
    (
        "a conversation as prompt",
        "trl",
        lines(row("trl", prompt=[{"role": "user", "content": "p"}]), ROWS["trl"]),
        1,
        [1],
    ),
    (
        "values 0, 1, text, null",
        "math_aps",
        lines(
            row(
                "math_aps",
                reasoning_steps=[
                    {"solution_prefix": "Q? a", "mc_value": 0},
                    {"solution_prefix": "Q? a b", "mc_value": 1},
                    {"solution_prefix": "Q? a b c", "mc_value": "0.5"},
                    {"solution_prefix": "Q? a b c d", "mc_value": None},
                    {"solution_prefix": "Q? a b c d e"},
                ],
            )
        ),
        1,
        [],
    ),
    (
        "values beyond 1",
        "math_aps",
        lines(row("math_aps", reasoning_steps=[{"solution_prefix": "Q? a", "mc_value": 1.5}]), ROWS["math_aps"]),
        1,
        [1],
    ),
    (
        "beginnings in no order, twice, without the question",
        "math_aps",
        lines(
            row("math_aps", reasoning_steps=ROWS["math_aps"]["reasoning_steps"][::-1]),
            row("math_aps", reasoning_steps=[{"solution_prefix": "a", "mc_value": 1.0}] * 2),
        ),
        2,
        [],
    ),
    (
        "tree: children null, left out",
        "math_aps",
        lines(
            {
                **TREE,
                "reasoning_steps": {
                    **TREE_ROOT,
                    "children": [{"text": "a", "mc_value": 0.5, "children": None}, {"text": "b", "mc_value": 0.5}],
                },
            },
            {**TREE, "reasoning_steps": {"text": "Q?"}},
        ),
        1,
        [2],
    ),
    (
        "id and answer as numbers",
        "math_aps",
        lines(row("math_aps", question_id=7, final_answer=1.5), row("math_aps", "question_id", final_answer=None)),
        2,
        [],
    ),
    (
        "several errors, twice, as floats and texts, none",
        "prmbench",
        lines(
            row("prmbench", error_steps=[3, 1, 1]),
            row("prmbench", error_steps=[1.0, "2"]),
            row("prmbench", error_steps=[]),
        ),
        3,
        [],
    ),
    (
        "errors that are none",
        "prmbench",
        lines(
            row("prmbench", error_steps=[0]),
            row("prmbench", error_steps=[-1]),
            row("prmbench", error_steps=[4]),
            row("prmbench", error_steps=[True]),
            row("prmbench", error_steps=[[1]]),
            row("prmbench", error_steps=None),
            ROWS["prmbench"],
        ),
        1,
        [1, 2, 3, 4, 5, 6],
    ),
    (
        "question as it was, no idx",
        "prmbench",
        lines({k: v for k, v in ROWS["prmbench"].items() if k not in ("idx", "modified_question")}),
        1,
        [],
    ),
    (
        "no first error, spelled in all ways",
        "mr_gsm8k",
        "".join(
            lines(
                row(
                    "mr_gsm8k", model_output_solution_correctness="Correct", model_output_solution_first_error_step=none
                )
            )
            for none in ("N/A", "n/a", "", None, "None", float("nan"))
        ),
        6,
        [],
    ),
    (
        "first error as text, float, word",
        "mr_gsm8k",
        "".join(
            lines(row("mr_gsm8k", model_output_solution_first_error_step=two))
            for two in ("2", 2.0, "2.0", "Step 2", " step 2 ")
        ),
        5,
        [],
    ),
    (
        "correctness as truth value",
        "mr_gsm8k",
        lines(
            row("mr_gsm8k", model_output_solution_correctness=False),
            row(
                "mr_gsm8k",
                model_output_solution_correctness=True,
                model_output_solution_first_error_step="N/A",
                model_output_answer_correctness=True,
            ),
        ),
        2,
        [],
    ),
    (
        "steps as one text",
        "mr_gsm8k",
        lines(row("mr_gsm8k", model_output_steps="\n".join(f"Step {n}: {s}" for n, s in enumerate(STEPS, start=1)))),
        1,
        [],
    ),
    (
        "contradictions, 0, beyond the end",
        "mr_gsm8k",
        lines(
            row("mr_gsm8k", model_output_solution_correctness="correct"),
            row("mr_gsm8k", model_output_solution_first_error_step=0),
            row("mr_gsm8k", model_output_solution_first_error_step=4),
            row("mr_gsm8k", model_output_solution_correctness="maybe"),
            ROWS["mr_gsm8k"],
        ),
        1,
        [1, 2, 3, 4],
    ),
    (
        "own rows with keys of others",
        "sapo",
        lines(row("sapo", label=1, final_answer_correct=False, input="x", prompt="x", completions=[], labels=[])),
        1,
        [],
    ),
    (
        "own rows, as little as there may be",
        "sapo",
        lines({"format": "sapo-steps-1", "id": "", "problem": "", "steps": [""], "step_labels": [None]}),
        1,
        [],
    ),
    (
        "own rows with labels in other words",
        "sapo",
        lines(row("sapo", step_labels=["Correct", "wrong", None]), row("sapo", step_labels=[[], [], []]), ROWS["sapo"]),
        1,
        [1, 2],
    ),
]
CASES = [*FRAMES, *TEXTS, *ROWS_OF]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all cases: files do not meddle with each other."""
    with Store.open(tmp_path_factory.mktemp("odd") / "studio.db") as opened:
        yield opened


def taken_in(store: Store, tmp_path: Path, content: str | bytes) -> Imported:
    file = tmp_path / "odd.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return take_in(store, file, known_format(file), ReadAs())


def text_of(content: str | bytes) -> str:
    return content if isinstance(content, str) else gzip.decompress(content).decode()


@pytest.mark.parametrize(("_", "name", "content", "kept", "refused"), CASES, ids=[case[0] for case in CASES])
def test_odd_files(
    _: str, name: str, content: str | bytes, kept: int, refused: list[int], store: Store, tmp_path: Path
):
    found = taken_in(store, tmp_path, content)
    told = [(one.line, one.why) for one in found.refused]
    assert found.known.name == name
    assert ([line for line, _ in told], found.kept) == (refused, kept), told
    assert all(why for _, why in told)
    again = "".join(written(found.known, store, found.run_id))
    if not refused:
        assert again == text_of(content)
    for known in FORMATS:  # in any other format it can be written, or is told why not
        losses = Losses()
        other = "".join(written(known, store, found.run_id, losses=losses))
        assert other or any("left out" in one for one in losses.told()), known.name
        if other and known.name != name:
            back = taken_in(store, tmp_path, other)
            assert (back.known.name, back.refused) == (known.name, [])


SPELLED = [
    ("processbench", pb(label=1.0), '"label": 1.0', '"label": 0'),
    ("trl", row("trl", labels=["True", "True", "False"]), '["True", "True"', '["False", "True"'),
    ("trl", row("trl", labels=[1, 1, 0]), "[1, 1", "[0, 1"),
    ("mr_gsm8k", row("mr_gsm8k", model_output_solution_correctness=False), 'step": 2', 'step": 1'),
    (
        "prm800k",
        prm(proposed(completion("a", "1")), proposed(completion("b", 1.0)), proposed(completion("c", 1))),
        '"rating": "1"',
        '"rating": "-1"',
    ),
    (
        "math_aps",
        row("math_aps", reasoning_steps=[{"solution_prefix": f"Q? {'abc'[:n]}", "mc_value": "0.5"} for n in (1, 2, 3)]),
        '"Q? a", "mc_value": "0.5"',
        '"Q? a", "mc_value": "0.0"',
    ),
]


@pytest.mark.parametrize(("name", "content", "before", "after"), SPELLED)
def test_what_people_say_is_spelled_as_the_row_spells_it(
    name: str, content: dict[str, Any], before: str, after: str, store: Store, tmp_path: Path
):
    raw = lines(content)
    assert before in raw
    found = taken_in(store, tmp_path, raw)
    (identity, n) = store.row("SELECT id, n_steps FROM trajectories WHERE run_id = ?", (found.run_id,)) or (0, 0)
    annotate(store, identity, "ann", first_error_here(n, 1), filled=set(range(2, n + 1)))
    again = "".join(written(found.known, store, found.run_id, labels="human"))
    assert again == raw.replace(before, after)
    assert taken_in(store, tmp_path, again).refused == []


def test_a_name_that_several_rows_have_is_numbered_where_each_needs_its_own(store: Store, tmp_path: Path):
    found = taken_in(store, tmp_path, lines(*[row("prmbench", idx=name) for name in ("a", "a", "a-2", "a")]))
    losses = Losses()
    text = "".join(written(format_named("processbench"), store, found.run_id, losses=losses))
    assert [json.loads(line)["id"] for line in text.splitlines()] == ["a", "a-2", "a-2-2", "a-3"]
    assert "ids that several have, numbered (3 solutions)" in losses.told()


def test_the_last_line_of_json_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    file = tmp_path / "odd.json"
    file.write_text(BOM + json.dumps([*TWO, pb(2, steps=[], label=-1)], indent=1).replace("\n", "\r\n"), newline="")
    done = sapo("import", file, "--json")
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["kept"], [one["line"] for one in last["refused"]]) == (0, 2, [3])
    assert sapo("export", last["run_id"], "processbench").stdout.startswith(BOM)
