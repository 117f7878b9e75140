"""The consensus filter: what is left out of a verifier's training, and what is kept of why."""

from __future__ import annotations

import pytest
import torch

from sapo_engine.labeling.consensus import Agreed, agree
from sapo_engine.loop import run
from sapo_engine.phases.context import RunContext
from sapo_engine.phases.control import ControlState
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.config.phase_plan import plan
from sapo_studio.domain.consensus import Bounds
from sapo_studio.domain.dawid_skene import Unidentified
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import Stopped
from sapo_studio.events import kinds as k
from tests.fixtures.lab_evidence import recorded
from tests.fixtures.small_run import config

STEPS = 5


def trajectory(number, first_error, *, source="sample", correct=False, tokens=None):
    return Trajectory(
        number=number,
        question=number,
        iteration=1,
        sample=0,
        source=source,
        tokens=tokens or tuple(range(100 * number, 100 * number + STEPS)),
        ends=tuple(range(1, STEPS + 1)),
        steps=("s",) * STEPS,
        correct=correct,
        answer="",
        truth=first_error,
    )


def labels(first_error):
    return "1" * (first_error - 1) + "0" * (STEPS - first_error + 1)


def scores(first_error):
    return [0.9] * (first_error - 1) + [0.1] * (STEPS - first_error + 1)


def tries(number, first_error):
    """Four rollouts from the prefixes about the first error, as the truth has it."""
    prefixes = [size for size in (first_error - 1, first_error) if 0 < size < STEPS]
    return [(number, size, (), size < first_error) for size in prefixes for _ in range(4)]


@pytest.fixture
def agreeing():
    """Sixty trajectories that verifier and rollouts see alike."""
    sampled = [trajectory(number, 2 + number % 3) for number in range(60)]
    rollouts = [one for t in sampled for one in tries(t.number, t.truth)]
    return sampled, {t.number: scores(t.truth) for t in sampled}, rollouts


def filtered(agreeing, written, more=()):
    sampled, found, rollouts = agreeing
    rows = [(t, written.get(t.number, labels(t.truth))) for t in sampled]
    agreed = agree([*rows, *more], found, rollouts, Bounds(0.2, 0.8), {})
    assert isinstance(agreed, Agreed)
    return agreed


def test_labels_that_all_sources_bear_out_stay(agreeing):
    agreed = filtered(agreeing, {})
    assert not any(row.changed for row in agreed.rows)
    assert agreed.kept_share == 1
    assert agreed.after.true_share == 0
    assert agreed.training == [(t, labels(t.truth)) for t in agreeing[0]]


def test_a_label_that_the_sources_speak_against_is_left_out(agreeing):
    """Written two steps late: the two steps between are labeled correct, and nobody thinks so."""
    agreed = filtered(agreeing, {0: labels(4)})
    assert agreed.rows[0].labels == "1??00"
    assert agreed.rows[0].reasons == "wccww"
    assert not any(row.changed for row in agreed.rows[1:])
    assert agreed.before.true == 2
    assert agreed.after.true == 0
    assert agreed.before.estimated_share > agreed.after.estimated_share


def test_labels_that_the_sources_leave_open_are_left_out(agreeing):
    """The verifier says step 2, rollouts that step 3 is correct still and 4 no more: who knows about 2 and 3."""
    sampled, found, rollouts = agreeing
    odd = trajectory(60, 4)
    case = ([*sampled, odd], {**found, 60: scores(2)}, [*rollouts, *[(60, 3, (), False)] * 4])
    agreed = filtered(case, {60: labels(3)})
    assert "?" in agreed.rows[60].labels
    assert agreed.rows[60].labels.endswith("0")


def test_an_expanded_rollout_inherits_the_beliefs_of_its_prefix(agreeing):
    sampled = agreeing[0]
    parent = sampled[0]  # its first error is at step 2
    bad = trajectory(900, None, source="expansion", tokens=(*parent.tokens[:3], 7001, 7002))
    bad = Trajectory(**{name: getattr(bad, name) for name in bad.__slots__} | {"question": parent.question})
    good = trajectory(901, None, source="expansion", correct=True)
    agreed = filtered(agreeing, {}, [(bad, labels(4)), (good, "1" * STEPS)])
    of_bad, of_good = agreed.rows[-2:]
    assert of_bad.labels == "1??00"
    assert of_bad.beliefs[3] == of_bad.beliefs[4] == of_bad.beliefs[2]
    assert (of_good.labels, of_good.beliefs) == ("1" * STEPS, [])
    assert agreed.before.labels == 60 * STEPS  # noise is that of sampled trajectories


def test_a_trajectory_without_a_label_left_is_no_example(agreeing):
    odd = trajectory(60, 1)
    sampled, found, rollouts = agreeing
    case = ([*sampled, odd], {**found, 60: scores(2)}, rollouts)
    agreed = agree([(t, labels(t.truth)) for t in case[0]], case[1], case[2], Bounds(0.0, 1.0), {})
    assert isinstance(agreed, Agreed)
    assert all(set(marks) != {"?"} for _, marks in agreed.training)


