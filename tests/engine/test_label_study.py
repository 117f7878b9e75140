"""The study of labelers on a finished run: real rollouts, and the run's own reasoner and verifier."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from sapo_engine import loop
from sapo_engine.phases.codecs import verifier_codec
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.train_verifier import calibrate, fit_verifier
from sapo_engine.saved_run import SavedRun
from sapo_engine.service import label_study
from sapo_engine.session import RunSession
from sapo_engine.training.trainer import NullCallback
from sapo_engine.verifier.cross_fit import FOLDS, cross_fit, folds, tokens_trained_on
from sapo_engine.verifier.scoring import predict
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.calibration import Platt
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.domain.labels import detect
from sapo_studio.errors import InputError
from sapo_studio.events import kinds as k
from sapo_studio.requests.kinds import LabelStudyRequest
from tests.fixtures.small_run import config, finished_run

CPU = torch.device("cpu")
SMALL = config(iterations=1, labeling={"rollouts": 4}, task={"development_questions": 40})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return finished_run(tmp_path_factory.mktemp("runs") / "small-1", SMALL)


def study(folder, **fields):
    return json.loads(json.dumps(label_study.answer(LabelStudyRequest(run=folder, **fields))))


def refusal(folder, **fields):
    with pytest.raises(InputError) as told:
        study(folder, **fields)
    return told.value


def test_all_labelers_on_the_same_trajectories(folder):
    found = study(folder, trajectories=24)
    assert (found["run"], found["iteration"], found["rollouts"]) == ("small-1", 1, 4)
    (one,) = found["studies"]
    rows = {row["labeler"]: row for row in one["labelers"]}
    assert tuple(rows) == tuple(LABELERS)
    assert {row["trajectories"] for row in rows.values()} == {24}
    # Equal prefixes are checked once, so that Shepherd stays at or below a check a step.
    assert rows["sapo"]["checks"] <= 48
    assert rows["sapo"]["rollouts"] < rows["omega"]["rollouts"] < rows["shepherd"]["rollouts"] <= 24 * 4 * 12
    assert rows["outcome"]["tokens"] == 0
    assert rows["shepherd"]["step_accuracy"] > rows["outcome"]["step_accuracy"]
    assert rows["search"]["checks"] / 24 >= rows["search"]["least_checks"]
    # The lab knows the truth of what the search promises. (After a few dozen labels it promises too much.)
    searched = rows["search"]
    assert searched["promised"] >= found["confidence"]
    assert searched["reached"] == 1.0  # as many checks as it wants, on short chains
    assert searched["kept"] == searched["first_error_accuracy"]
    assert {rows[name]["promised"] for name in rows if name != "search"} == {None}
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
    found = study(folder, trajectories=10, lengths=(5, 7), labelers=("omega", "shepherd"))
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


@pytest.mark.slow
def test_only_a_run_that_searches_has_its_verifiers_calibrated(folder, tmp_path):
    """The map is fitted to labels held out, kept with the verifier, and what it gains is a metric."""
    plain = SavedRun(SMALL, folder, CPU)
    assert [plain.verifier(i).calibration for i in plain.verifiers] == [None, None]
    assert "cross_fitted" not in (plain.artefacts["verifier-0"] / "verifier" / "head.json").read_text()

    settings = config(iterations=1, labeling={"rollouts": 4, "max_checks": 8}, task={"development_questions": 40})
    seen: list[k.Event] = []
    session = RunSession(settings, tmp_path, torch.device("cpu"))
    loop.run(RunContext(session, plan(settings), seen.append))
    metrics = {(e.iteration, e.name): e for e in seen if isinstance(e, k.Metric)}
    searching = SavedRun(settings, tmp_path, CPU)
    first = searching.verifier(0)
    found = calibrate(searching.session, 0, searching.reasoner(1), searching.labels(0), NullCallback())
    assert searching.calibration(0, first) == first.calibration == found.map != Platt()
    assert searching.verifier(1).calibration is None  # nobody searches by the last one
    assert metrics[0, "search_ece_before"].value == found.before
    assert metrics[0, "search_ece_after"].value == found.after
    assert metrics[0, "search_ece_after"].n == found.steps > 20
    assert (1, "search_ece_after") not in metrics
    # What the search says of itself, and what is true.
    promised = metrics[1, "search_confidence"]
    assert 0.5 < promised.value <= 1
    exact = metrics[1, "search_exact"]
    assert promised.n == exact.n
    assert exact.low < exact.value < exact.high
    # The folds' training is paid for.
    labels = searching.labels(0)
    tokens = sum(len(searching.session.text(t)) for t, _ in labels)
    assert metrics[0, "verifier_tokens"].value == tokens * FOLDS * settings.verifier.epochs
    for run in (plain, searching):
        run.close()
    session.close()


def test_no_verifier_is_calibrated_on_a_question_that_it_was_trained_on(folder):
    run = SavedRun(SMALL, folder, CPU)
    labels = run.labels(0)
    taught: list[set[int]] = []
    asked: list[set[int]] = []
    seen_tokens = []

    def train(part):
        taught.append({t.question for t, _ in part})
        seen_tokens.append(sum(len(run.session.text(t)) for t, _ in part))
        return fit_verifier(run.session, 0, run.reasoner(1), part, NullCallback())

    def keep(fold, make):
        asked.append({t.question for t, _ in folds(run.session, 0, labels)[fold]})
        return make()

    found = cross_fit(run.session, 0, labels, train, keep)
    assert len(taught) == len(asked) == FOLDS
    assert all(not mine & others for mine, others in zip(asked, taught, strict=True))
    assert set.union(*asked) == {t.question for t, _ in labels}
    assert sum(seen_tokens) == tokens_trained_on(run.session, 0, labels)
    wrong = [(t, marks) for t, marks in labels if not t.correct and t.source == "sample"]
    assert found.steps == sum(len(marks[:-1]) for _, marks in wrong)
    # Too few questions for the folds: nothing is fitted, nothing made up.
    one = [row for row in labels if row[0].question == labels[0][0].question]
    assert cross_fit(run.session, 0, one, train).steps == tokens_trained_on(run.session, 0, one) == 0
    run.close()


def test_a_calibration_of_an_earlier_version_is_not_believed(folder, tmp_path):
    """It was fitted to the labels that the verifier had been trained on."""
    run = SavedRun(SMALL, folder, CPU)
    shutil.copytree(run.artefacts["verifier-0"], tmp_path / "old")
    (tmp_path / "old" / "verifier" / "head.json").write_text(
        '{"kind": "likelihood", "calibration": {"slope": 9.0, "shift": 1.0}}'
    )
    assert verifier_codec(run.session, run.reasoner(1)).load(tmp_path / "old").calibration is None
    run.close()


def test_only_the_search_looks_through_a_calibration(folder):
    run = SavedRun(SMALL, folder, CPU)
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


def test_a_search_by_scores_that_are_probabilities_keeps_its_promise_on_the_lab(folder):
    """Scores that put two thirds of their belief on one step, which is the true one in two of three trajectories."""
    run = SavedRun(SMALL, folder, CPU)
    session, model = run.session, run.reasoner(1)
    wrong = label_study.sample_wrong(session, model, session.task.questions("development"), "label study", 60)
    rng = session.rng("promise")
    scores = {}
    for t in wrong:
        believed = t.truth if rng.random() < 2 / 3 else int(rng.integers(1, t.n + 1))
        after = [1 - (step / t.n) / 3 - (2 / 3) * (step >= believed) for step in range(1, t.n + 1)]
        scores[t.number] = (after, detect(after))
    (found,) = label_study.study(session, model, 1, wrong, scores, ("search",))
    assert found.promised >= SMALL.labeling.confidence
    assert found.kept == pytest.approx(found.promised, abs=0.2)
    run.close()
