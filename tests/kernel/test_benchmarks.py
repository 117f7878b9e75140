"""Process benchmarks: which rows they have, versions, freezing, files, and who may name them."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio import paths
from sapo_studio.app.benchmarks.making import Choice, make_benchmark
from sapo_studio.app.benchmarks.using import measured_on, run_to_measure
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.app.set_up.data_check import check_data
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.domain.process_benchmark import BenchmarkRow, choose, digest, parse_reference
from sapo_studio.errors import InputError, StoreError
from sapo_studio.formats.base import ReadAs
from sapo_studio.formats.registry import format_named, read_file
from sapo_studio.requests import client
from sapo_studio.store import benchmarks, queries, runs
from sapo_studio.store.annotations import annotate
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run
from tests.kernel.test_commands import Sapo

ROWS = st.lists(
    st.builds(
        BenchmarkRow,
        problem=st.sampled_from(["one?", "One?", "two?", "three?", "four?"]),
        answer=st.just("1"),
        tests=st.just(()),
        steps=st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple),
        first_error=st.integers(0, 1),
        correct=st.booleans(),
    ),
    max_size=30,
)


def row(k: int, **more) -> BenchmarkRow:
    told = {"answer": str(k), "tests": (), "steps": (f"{k} a", f"{k} b"), "first_error": k % 3, "correct": k % 2 == 0}
    return BenchmarkRow(f"question {k}?", **{**told, **more})


@settings(max_examples=30)
@given(ROWS, st.integers(1, 3), st.one_of(st.none(), st.integers(1, 12)), st.floats(0, 0.9), st.integers(0, 9))
def test_what_is_chosen(rows, per_question, size, tuning, seed):
    chosen = choose(rows, per_question=per_question, size=size, tuning=tuning, seed=seed)
    questions = Counter(one.problem.casefold() for one in chosen)
    assert all(count <= per_question for count in questions.values())
    assert len(chosen) <= (size or len(rows))
    assert len({(one.problem.casefold(), one.steps) for one in chosen}) == len(chosen)
    if size is None:  # of every question as many as there are
        there = {name: {one.steps for one in rows if one.problem.casefold() == name} for name in questions}
        assert set(questions) == {one.problem.casefold() for one in rows}
        assert all(count == min(per_question, len(there[name])) for name, count in questions.items())
    splits = {(one.problem.casefold(), one.split) for one in chosen}
    assert len(splits) == len(questions)  # a question's solutions stay together
    assert sum(split == "tuning" for _, split in splits) == round(tuning * len(questions))


@settings(max_examples=30)
@given(ROWS, st.randoms(use_true_random=False))
def test_it_does_not_hang_on_the_order(rows, shuffler):
    distinct = list({(one.problem.casefold(), one.steps): one for one in rows}.values())
    other = list(distinct)
    shuffler.shuffle(other)
    first, second = (choose(part, per_question=2, size=6, tuning=0.5, seed=3) for part in (distinct, other))
    assert {(r.problem, r.steps, r.split) for r in first} == {(r.problem, r.steps, r.split) for r in second}


def test_outcomes_are_balanced_where_both_are_there():
    rows = [row(k, steps=(f"{k} {s}",), correct=s < 5) for k in range(10) for s in range(6)]  # five right, one wrong
    chosen = choose(rows, per_question=2, size=None, tuning=0, seed=0)
    assert Counter(one.correct for one in chosen) == {True: 10, False: 10}


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a", ("a", None)),
        ("gsm-8.k_1@12", ("gsm-8.k_1", 12)),
        *((bad, None) for bad in ("", "@1", "a@0", "a@", "../a", "a/b", "-a", "a@1@2", "é", "a" * 61, "benchmark:a")),
    ],
)
def test_names(text, parsed):
    assert parse_reference(text) == parsed


def test_versions_and_freezing(store: Store, home: Path):
    rows = [row(k, split="tuning" if k < 2 else "test", agreement=0.5 if k == 1 else None) for k in range(5)]
    one = benchmarks.create_benchmark(store, "mine", rows, source={"labels": "human"}, created_by="ann")
    assert (one.title, one.frozen_at, one.rows, one.tuning, one.agreement) == ("mine@1", None, 5, 2, 0.5)
    assert benchmarks.read_rows(store, one) == rows
    assert benchmarks.create_benchmark(store, "mine", rows[:1], source={}).title == "mine@2"
    with pytest.raises(InputError, match="is a draft"):
        benchmarks.find_benchmark(store, "mine", frozen=True)
    frozen = benchmarks.freeze_benchmark(store, one)
    assert frozen.digest == digest(rows)
    assert benchmarks.find_benchmark(store, "mine", frozen=True).title == "mine@1"
    assert benchmarks.find_benchmark(store, "mine").title == "mine@2"
    assert benchmarks.freeze_benchmark(store, frozen) == frozen
    with pytest.raises(InputError, match="no process benchmark 'other'"):
        benchmarks.find_benchmark(store, "other")
    for bad in ("a b", "mine@1", "../x", ""):
        with pytest.raises(InputError, match="no name"):
            benchmarks.create_benchmark(store, bad, rows, source={})
    # As files: what is measured on, and the same with what thresholds are tuned on behind it.
    measured, whole = (read_file(file) for file in benchmarks.write_files(store, frozen))
    assert [one.id for one in measured] == ["mine@1-3", "mine@1-4", "mine@1-5"]
    assert [one.id for one in whole] == ["mine@1-3", "mine@1-4", "mine@1-5", "mine@1-1", "mine@1-2"]
    assert [(one.problem, one.steps, one.first_error, one.answer) for one in measured] == [
        (one.problem, one.steps, one.first_error, one.answer) for one in rows[2:]
    ]
    on = measured_on("mine@1")
    assert (on.tuning, on.name, read_file(on.file)) == (2, "mine@1", whole)


def test_exported_and_read_again_it_is_equal(store: Store, tmp_path: Path):
    rows = [row(k, tests=("assert f() == 1",) if k % 2 else (), answer="" if k % 2 else "3") for k in range(4)]
    one = benchmarks.create_benchmark(store, "mine", rows, source={})
    known = format_named("processbench")
    file = tmp_path / "out.jsonl"
    file.write_text(benchmarks.as_text(known, one, rows))
    assert read_file(file) == benchmarks.solutions(one, rows)


def test_a_changed_row_is_told(store: Store):
    one = benchmarks.freeze_benchmark(store, benchmarks.create_benchmark(store, "mine", [row(1)], source={}))
    store.execute("UPDATE benchmark_rows SET first_error = 2")
    with pytest.raises(StoreError, match="no longer what was frozen"):
        benchmarks.read_rows(store, one)


def test_a_run_names_a_version_and_keeps_it(store: Store, home: Path):
    def config(named: str) -> RunConfig:
        return RunConfig.model_validate({"task": {"process_data": named}})

    with pytest.raises(InputError, match="no process benchmark"):
        runs.create_run(store, config("benchmark:mine"))
    one = benchmarks.create_benchmark(store, "mine", [row(1)], source={})
    with pytest.raises(InputError, match="draft"):
        runs.create_run(store, config("benchmark:mine"))
    benchmarks.freeze_benchmark(store, one)
    run = runs.create_run(store, config("benchmark:mine"))
    named = queries.get_config(store, run).task.process_data
    assert named == "benchmark:mine@1"
    (file, _) = benchmarks.write_files(store, one)
    file.unlink()
    with pytest.raises(InputError, match="no frozen process benchmark"):
        paths.process_data_path(named)
    benchmarks.pinned(store, queries.get_config(store, run))  # as the engine's parent does
    assert paths.process_data_path(named) == file
    as_frozen = file.read_bytes()
    file.write_bytes(as_frozen.replace(b'"label": ', b'"label": 1'))
    assert run_to_measure(store, run) == store.run_dir(run)  # as `sapo evaluate RUN` does
    assert file.read_bytes() == as_frozen
    frozen = benchmarks.find_benchmark(store, "mine@1")
    with pytest.raises(InputError, match="not deleted") as told:
        benchmarks.delete_benchmark(store, frozen)
    assert run in told.value.why
    runs.delete_run(store, run)
    benchmarks.delete_benchmark(store, frozen)
    assert benchmarks.list_benchmarks(store) == []
    assert store.value("SELECT count(*) FROM benchmark_rows") == 0
    assert not file.exists()


@pytest.mark.parametrize(
    "line",
    [
        "evaluate RUN",
        "people-study RUN",
        "label-study RUN",
        "score solved --verifier RUN",
        "benchmark sample new --models RUN --like RUN",
        "benchmark sample new --models MODEL --like RUN",
        "benchmark sample new --models RUN --like OTHER",
        "benchmark sample new --models MODEL --like OTHER --verifier RUN",
    ],
)
def test_whoever_opens_a_run_again_finds_its_benchmark_as_it_was_frozen(
    line: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    one = benchmarks.freeze_benchmark(store, benchmarks.create_benchmark(store, "mine", [row(1)], source={}))
    named = RunConfig.model_validate({"task": {"process_data": "benchmark:mine"}})
    run, other = runs.create_run(store, named), runs.create_run(store, RunConfig())
    solved = tmp_path / "solved.jsonl"
    solved.write_bytes(benchmarks.write_files(store, one)[0].read_bytes())
    take_in(store, solved, known_format(solved), ReadAs(), name="solved")
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    file = paths.process_data_path(queries.get_config(store, run).task.process_data)
    file.write_bytes(solved.read_bytes().replace(b'"label": ', b'"label": 1'))
    seen: list[bytes] = []

    def engine(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
        seen.append(file.read_bytes())
        raise OSError("there is no engine in this test")

    monkeypatch.setattr(client, "subprocess", SimpleNamespace(run=engine, PIPE=-1, TimeoutExpired=TimeoutError))
    places = {"RUN": run, "OTHER": other, "MODEL": str(model)}
    code, _, told = Sapo(capsys, monkeypatch)(*(places.get(word, word) for word in line.split()))
    assert (code, seen) == (1, [solved.read_bytes()]), told


@pytest.mark.parametrize(
    "named", ["benchmark:", "benchmark:../x@1", "benchmark:a", "benchmark:\0@1", "benchmark:/etc@1"]
)
def test_a_reference_is_no_way_out_of_the_folder(home: Path, named: str):
    with pytest.raises(InputError):
        paths.process_data_path(named)


def test_made_of_judged_solutions(store: Store):
    run = synthetic_run(store, trajectories=40, questions=12, iterations=1)
    low, high = id_range(queries.get_number(store, run))
    ids = [int(k) for k in queries.trace_ids(store, queries.TraceFilter(run))]
    sizes = {one.id: one.n_steps for one in queries.trace_rows(store, ids)}
    with pytest.raises(InputError, match="nothing to make") as told:
        make_benchmark(store, "mine", [run], Choice())
    assert "Judge solutions" in told.value.fix
    judged = random.Random(0).sample(ids, 10)
    for identity in judged:
        annotate(store, identity, "ann", first_error_here(sizes[identity], 2))
    annotate(store, judged[0], "ben", no_error(sizes[judged[0]]))
    made = make_benchmark(store, "mine", [run], Choice(per_question=99, tuning=0), created_by="ann")
    rows = benchmarks.read_rows(store, made.benchmark)
    assert {one.origin["trajectory"] for one in rows} <= {row_number(identity) for identity in judged}
    by_number = {one.origin["trajectory"]: one for one in rows}
    first = by_number[row_number(judged[0])]
    assert (first.first_error, first.agreement, first.origin["how"]) == (0, 0.5, "latest")
    assert first.origin["by"] == ["ann", "ben"]
    other = by_number[row_number(judged[1])]
    assert (other.first_error, other.agreement, other.origin["how"]) == (2, None, "one person")
    whole = store.row(
        "SELECT q.text, q.answer, t.correct FROM trajectories t JOIN questions q ON q.id = t.question_id"
        " WHERE t.id = ?",
        (judged[1],),
    )
    assert (other.problem, other.answer, int(other.correct)) == whole
    # They were written in training: said, and left out where asked for.
    trained = dict(store.rows("SELECT text, split FROM questions WHERE id BETWEEN ? AND ?", (low, high)))
    assert all(one.origin["trained"] == (trained[one.problem] == "train") for one in rows)
    assert made.note.startswith(f"{made.benchmark.rows} of the {made.benchmark.rows} solutions of mine@1")
    with pytest.raises(InputError, match="nothing to make"):
        make_benchmark(store, "mine", [run], Choice(held_out=True))
    oracle = make_benchmark(store, "mine", [run], Choice(labels="oracle", held_out=True, size=10))
    assert oracle.benchmark.title == "mine@2"
    assert {one.origin["source"] for one in benchmarks.read_rows(store, oracle.benchmark)} == {"process"}
    runs.delete_run(store, run)
    assert benchmarks.read_rows(store, made.benchmark) == rows  # whole, whatever becomes of the run


def test_made_of_a_queue_and_by_consensus(store: Store):
    run = synthetic_run(store, trajectories=40, questions=12, iterations=1)
    ids = [int(k) for k in queries.trace_ids(store, queries.TraceFilter(run, sort="mean"))][:7]
    store.execute(
        "INSERT INTO queues (uid, name, created_at, created_by, rule, seed, overlap, gold_rate, source)"
        " VALUES ('q', 'doubtful', 0, '', 'random', 0, 1, 0, '{}')"
    )
    store.execute_many(
        "INSERT INTO queue_items (queue_id, place, trajectory_id, shared) VALUES (1, ?, ?, 1)", list(enumerate(ids))
    )
    made = make_benchmark(store, "doubts", ["doubtful"], Choice(labels="oracle", per_question=99, tuning=0))
    rows = benchmarks.read_rows(store, made.benchmark)
    assert {one.origin["trajectory"] for one in rows} <= {row_number(identity) for identity in ids}
    assert made.known == len(ids)
    assert made.benchmark.source["from"] == [{"kind": "queue", "name": "doubtful"}]
    agreed = make_benchmark(store, "agreed", [run], Choice(labels="consensus", per_question=99))
    for one in benchmarks.read_rows(store, agreed.benchmark):
        assert one.agreement is not None
        assert one.agreement > 0.5
        assert len(one.origin["by"]) >= 2


@pytest.fixture
def versions(store, monkeypatch):
    """`chains`, twice frozen and once a draft, and `drafted`, in the store that commands open."""
    monkeypatch.setenv(paths.HOME_VARIABLE, str(store.path.parent))
    monkeypatch.chdir(store.path.parent)
    for name, frozen in (("chains", True), ("chains", True), ("chains", False), ("drafted", False)):
        one = benchmarks.create_benchmark(store, name, [row(1), row(2)], source={})
        if frozen:
            benchmarks.freeze_benchmark(store, one)
    return store


@pytest.mark.parametrize(
    ("text", "title", "noted"),
    [
        ("chains@1", "chains@1", False),
        ("benchmark:chains@1", "chains@1", False),
        ("chains", "chains@2", True),
        ("benchmark:chains", "chains@2", True),
    ],
)
def test_a_benchmark_is_named_with_and_without_its_version(versions, text, title, noted):
    found = measured_on(text)
    assert (found.name, found.process_data) == (title, f"benchmark:{title}")
    assert bool(found.note) == noted
    assert title in found.note or not noted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("chains@9", r"(?s)chains@9.*There are chains@3 \(a draft\), chains@2, chains@1\."),
        ("chains@3", "chains@3 is a draft"),
        ("drafted", "drafted@1 is a draft"),
        ("chain", r"(?s)neither a file nor a process benchmark 'chain'.*chains@2, chains@1, drafted@1 \(a draft\)"),
        ("benchmark:rows.jsonl", "'rows.jsonl'"),
    ],
)
def test_a_benchmark_that_is_not_there_is_answered_with_what_is(versions, text, told):
    with pytest.raises(InputError, match=told):
        measured_on(text)


def test_a_file_goes_before_a_benchmark_of_its_name(versions, tmp_path):
    Path("chains").write_text("{}")
    assert measured_on("chains").file == Path("chains").absolute()
    assert measured_on("benchmark:chains").name == "chains@2"
    assert measured_on("folder/chains").name == "folder/chains", "a path is no name"


def test_a_configuration_that_names_a_benchmark_as_a_command_does_is_told_how(versions):
    config = RunConfig.model_validate({"task": {"process_data": "chains@1"}})
    with pytest.raises(InputError, match=r'(?s)no file .*task.process_data = "benchmark:chains@1"'):
        runs.create_run(versions, config)


@pytest.mark.parametrize("named", ["nope@9", ""])
def test_a_look_ahead_refuses_what_a_run_would_refuse(store: Store, home: Path, named: str):
    plain = RunConfig()
    task = plain.task.model_copy(update={"process_data": f"benchmark:{named}"})
    config = plain.model_copy(update={"task": task})
    with pytest.raises(InputError, match=f"There is no process benchmark '{named}'"):
        check_data(config)  # the lab's, too, whose data nobody has to read
