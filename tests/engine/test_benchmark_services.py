"""What is asked about process benchmarks beside a run: the study of people's labels, and sampling."""

from __future__ import annotations

import json

import pytest
import torch

from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service import evaluate, people_study, sample_solutions, shadow_study
from sapo_studio.domain.question_text import normalized
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.processbench import FORMAT
from sapo_studio.requests.kinds import EvaluateRequest, PeopleStudyRequest, SampleSolutionsRequest, ShadowStudyRequest
from sapo_studio.requests.wire import read_progress
from tests.fixtures.small_run import SMALLEST, config, finished_run

LAB = "resources/models/lab"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs") / "small-1", config(**SMALLEST))


@pytest.fixture(scope="module")
def saved(folder):
    run = SavedRun(config_of(folder), folder, torch.device("cpu"))
    yield run
    run.close()


@pytest.fixture
def bench_file(saved, tmp_path):
    """The run's own benchmark as a file."""
    questions = saved.session.questions
    rows = [
        LabeledSolution(
            id=str(t.number),
            generator="x",
            problem=questions[t.question].text,
            steps=t.steps,
            final_answer_correct=t.correct,
            first_error=t.truth or 0,
            answer=questions[t.question].answer,
        )
        for t in saved.benchmark()
    ]
    file = tmp_path / "bench.jsonl"
    file.write_text("".join(FORMAT.write(rows)))
    return file


def test_a_lab_verifier_measures_the_same_on_its_benchmark_as_a_file(folder, bench_file):
    own = evaluate.answer(EvaluateRequest(run=folder))["benchmark"]
    found = evaluate.answer(EvaluateRequest(run=folder, benchmark=bench_file))
    assert found["benchmark"] == own
    assert "leaks" not in found
    split = evaluate.answer(EvaluateRequest(run=folder, benchmark=bench_file, tuning=8))["benchmark"]
    assert split["solutions"] == own["solutions"] - 8
    with pytest.raises(InputError, match="Nothing is left"):
        evaluate.answer(EvaluateRequest(run=folder, benchmark=bench_file, tuning=20))


def test_people_study(folder, saved, bench_file):
    samples = [t for t, _ in saved.labels(1) if t.source == "sample"]
    judged = {t.number: {step: step < t.truth or not t.truth for step in range(1, t.n + 1)} for t in samples}
    judged[saved.benchmark()[0].number + 400_000_000] = {1: True}  # nobody knows it
    found = json.loads(json.dumps(people_study.answer(PeopleStudyRequest(run=folder, judged=judged))))
    assert (found["iteration"], found["judged"], found["left_out"]) == (1, len(samples), 0)
    assert found["labels"] == sum(t.n for t in samples)
    assert 0 <= found["changed"] <= found["labels"]
    assert found["without"]["solutions"] == found["with"]["solutions"] == 20
    difference = found["with"]["step_accuracy"]["value"] - found["without"]["step_accuracy"]["value"]
    assert found["difference"]["value"] == pytest.approx(difference)
    # Trained as the run has trained it, where nothing is changed by people.
    own = evaluate.answer(EvaluateRequest(run=folder))["benchmark"]
    assert found["without"]["step_accuracy"] == pytest.approx(own["step_accuracy"])
    with pytest.raises(InputError, match="Nobody has judged"):
        people_study.answer(PeopleStudyRequest(run=folder, judged={}))


def test_a_shadow_on_the_same_labels_is_the_verifier_itself(folder, saved, capsys):
    labels = {t.number: marks for t, marks in saved.labels(1)}
    found = json.loads(json.dumps(shadow_study.answer(ShadowStudyRequest(run=folder, iteration=1, labels=labels))))
    assert (found["trained_on"], found["changed"], found["gone"]) == (len(labels), 0, 0)
    assert found["shadow"] == found["own"]
    assert found["own"]["step_accuracy"] == evaluate.answer(EvaluateRequest(run=folder))["benchmark"]["step_accuracy"]
    assert found["difference"]["value"] == 0
    told = [done for line in capsys.readouterr().err.splitlines() if (done := read_progress(line)) is not None]
    assert told
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1


