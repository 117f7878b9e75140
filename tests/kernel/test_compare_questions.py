"""Two runs question by question, and `sapo compare`."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sapo_studio.app.comparison.by_question import OUTCOMES, questions
from sapo_studio.app.comparison.metrics import SHOWN, metric_named
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from tests.fixtures.answered_runs import answered_run
from tests.fixtures.command_line import answered, said
from tests.fixtures.rows_read import counted

TEXTS = [f"Question {n}?" for n in range(8)]
LEFT, RIGHT = "11110000", "11001100"
"""Both right: 0 and 1; left only: 2 and 3; right only: 4 and 5; neither: 6 and 7."""


@pytest.fixture
def pair(store: Store) -> tuple[str, str]:
    left = answered_run(
        store,
        [LEFT],
        name="left",
        questions=TEXTS,
        samples=[[LEFT, LEFT, "1" * 8, "0" * 8]],
        scores={2: [0.5, 0.7], 3: [0.9, 0.9], 4: [0.4, 0.6], 5: [0.1, 0.1]},
    )
    right = answered_run(
        store,
        [RIGHT],
        name="right",
        questions=TEXTS,
        samples=[[RIGHT, "0" * 8]],
        scores={2: [0.2, 0.2], 3: [0.8, 0.8], 4: [0.6, 0.8], 5: [0.9, 0.9]},
        config={"optimiser": {"beta": 0.0}},
    )
    return left, right


def test_wins_and_losses_with_the_traces_behind_them(store: Store, pair: tuple[str, str]) -> None:
    found = questions(store, *pair)
    assert (found.both, found.left_only, found.right_only, found.neither) == (2, 2, 2, 2)
    assert (found.n, found.n_left, found.n_right, found.n_common, found.total) == (8, 8, 8, 8, 8)
    by_place = {row.place: row for row in found.rows}
    assert [by_place[place].outcome for place in range(1, 9)] == [one for one in OUTCOMES for _ in range(2)]
    third = by_place[3]
    assert (third.text, third.reference, third.left.answer, third.right.answer) == ("Question 2?", "7", "7", "8")
    assert third.gap == pytest.approx(0.6 - 0.2, abs=1e-4)
    assert third.left.scores == pytest.approx((0.5, 0.7), abs=1e-4)
    assert (third.left.samples_correct, third.left.samples, third.right.samples) == (3, 4, 2)
    for side, run_id in ((third.left, pair[0]), (third.right, pair[1])):
        trace = queries.trace(store, side.trajectory)
        assert (trace.run_id, trace.question_id, trace.correct) == (run_id, side.question, side.correct)
        assert (trace.question, trace.sample) == ("Question 2?", 0)


def test_the_widest_gap_stands_first(store: Store, pair: tuple[str, str]) -> None:
    won = questions(store, *pair, outcome="left")
    assert [row.place for row in won.rows] == [3, 4]
    lost = questions(store, *pair, outcome="right")
    assert [row.place for row in lost.rows] == [6, 5]
    every = questions(store, *pair)
    gaps = [abs(row.gap) for row in every.rows if row.gap is not None]
    assert gaps == sorted(gaps, reverse=True)
    assert [row.gap for row in every.rows[4:]] == [None] * 4  # nobody scored them
    assert every.gap_by == "scores"
    assert [row.place for row in questions(store, *pair, sort="question").rows] == [*range(1, 9)]


def test_without_scores_the_samples_tell(store: Store) -> None:
    a = answered_run(store, ["11"], name="a", samples=[["10", "10", "11"]])
    b = answered_run(store, ["11"], name="b", samples=[["01", "01", "01"]])
    found = questions(store, a, b)
    assert found.gap_by == "samples"
    assert [row.gap for row in found.rows] == [pytest.approx(1.0), pytest.approx(-2 / 3)]
    bare = [answered_run(store, ["11"], name=name) for name in "cd"]
    assert questions(store, *bare).gap_by == ""


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 9), st.sampled_from([None, *OUTCOMES]), st.sampled_from(["gap", "question"]))
def test_pages_are_parts_of_the_whole(store: Store, pair: tuple[str, str], limit: int, outcome, sort) -> None:
    whole = questions(store, *pair, outcome=outcome, sort=sort)
    pages = [
        questions(store, *pair, outcome=outcome, sort=sort, offset=at, limit=limit)
        for at in range(0, whole.total + limit, limit)
    ]
    assert tuple(row for page in pages for row in page.rows) == whole.rows
    assert {page.total for page in pages} == {len(whole.rows)}


def test_different_questions(store: Store, pair: tuple[str, str]) -> None:
    other = answered_run(store, ["111"], name="other", questions=[TEXTS[6], "New?", TEXTS[0]])
    found = questions(store, pair[0], other)
    assert (found.rows, found.n, found.n_common, found.common_helps) == ((), 0, 2, True)
    assert (
        found.refused == f"Not the same questions: {pair[0]} answers 8 questions and {other} 3; 2 of them are the same."
    )
    found = questions(store, pair[0], other, common=True, sort="question")
    assert [row.text for row in found.rows] == [TEXTS[0], TEXTS[6]]
    assert (found.both, found.right_only) == (1, 1)


def test_runs_without_answers(store: Store, pair: tuple[str, str]) -> None:
    old = answered_run(store, ["1" * 8], name="old", questions=TEXTS, kept=False)
    assert "keeps no single answers" in questions(store, pair[0], old).refused
    fresh = answered_run(store, ["1" * 8], name="going", status=RunStatus.RUNNING)
    store.execute("DELETE FROM metrics WHERE run_id = ?", (fresh,))
    assert questions(store, pair[0], fresh).refused == f"{fresh} has evaluated nothing yet."
    with pytest.raises(InputError, match="given twice"):
        questions(store, pair[0], "left")


def test_the_work_grows_with_the_answers_and_no_faster(store: Store) -> None:
    """Nothing is looked up once a question by going through the others."""
    spent: list[int] = []
    for n in (100, 400):
        mine = [answered_run(store, ["10" * (n // 2)], name=f"{name}{n}", samples=[["1" * n] * 4]) for name in "ab"]
        with counted(store) as work:
            questions(store, *mine, limit=5)
        spent.append(work.tens)
    assert spent[1] < 5 * spent[0]


# -- The command


def test_it_prints_what_it_found(store: Store, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # in a narrower one cells are wrapped
    code, out, err = said("compare", *pair, "--baseline", "right", "--questions")
    assert (code, err) == (0, "")
    for words in (
        *("2 runs, on test questions: the same 8 questions", "right *", "At the last iteration"),
        *("left less right", "exact McNemar over questions", "no difference shown", "+0.0", "-50.0 to +50.0"),
        *("Greedy accuracy, % by iteration", "optimiser.beta", "equal keys", "Question by question"),
        *("8 questions: both 2, left only 2, right only 2, neither 2. Shown: 1 to 8 of 8.", "Question 3?", "✗ 0.20"),
    ):
        assert words in out, words


def test_json_says_the_same(store: Store, pair: tuple[str, str]) -> None:
    code, (told,), err = answered(
        "compare", *pair, "--metric", "greedy", "--metric", "sampled", "--questions", "--limit", "3"
    )
    assert (code, err) == (0, "")
    assert [run["key"] for run in told["runs"]] == [*pair]
    assert told["tested"] == ["greedy_accuracy", "sampled_accuracy"]
    greedy, sampled = told["differences"]
    assert (greedy["left_label"], greedy["right_label"], greedy["test"]) == ("right", "left", "mcnemar")
    assert (greedy["wins"], greedy["losses"], greedy["p"]) == (2, 2, 1.0)
    assert greedy["questions"] == {"left": 8, "right": 8, "common": 8}
    assert sampled["p_holm"] >= sampled["p"]
    assert told["configuration"]["different"][0]["values"] == {pair[0]: 0.3, pair[1]: 0.0}
    assert told["configuration"]["different"][0]["unlike"] == [pair[1]]
    assert told["configuration"]["equal"]["sampling.samples"] == 8
    (page,) = told["by_question"]
    assert (page["left"], page["right"], len(page["rows"]), page["total"]) == (pair[1], pair[0], 3, 8)
    assert told["runs"][0]["metrics"]["greedy_accuracy"]["value"] == 0.5
    assert told["runs"][0]["curves"]["greedy_accuracy"][0]["flops"] == 0.0


def test_csv_has_a_row_a_number(store: Store, pair: tuple[str, str]) -> None:
    code, out, _ = said("compare", *pair, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert {row["table"] for row in rows} == {"curve", "difference", "config"}
    (difference,) = (row for row in rows if row["table"] == "difference")
    assert (difference["run"], difference["other"], difference["p"]) == ("right", "left", "1.0")
    assert difference["text"] == "no difference shown"
    curve = [row for row in rows if row["table"] == "curve" and row["metric"] == "greedy_accuracy"]
    assert [(row["run"], row["iteration"], row["value"], row["n"]) for row in curve] == [
        (run, "0", "0.5", "8") for run in pair
    ]
    beta = [json.loads(row["text"]) for row in rows if row["metric"] == "optimiser.beta"]
    assert beta == [0.3, 0.0]
    _, out, _ = said("compare", *pair, "--csv", "--questions", "--outcome", "left", "--limit", "1")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["left"], row["outcome"], row["left_correct"], row["right_correct"]) == (pair[1], "left", "1", "0")
    assert row["question"] == "Question 5?"


def test_what_is_wrong_with_a_command_line(store: Store, pair: tuple[str, str]) -> None:
    file = runs.create_import(store, "file")[1]
    for arguments, words in (
        (("left", "nobody"), "There is no run 'nobody'"),
        (("left", file), "is an imported file"),
        (("left", "left"), "given twice"),
        (("left", "right", "--metric", "gredy"), "Did you mean greedy?"),
        (("left", "right", "--set", "far"), "None of the runs was measured on a set 'far'"),
        (("left", "right", "--json", "--csv"), "given both"),
        (("left", "right", "--outcome", "left"), "Add --questions."),
        (("left", "--questions"), "needs two runs"),
        (("left", "right", "--iteration", "4"), "Iteration 4 of left-1 was not evaluated"),
    ):
        code, out, err = said("compare", *arguments)
        assert (code, out) == (2, ""), arguments
        assert words in " ".join(err.split()), arguments


def test_seeds_are_compared_with_their_like(store: Store) -> None:
    for beta in (0.3, 0.0):
        for seed in (0, 1):
            answered_run(
                store,
                ["1100" if beta else "1000"],
                name=f"m/{beta}/{seed}",
                seed=seed,
                questions=[f"{seed} {n}" for n in range(4)],
                config={"optimiser": {"beta": beta}},
            )
    ids = [run.id for run in reversed(queries.list_runs(store))]
    _, (told,), _ = answered("compare", *ids, "--questions")
    assert [(page["left"], page["right"]) for page in told["by_question"]] == [(ids[2], ids[0]), (ids[3], ids[1])]
    assert [group["label"] for group in told["groups"]] == ["m/0.3", "m/0.0"]
    _, out, _ = said("compare", *ids)
    assert "4 runs, 2 configurations" in out
    assert "Over seeds" in out
    assert "m/0.0 less m/0.3" in out
    _, out, _ = said("compare", *ids, "--each", "--x", "flops")
    assert "Over seeds" not in out


def test_many_runs_are_told_by_value(store: Store) -> None:
    ids = [
        answered_run(store, ["10"], name=f"run {n}", config={"labeling": {"rollouts": 8 if n else 4}}) for n in range(7)
    ]
    code, out, _ = said("compare", *ids)
    assert code == 0
    assert "8: 6 runs; 4: run 0" in out


def test_metrics_by_the_names_that_people_type() -> None:
    assert metric_named("greedy") == metric_named("greedy_accuracy") == "greedy_accuracy"
    assert metric_named("gap") == "gap"
    assert all(metric_named(name) == name for name in SHOWN)
    with pytest.raises(InputError, match="Runs are not compared by 'time'"):
        metric_named("time")