def test_one_source_leaves_all_labels(agreeing):
    sampled, _, rollouts = agreeing
    found = agree([(t, labels(t.truth)) for t in sampled], {}, rollouts, Bounds(0.2, 0.8), {})
    assert isinstance(found, Unidentified)
    assert "Only one source" in found.why


def test_people_are_a_source(agreeing):
    """What they say moves beliefs, and makes a second source where there was one."""
    sampled, found, rollouts = agreeing
    rows = [(t, labels(t.truth)) for t in sampled]
    others = {t.number: {step: step < t.truth for step in range(1, STEPS)} for t in sampled[10:]}
    agreed = agree(rows, {}, rollouts, Bounds(0.2, 0.8), others)
    assert isinstance(agreed, Agreed)
    assert agreed.after.true_share == 0

    def belief(judged):
        both = agree(rows, found, rollouts, Bounds(0.2, 0.8), judged)
        assert isinstance(both, Agreed)
        return both.rows[0].beliefs[sampled[0].truth - 1]

    assert belief(others | {0: {sampled[0].truth: True}}) > belief(others)


def test_people_tell_how_often_the_verifier_is_wrong_on_a_recorded_run():
    """On the lab, where verifier and rollouts alone leave it open; as people the oracle, who is right."""
    facts = recorded(1)
    right = {one.trajectory: {s: one.truth == 0 or s < one.truth for s in range(1, one.n)} for one in facts}
    sampled = [trajectory_of(one) for one in facts]
    tried = [
        (one.trajectory, prefix, (), made < tries.succeeded)
        for one in facts
        for prefix, tries in one.rollouts.items()
        for made in range(tries.made)
    ]
    rows = [(t, one.labels) for t, one in zip(sampled, facts, strict=True)]
    given = {one.trajectory: one.scores for one in facts if one.scores}
    noise = {}
    for name, judged in (("without", {}), ("with", {n: right[n] for n in sorted(right)[::2]})):
        agreed = agree(rows, given, tried, Bounds(0.2, 0.8), judged)
        assert isinstance(agreed, Agreed)
        noise[name] = agreed
    assert noise["with"].before.true == noise["without"].before.true
    off = {name: abs(one.before.estimated - one.before.true) for name, one in noise.items()}
    assert off["with"] < off["without"]
    assert noise["with"].after.true_share < noise["without"].after.true_share
    assert noise["with"].kept_share > noise["without"].kept_share


def trajectory_of(one):
    """A trajectory as the record has it, whose steps are tokens of their own."""
    tokens = tuple(range(one.n * one.trajectory, one.n * (one.trajectory + 1)))
    ends = tuple(range(1, one.n + 1))
    return Trajectory(
        *(one.trajectory, one.question, 1, 0, "sample", tokens, ends, ("s",) * one.n, False, "", one.truth)
    )


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """What a run reports until its second verifier is trained that filters because it was told to while it ran."""

    def hear(event):
        found.append(event)
        if isinstance(event, k.PhaseStarted) and len(found) < 10:
            control.take_label_settings(later)
        if isinstance(event, k.PhaseFinished) and event.ordinal == trained:
            raise Stopped("enough is seen")

    settings = config(
        iterations=1,
        warmup={"epochs": 0},
        sampling={"questions": 40, "start_questions": 10, "samples": 6},
        labeling={"trajectories": 60, "start_trajectories": 12, "rollouts": 2},
    )
    later = settings.labeling.model_copy(update={"consensus": "dawid-skene", "trajectories": 1}).model_dump(mode="json")
    control = ControlState()
    found: list[k.Event] = []
    phases = plan(settings)
    (trained,) = [p.ordinal for p in phases if (p.name, p.iteration) == (PhaseName.VERIFIER, 1)]
    session = RunSession(settings, tmp_path_factory.mktemp("run"), torch.device("cpu"))
    with pytest.raises(Stopped):
        run(RunContext(session, phases, hear, control))
    return found


def test_a_run_says_what_it_left_out(events):
    metrics = {(e.iteration, e.name): e for e in events if isinstance(e, k.Metric)}
    written = {row.trajectory: row.labels for e in events if isinstance(e, k.Labels) for row in e.rows}
    (trained,) = [e for e in events if isinstance(e, k.TrainingLabels)]
    assert trained.verifier == 1
    assert trained.rows
    for row in trained.rows:
        assert row.labels != written[row.trajectory]
        for label, reason, belief, before in zip(
            row.labels, row.reasons, row.beliefs, written[row.trajectory], strict=True
        ):
            assert label == ("?" if reason == "c" else before)
            assert (reason == "c") == (belief < 0.8 if before == "1" else belief > 0.2)
    assert 0 < metrics[1, "consensus_kept_share"].value < 1
    assert metrics[1, "consensus_noise_estimate"].value < metrics[1, "consensus_noise_before"].value
    assert metrics[1, "consensus_noise_estimate"].estimate
    assert "consensus_noise_true" in {name for _, name in metrics}
    assert (0, "consensus_kept_share") not in metrics


def test_the_first_labels_have_one_source_and_stay(events):
    assert any(isinstance(e, k.Log) and "No label is left out by consensus." in e.message for e in events)
