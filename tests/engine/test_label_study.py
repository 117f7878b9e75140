"""The study of labelers on a finished run: real rollouts, and the run's own reasoner and verifier."""

from __future__ import annotations

import json

import pytest
import torch

from sapo_engine.phases.train_verifier import calibrate
from sapo_engine.saved_run import SavedRun
from sapo_engine.service import label_study
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.labels import detect
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import LabelStudyRequest
from tests.fixtures.small_run import config, finished_run

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    settings = config(iterations=1, labeling={"rollouts": 4}, task={"development_questions": 40})
    return finished_run(tmp_path_factory.mktemp("runs") / "small-1", settings)


def study(folder, **fields):
    return json.loads(json.dumps(label_study.answer(LabelStudyRequest(run=folder, **fields))))


def refusal(folder, **fields):
    with pytest.raises(InputError) as told:
        study(folder, **fields)
    return told.value


def test_all_labelers_on_the_same_trajectories(folder):
    found = study(folder, trajectories=40)
    assert (found["run"], found["iteration"], found["rollouts"]) == ("small-1", 1, 4)
    (one,) = found["studies"]
    rows = {row["labeler"]: row for row in one["labelers"]}
    assert tuple(rows) == tuple(LABELERS)
    assert {row["trajectories"] for row in rows.values()} == {40}
    # Equal prefixes are checked once, so that Shepherd stays at or below a check a step.
    assert rows["sapo"]["checks"] <= 80
    assert rows["sapo"]["rollouts"] < rows["omega"]["rollouts"] < rows["shepherd"]["rollouts"] <= 40 * 4 * 12
    assert rows["outcome"]["tokens"] == 0
    assert rows["shepherd"]["step_accuracy"] > rows["outcome"]["step_accuracy"]
    assert rows["search"]["checks"] / 40 >= rows["search"]["least_checks"]
    weights = SavedRun(config(), folder, CPU).reasoner(1).parameters_in_all()
    for row in rows.values():
        assert row["flops"] == 2 * weights * (row["tokens"] + row["prefill_tokens"])


def test_the_same_study_twice(folder):
    first, second = (study(folder, trajectories=10, labelers=("sapo", "omega")) for _ in range(2))
    for found in (first, second):
        for row in found["studies"][0]["labelers"]:
            del row["seconds"]
    assert first == second


def test_by_length(folder):
    found = study(folder, trajectories=12, lengths=(5, 7), labelers=("omega", "shepherd"))
    assert [one["length"] for one in found["studies"]] == [5, 7]
    tokens = [[row["tokens"] for row in one["labelers"]] for one in found["studies"]]
    assert tokens[0][1] < tokens[1][1]  # Shepherd's grows with the length


def test_a_length_that_the_words_do_not_reach(folder):
    told = refusal(folder, lengths=(12,))
    assert "12 steps" in told.what
    assert "2 to 8" in told.why


def test_an_iteration_that_is_not_there(folder):
    told = refusal(folder, iteration=7)
    assert "M_7" in told.what
    assert "verifier-0" in told.why


def test_a_folder_that_is_no_run(tmp_path):
    assert "config.toml" in refusal(tmp_path).why


def test_what_a_finished_run_has(folder):
    run = SavedRun(config(iterations=1, labeling={"rollouts": 4}, task={"development_questions": 40}), folder, CPU)
    assert run.verifiers == [0, 1]
    assert run.reasoners == [1, 2]
    benchmark = run.benchmark()
    scores = predict(run.session, run.verifier(1), benchmark)
    assert all(len(found) == t.n and error == detect(found) for t in benchmark for found, error in [scores[t.number]])
    assert all(len(labels) == t.n for t, labels in run.labels(1))
    with pytest.raises(InputError, match="V_3"):
        run.verifier(3)
    run.close()


def test_a_verifier_is_kept_with_its_calibration(folder):
    """It is fitted to the labels of wrong trajectories, and only the search looks through it."""
    run = SavedRun(config(iterations=1, labeling={"rollouts": 4}, task={"development_questions": 40}), folder, CPU)
    for i in run.verifiers:
        verifier = run.verifier(i)
        assert verifier.calibration == calibrate(run.session, verifier, run.labels(i)) != Platt()
    session, model = run.session, run.reasoner(1)
    wrong = label_study.sample_wrong(session, model, session.task.questions("development"), "label study", 30)
    predictions = predict(session, run.verifier(0), wrong)
    blind = Platt(0.0, 0.0)  # all steps are as likely
    plain, other = (
        label_study.study(session, model, 1, wrong, predictions, ("sapo", "search"), calibration=one)
        for one in (None, blind)
    )
    assert (plain[0].tokens, plain[0].step_accuracy) == (other[0].tokens, other[0].step_accuracy)
    assert plain[1].tokens != other[1].tokens
    run.close()
