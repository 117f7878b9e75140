"""The audit of an iteration's labels: over a recorded run on the lab, over the store, and as `sapo audit`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from sapo_studio import cli
from sapo_studio.app.studies.audit import audit
from sapo_studio.domain.calibration import Bin, in_words
from sapo_studio.domain.consensus import Bounds, filtered, noise
from sapo_studio.domain.dawid_skene import Estimate, estimate, measured
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.step_evidence import Tries, votes_of
from sapo_studio.errors import InputError
from sapo_studio.events import kinds as k
from sapo_studio.store.annotations import annotate
from sapo_studio.store.codec import unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.evidence import evidence
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.runs import set_status
from tests.fixtures.lab_evidence import recorded
from tests.fixtures.later import Later
from tests.fixtures.synthetic import synthetic_queued, synthetic_run

stats = Later("scipy.stats")

FILTER = Bounds(0.2, 0.8)


@pytest.mark.parametrize(("record", "iteration", "off"), [("lab", 1, 0.05), ("lab", 2, 0.03), ("rest", 1, 0.09)])
def test_agreement_comes_near_the_truth_on_the_lab(record, iteration, off):
    """What verifier and rollouts agree on tells how often each is wrong and what to believe; nobody asks the truth. In
    iteration 1 the verifier calls the first step incorrect far more often than any other. On `rest` rollouts from an
    incorrect step are lucky."""
    facts = recorded(iteration, record)
    votes = votes_of(facts)
    found = estimate(votes, draws=0)
    assert isinstance(found, Estimate)
    truth = np.array([one.truth or one.n + 1 for one in facts])
    right = np.arange(1, votes.votes.shape[2] + 1) < truth[:, None]
    for guessed, true in zip(found.sources, measured(votes, right, draws=0), strict=True):
        assert guessed.calls_wrong.value == pytest.approx(true.calls_wrong.value, abs=off)
        assert guessed.calls_right.value == pytest.approx(true.calls_right.value, abs=off)
    written = [(one.labels, row[: one.n], one.truth) for one, row in zip(facts, found.beliefs.tolist(), strict=True)]
    kept = [(filtered(labels, beliefs, FILTER)[0], beliefs, truth) for labels, beliefs, truth in written]
    before, after = noise(written), noise(kept)
    assert before.estimated_share == pytest.approx(before.true_share, abs=0.06)
    assert after.estimated_share == pytest.approx(after.true_share, abs=0.03)
    assert after.true_share < before.true_share / 4
    wrong = np.mean(
        [
            (belief >= 0.5) != (step < one.truth)
            for one, (_, beliefs, _) in zip(facts, written, strict=True)
            for step, belief in enumerate(beliefs, 1)
        ]
    )
    assert wrong < before.true_share


def test_tries_have_an_interval():
    low, high = Tries(7, 8).interval()
    assert low == pytest.approx(0.518, abs=0.001)
    assert high == pytest.approx(0.972, abs=0.001)
    for made in (0, 1, 5, 64, 2000):
        for succeeded in {0, made // 3, made}:
            exact = stats.beta.ppf((0.025, 0.975), 1 + succeeded, 1 + made - succeeded)
            assert Tries(succeeded, made).interval() == pytest.approx(tuple(exact), abs=1e-9)


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        ([Bin(0.7, 0.8, 50, 0.75, 0.6), Bin(0.8, 0.9, 50, 0.85, 0.7)], "Scores are too sure from 0.7 to 0.9."),
        ([Bin(0.3, 0.4, 50, 0.35, 0.5), Bin(0.5, 0.6, 9, 0.5, 0.9)], "Scores are too doubtful from 0.3 to 0.4."),
        ([Bin(0.3, 0.4, 50, 0.35, 0.37)], "Scores lie within 5 points of the share that is correct."),
    ],
)
def test_a_curve_in_words(curve, said):
    assert in_words(curve) == said


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A run of 400 trajectories an iteration, and the audit of its second."""
    with Store.open(tmp_path_factory.mktemp("audited") / "studio.db") as store:
        run_id = synthetic_run(store, iterations=2, trajectories=400, questions=24)
        yield store, run_id, audit(store, run_id, 2, draws=5)


def test_evidence_is_what_the_store_holds(audited):
    store, run_id, _ = audited
    found = evidence(store, run_id, 2)
    assert len(found) == store.value(
        "SELECT count(*) FROM trajectories WHERE run_id = ? AND iteration = 2 AND source = 'sample' AND correct = 0",
        (run_id,),
    )
    one = max(found, key=lambda row: len(row.evidence.rollouts)).evidence
    (blob, labels, truth) = store.row(
        "SELECT s.scores, l.labels, t.truth FROM trajectories t JOIN scores s ON s.trajectory_id = t.id"
        " JOIN labels l ON l.trajectory_id = t.id WHERE t.id = ? AND s.verifier = 1 AND l.source = 'sapo'",
        (one.trajectory,),
    )
    assert one.scores == unpack_scores(blob).tolist()
    assert (one.labels, one.truth) == (labels, truth)
    own = store.rows(
        "SELECT prefix, sum(correct), count(*) FROM rollouts WHERE trajectory_id = ? AND prefix > 0 GROUP BY prefix",
        (one.trajectory,),
    )
    assert {prefix: Tries(hits, made) for prefix, hits, made in own}.items() <= one.rollouts.items()


def test_rollouts_count_for_all_that_begin_alike(audited):
    store, run_id, _ = audited
    rows = evidence(store, run_id, 2)
    seen = {}
    for row in rows:
        for prefix, tries in row.evidence.rollouts.items():
            assert seen.setdefault((row.evidence.question, *row.steps[:prefix]), tries) == tries
    tried = sum(len(row.evidence.rollouts) for row in rows)
    assert tried > len(seen)