def test_a_shadow_is_trained_on_the_labels_that_it_is_given(folder, saved):
    rows = saved.labels(1)
    turned = {t.number: marks.translate(str.maketrans("01", "10")) for t, marks in rows}
    found = shadow_study.answer(ShadowStudyRequest(run=folder, iteration=1, labels=turned))
    assert found["changed"] == len(rows)
    difference = found["shadow"]["step_accuracy"]["value"] - found["own"]["step_accuracy"]["value"]
    assert found["difference"]["value"] == pytest.approx(difference)
    assert difference != 0
    some = dict(list(turned.items())[:3])
    out = {number: "?" * len(marks) for number, marks in list(turned.items())[:2]}
    found = shadow_study.answer(ShadowStudyRequest(run=folder, iteration=1, labels=some | out))
    assert (found["changed"], found["gone"], found["trained_on"]) == (3, 2, len(rows) - 2)


@pytest.mark.parametrize(("marks", "what"), [("?", "No label is left"), ("1", "do not fit")])
def test_labels_for_a_shadow_that_will_not_do(folder, saved, marks, what):
    long = 1 if marks == "1" else 0
    labels = {t.number: marks * (t.n + long) for t, _ in saved.labels(1)}
    with pytest.raises(InputError, match=what):
        shadow_study.answer(ShadowStudyRequest(run=folder, iteration=1, labels=labels))


def test_rows_of_judged_questions_are_left_out(folder, saved, tmp_path):
    t = next(t for t, _ in saved.labels(1) if t.source == "sample")
    other = saved.session.task.questions("test")[0]
    own = saved.session.questions[t.question]
    rows = [
        LabeledSolution(
            id=q.text, generator="x", problem=q.text, steps=q.steps, final_answer_correct=True, first_error=0
        )
        for q in (own, other)
    ]
    file = tmp_path / "two.jsonl"
    file.write_text("".join(FORMAT.write(rows)))
    found = people_study.answer(PeopleStudyRequest(run=folder, judged={t.number: {1: False}}, benchmark=file))
    assert (found["left_out"], found["with"]["solutions"]) == (1, 1)
    assert len(found["leaks"]) == 1


def test_solutions_by_several_models(folder, saved, request, monkeypatch):
    places = []
    set_up_on = sample_solutions.set_up_on
    monkeypatch.setattr(sample_solutions, "set_up_on", lambda *told: places.append(told) or set_up_on(*told))
    lab = request.config.rootpath / LAB
    asked = SampleSolutionsRequest(
        like=folder, models=(folder, lab), verifier=folder, questions=10, samples=3, rollouts=2
    )
    found = sample_solutions.answer(asked)
    unlabeled = sample_solutions.answer(asked.model_copy(update={"verifier": None, "label": False}))
    bare = [{k: v for k, v in row.items() if k not in ("first_error", "verifier")} for row in found["rows"]]
    assert unlabeled["rows"] == bare, "the same solutions, and nobody has looked for errors"
    assert found["questions"] == 10
    rows = found["rows"]
    assert {row["model"] for row in rows} == {"small-1/M2", "lab"}
    test = {normalized(q.text): q for q in saved.session.task.questions("test")}
    assert len({row["problem"] for row in rows}) == 10
    for row in rows:
        question = test[normalized(row["problem"])]
        assert row["answer"] == question.answer
        assert 0 <= row["verifier"] <= len(row["steps"])
        assert row["first_error"] == 0 if row["correct"] else 1 <= row["first_error"] <= len(row["steps"])
    wrong = [row for row in rows if not row["correct"]]
    truth = [saved.session.task.first_error(test[normalized(row["problem"])], row["steps"]) for row in wrong]
    assert all(error is not None and error > 0 for error in truth)
    # Once for each answer: a second look would be at what the first one left visible.
    assert len(places) == 2
