"""Solutions that models write for people to judge: kept, queued, judged, and made a benchmark of."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from sapo_studio.app.benchmarks import sampling
from sapo_studio.app.benchmarks.making import Choice, make_benchmark
from sapo_studio.app.benchmarks.sampling import find_model, sample_for_people
from sapo_studio.app.imports.facts import facts
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import SampleSolutionsRequest
from sapo_studio.store import benchmarks, imports, queries
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from sapo_studio.store.queues import list_queues
from tests.fixtures.command_line import sapo
from tests.fixtures.synthetic import synthetic_run

CHOICE = Choice(per_question=2)
TESTS = "assert f(1) == 1\nassert f(2) == 2"


def row(question: int, number: int, **more):
    told = {"answer": "7", "tests": [], "steps": [f"step {number}", "7"], "correct": number == 0}
    return {"problem": f"question {question}?", "model": f"model-{number % 2}", **told, **more}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAPO_STUDIO_HOME", str(tmp_path / "home"))
    with Store.open() as store:
        yield store


@pytest.fixture
def run(home):
    """The run whose task is taken, and whose model writes."""
    made = synthetic_run(home, trajectories=20, questions=6, iterations=1)
    folder = home.run_dir(made)
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("")
    return made


@pytest.fixture
def engine(monkeypatch):
    """Stands for the engine: five questions, four solutions each, one of them with the correct answer."""
    asked = []

    def ask(request):
        asked.append(request)
        rows = [row(question, number) for question in range(5) for number in range(4)]
        return {"questions": 5, "rows": rows}

    monkeypatch.setattr(sampling, "ask", ask)
    return asked


def request_of(store, run):
    return SampleSolutionsRequest(like=store.run_dir(run), models=(store.run_dir(run),), label=False)


def judge(store, items, who="ann"):
    for identity in items:
        right = store.value("SELECT correct FROM trajectories WHERE id = ?", (identity,))
        annotate(store, identity, who, no_error(2) if right else first_error_here(2, 1))


def test_they_wait_in_a_queue_and_what_is_judged_becomes_a_benchmark(home, run, engine):
    made = sample_for_people(home, "gsm", request_of(home, run), CHOICE, created_by="ann")
    assert (made.questions, made.solutions, made.kept, made.right) == (5, 20, 10, 5)
    assert queries.get_run(home, made.run_id).imported
    assert made.queue.name == "gsm"
    items = [t for (t,) in home.rows("SELECT trajectory_id FROM queue_items WHERE queue_id = ?", (made.queue.id,))]
    problems = Counter(
        text
        for (text,) in home.rows(
            "SELECT q.text FROM trajectories t JOIN questions q ON q.id = t.question_id WHERE t.run_id = ?",
            (made.run_id,),
        )
    )
    assert set(problems.values()) == {2}, "two a question, one of each outcome"
    for source in ("gsm", made.run_id):
        with pytest.raises(InputError, match="10 solutions still wait for people's judgements"):
            make_benchmark(home, "gsm", [source], Choice())
    judge(home, items[:4])
    for source in ("gsm", made.run_id):
        found = make_benchmark(home, "gsm", [source], Choice(tuning=0))
        assert (found.known, found.waiting, found.benchmark.rows) == (4, 6, 4)
        assert found.note.endswith("6 solutions still wait for people's judgements.")
    rows = benchmarks.read_rows(home, found.benchmark)
    assert {one.generator for one in rows} <= {"model-0", "model-1"}, "who wrote them, not where they lie"
    assert all(one.first_error == (0 if one.correct else 1) for one in rows)
    assert {one.answer for one in rows} == {"7"}
    judge(home, items[4:])
    whole = make_benchmark(home, "gsm", ["gsm"], Choice(tuning=0))
    assert (whole.waiting, whole.benchmark.rows, whole.note) == (0, 10, "")


def test_questions_that_the_models_are_trained_on_are_told_of(home, run, engine, monkeypatch):
    (trained,) = home.row("SELECT text FROM questions WHERE run_id = ? AND split = 'train'", (run,))
    monkeypatch.setattr(
        sampling, "ask", lambda _: {"questions": 1, "rows": [row(1, 0, problem=trained), row(1, 1, problem=trained)]}
    )
    made = sample_for_people(home, "gsm", request_of(home, run), CHOICE, created_by="ann")
    judge(home, [t for (t,) in home.rows("SELECT id FROM trajectories WHERE run_id = ?", (made.run_id,))])
    assert make_benchmark(home, "gsm", ["gsm"], Choice(tuning=0)).trained == 2


def test_tests_of_programs_come_along(home, run, engine, monkeypatch):
    rows = [row(1, number, answer="", tests=[TESTS], steps=["def f(n):", f"    return {number}"]) for number in (0, 1)]
    monkeypatch.setattr(sampling, "ask", lambda _: {"questions": 1, "rows": rows})
    made = sample_for_people(home, "mbpp", request_of(home, run), CHOICE, created_by="ann")
    judge(home, [t for (t,) in home.rows("SELECT id FROM trajectories WHERE run_id = ?", (made.run_id,))])
    found = make_benchmark(home, "mbpp", ["mbpp"], Choice(tuning=0))
    assert {one.tests for one in benchmarks.read_rows(home, found.benchmark)} == {(TESTS,)}


def test_it_is_a_file_as_any_other(home, run, engine):
    made = sample_for_people(home, "gsm", request_of(home, run), CHOICE, created_by="ann")
    told = facts(home, made.run_id)
    assert (told.solutions, told.unknown) == (10, 10)
    assert "Sampled from model-0, model-1" in told.sentences()
    text = sapo("export", made.run_id, "sapo").stdout
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(lines) == 10
    assert {tuple(line["step_labels"]) for line in lines} == {(None, None)}
    assert imports.info(home, made.run_id).settings[imports.SAMPLED]["runs"] == [run]


def test_the_same_name_again_is_another_queue(home, run, engine):
    for name in ("gsm", "gsm 2"):
        made = sample_for_people(home, "gsm", request_of(home, run), CHOICE, created_by="ann")
        assert made.queue.name == name


def test_nothing_is_asked_of_the_engine_where_a_name_is_none(home, run, engine):
    before = home.value("SELECT count(*) FROM runs")
    for name, who in (("a b", "ann"), ("gsm", "a\nb")):
        with pytest.raises(InputError):
            sample_for_people(home, name, request_of(home, run), CHOICE, created_by=who)
    assert not engine
    assert (home.value("SELECT count(*) FROM runs"), list_queues(home)) == (before, [])


def test_a_second_verifier_has_nothing_to_agree_with(home, run):
    with pytest.raises(InputError, match="no first error"):
        SampleSolutionsRequest(
            like=home.run_dir(run), models=(home.run_dir(run),), verifier=home.run_dir(run), label=False
        )


def test_by_command(home, run, engine, tmp_path):
    model = tmp_path / "small.gguf"
    model.write_bytes(b"GGUF")
    assert find_model(home, str(model)) == model
    asked = ("benchmark", "sample", "gsm", "--models", str(model), "--like", run)
    for idle in (
        ("--overlap", "0.5"),
        ("--as", "ann"),
        ("--for-people", "--split", "0.5"),
        ("--for-people", "--rollouts", "3"),
    ):
        refused = sapo(*asked, *idle)
        assert (refused.returncode, engine) == (2, [])
        assert f"{idle[-2]} does nothing with" in refused.stderr
    found = sapo(
        *("benchmark", "sample", "gsm", "--models", f"{run},{model}", "--like", run),
        *("--for-people", "--as", "ann", "--json"),
    )
    told = json.loads(found.stdout)
    assert (told["queue"], told["waiting"], told["right"], told["solutions"]) == ("gsm", 10, 5, 20)
    assert [folder.name for folder in engine[0].models] == [run, "small.gguf"]
    assert not engine[0].label
    refused = sapo("benchmark", "make", "gsm", "--from", "gsm")
    assert refused.returncode == 2
    assert "10 solutions still wait" in refused.stderr