def test_an_audit_counts_sources_filter_and_disagreements(audited):
    _, _, found = audited
    assert not found.why
    assert [source.title for source in found.sources] == ["Rollouts", "Verifier V1"]
    assert all(source.estimated and source.true for source in found.sources)
    effect = found.filtered(FILTER)
    assert effect is not None
    assert 0 < effect.after.labels <= effect.before.labels == found.steps
    everything = found.filtered(Bounds(1.0, 0.0))
    assert everything is not None
    assert everything.kept_share == 1
    doubts = [step.doubt for step in found.disagreements]
    assert doubts == sorted(doubts, reverse=True)
    assert {step.out(FILTER) for step in found.disagreements} == {True, False}
    assert found.reliability.by == "oracle"
    assert found.reliability.scores == sum(point.n for point in found.reliability.curve)


def test_people_and_other_graders_have_votes(store):
    run_id = synthetic_run(store, iterations=1, trajectories=160, questions=12)
    rows = evidence(store, run_id, 1)
    judged = [row.evidence for row in rows if row.evidence.truth > 1][:40]
    for one in judged:
        annotate(store, one.trajectory, "Ada", {one.truth: -1, one.truth - 1: 1})
        store.execute(
            "INSERT INTO labels (trajectory_id, source, iteration, labels) VALUES (?, 'other', 1, ?)",
            (one.trajectory, "1" * (one.truth - 1) + "0" * (one.n - one.truth + 1)),
        )
    found = audit(store, run_id, draws=0)
    by_title = {source.title: source for source in found.sources}
    assert list(by_title) == ["Rollouts", "Verifier V0", "other", "Ada"]
    # a judgement of the last step is none of what is to be found out
    assert by_title["Ada"].votes == sum(2 if one.truth < one.n else 1 for one in judged)
    assert by_title["Ada"].true.calls_wrong.value == 0
    assert any(step.people for step in found.disagreements)


def test_one_source_alone_estimates_nothing(audited):
    store, run_id, _ = audited
    found = audit(store, run_id, 0, draws=0)
    assert found.why.startswith("Only one source")
    assert found.filtered(FILTER) is None
    assert found.beliefs == []
    assert [(source.title, source.estimated) for source in found.sources] == [("Rollouts", None)]


def test_labels_that_are_not_there_are_missed(store, audited):
    run_id = synthetic_run(store, status=RunStatus.QUEUED)
    with pytest.raises(InputError, match="has no labels yet"):
        audit(store, run_id)
    other, done, _ = audited
    with pytest.raises(InputError, match="no labels of iteration 7"):
        audit(other, done, 7)


def test_what_a_verifier_was_trained_on_is_stored_once(store):
    run_id = synthetic_queued(store)
    set_status(store, run_id, RunStatus.RUNNING)
    row = k.TrainingLabelRow(trajectory=3, labels="1?0", reasons="wcw", beliefs=[0.9, 0.5, 0.0])
    steps = ["a", "b", "c"]
    events = [
        k.Questions(rows=[k.QuestionRow(number=0, split="train", text="q", solution="s", answer="1")]),
        k.Trajectories(
            rows=[
                k.TrajectoryRow(
                    number=3, question=0, iteration=1, sample=0, source="sample", steps=steps, correct=False
                )
            ]
        ),
        k.TrainingLabels(verifier=1, rows=[row]),
    ]
    for _ in range(2):
        Ingest(store, run_id).apply(events)
    ((labels, reasons, beliefs),) = store.rows(
        "SELECT labels, reasons, beliefs FROM training_labels WHERE verifier = 1"
    )
    assert (labels, reasons) == ("1?0", "wcw")
    assert unpack_scores(beliefs).tolist() == pytest.approx([0.9, 0.5, 0.0], abs=1e-4)


def test_a_source_that_is_mostly_alone_is_told_of(audited):
    _, _, found = audited
    sources = [replace(source, votes=100, shared=90) for source in found.sources]
    assert replace(found, sources=sources).caution == ""
    alone = replace(sources[-1], shared=45)
    told = replace(found, sources=[*sources[:-1], alone]).caution
    assert told.startswith(f"Of the steps that {alone.title} judged, 55% were judged by nobody else")
    assert replace(found, sources=[replace(alone, estimated=None)]).caution == ""


def said(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["sapo", "audit", *arguments])
    monkeypatch.setenv("COLUMNS", "160")
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
    return code, *capsys.readouterr()


def test_the_command(store, monkeypatch, capsys):
    run_id = synthetic_run(store, iterations=1, trajectories=160, questions=12)
    code, out, _ = said(monkeypatch, capsys, run_id, "--top", "3")
    assert code == 0
    for text in ("Who is wrong how often", "Verifier V0, by the task's oracle", "Consensus filter", "worst first"):
        assert text in out
    code, out, _ = said(monkeypatch, capsys, run_id, "--json", "--top", "3")
    found = json.loads(out)
    assert code == 0
    assert (found["iteration"], len(found["worst"]), found["unidentified"]) == (1, 3, "")
    assert found["filter"]["kept"] <= found["filter"]["labels"] == found["steps"]
    code, _, err = said(monkeypatch, capsys, run_id, "--iteration", "9")
    assert code == 2
    assert "no labels of iteration 9" in err
    for bounds in (("--low", "0.7", "--high", "0.3"), ("--low", "0.9"), ("--high", "0.1", "--shadow")):
        code, out, err = said(monkeypatch, capsys, run_id, *bounds)
        assert (code, out) == (2, "")
        assert "must not exceed --high" in err
