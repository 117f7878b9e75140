"""Solutions kept in the playground: an imported file like any other, that grows by one at a time."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.app.annotation.queues import make
from sapo_studio.app.exports import imported
from sapo_studio.app.imports.facts import facts
from sapo_studio.app.imports.stored import stored_solutions
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.app.playground.checkpoints import CheckpointChoice, VerifierChoice
from sapo_studio.app.playground.keeping import Written, keep_trace
from sapo_studio.errors import InputError
from sapo_studio.formats.base import ReadAs
from sapo_studio.formats.holding import Losses
from sapo_studio.formats.registry import format_named
from sapo_studio.requests.play import Asking, Checkpoint, Scorer, SolutionDone
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.records import UNKNOWN

VERIFIER = VerifierChoice(Scorer(run="runs/lab-1", iteration=3), "lab-1", "lab, V3", "V3", 3)
CHECKPOINT = CheckpointChoice(
    *(Checkpoint(run="runs/lab-1", iteration=4), "lab-1", "lab", "lab, M4", "M4", 4, True, "arithmetic"),
    *((VERIFIER,), VERIFIER),
)
STEPS = ("44 - 9 = 35", "35 + 8 = 41")


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "studio.db") as opened:
        yield opened


def written(steps=STEPS, **facts) -> Written:
    told = {
        "request": "r1",
        "solution": "r1/0",
        "text": "\n".join(steps),
        "steps": steps,
        "answer": "41",
        "correct": None,
        "why": "",
        "truth": None,
        "scores": tuple(0.5 for _ in steps),
        "predicted": 1,
        "mean": 0.5,
        "min": 0.5,
        "last": 0.5,
        "tokens": 8,
        "finished": True,
        "seconds": 1.0,
    }
    asking = Asking(text="Finn has 44 stamps, sells 9, buys 8. How many?", answer=facts.pop("right", ""))
    verifier = facts.pop("verifier", VERIFIER)
    return Written(SolutionDone(**told | facts), asking, CHECKPOINT, verifier, seed=7, temperature=0.8)


def rows(store, run_id):
    return [
        json.loads(raw) for (raw,) in store.rows("SELECT raw FROM import_rows WHERE run_id = ? ORDER BY row", (run_id,))
    ]


def test_a_kept_solution_is_a_trace_with_scores_and_where_it_is_from(store):
    kept = keep_trace(store, written(truth=2, correct=False, right="43"), "bad", "ann")
    assert kept.new
    trace = queries.trace(store, kept.trajectory)
    assert trace.steps == list(STEPS)
    assert (trace.correct, trace.truth) == (False, 2)
    labels = dict(store.rows("SELECT source, labels FROM labels WHERE trajectory_id = ?", (kept.trajectory,)))
    assert labels == {"file": "10", "playground": "?0"}
    assert store.value("SELECT verifier FROM scores WHERE trajectory_id = ?", (kept.trajectory,)) == 3
    assert facts(store, kept.run_id).scored_by == {"3": "lab, V3"}
    (row,) = rows(store, kept.run_id)
    about = row["playground"]
    assert (about["checkpoint"], about["verifier"], about["seed"], about["temperature"]) == (
        "lab, M4",
        "lab, V3",
        7,
        0.8,
    )
    assert (about["word"], about["by"], about["outcome_by"]) == ("bad", "ann", "grader")


def test_without_a_reference_the_word_is_the_outcome_and_no_step_is_called_right(store):
    kept = keep_trace(store, written(), "good", "ann")
    trace = queries.trace(store, kept.trajectory)
    assert (trace.correct, trace.truth) == (True, UNKNOWN)
    labels = dict(store.rows("SELECT source, labels FROM labels WHERE trajectory_id = ?", (kept.trajectory,)))
    assert labels == {"file": "??", "playground": "11"}


def test_kept_again_it_is_the_same_trace_with_the_new_word(store):
    first = keep_trace(store, written(), "good", "ann")
    again = keep_trace(store, written(), "bad", "bob")
    assert (again.trajectory, again.new) == (first.trajectory, False)
    assert not queries.trace(store, first.trajectory).correct
    (row,) = rows(store, first.run_id)
    assert (row["playground"]["word"], row["playground"]["by"]) == ("bad", "bob")
    other = keep_trace(store, written(steps=("44 - 9 = 35",)), "bad", "bob")
    assert (other.run_id, other.new) == (first.run_id, True)
    assert other.trajectory != first.trajectory


def test_kept_solutions_can_be_queued_and_exported(store, tmp_path):
    kept = keep_trace(store, written(), "good", "ann")
    keep_trace(store, written(steps=("44 - 9 = 36",)), "bad", "ann")
    spec = QueueSpec(name="", filter=queries.TraceFilter(kept.run_id, source="import"), size=10)
    assert make(store, spec, "ann").size == 2
    file = tmp_path / "kept.jsonl"
    losses = Losses()
    file.write_text("".join(imported.written(store, kept.run_id, format_named("sapo"), people=False, losses=losses)))
    again = take_in(store, file, known_format(file), ReadAs())
    solutions = [one for _, one in stored_solutions(store, again.run_id)]
    assert [one.steps for one in solutions] == [STEPS, ("44 - 9 = 36",)]
    assert solutions[0].extras.scores[0].scores == (0.5, 0.5)
    assert {label.source: label.labels for label in solutions[0].extras.labels} == {"playground": "11"}


def test_another_verifier_has_another_number(store):
    kept = keep_trace(store, written(), "good", "ann")
    other = VerifierChoice(Scorer(run="runs/lab-2", iteration=3), "lab-2", "other, V3", "V3", 3)
    keep_trace(store, written(steps=("44 - 9 = 35",), verifier=other), "good", "ann")
    assert facts(store, kept.run_id).scored_by == {"3": "lab, V3", "4": "other, V3"}


@pytest.mark.parametrize(
    ("steps", "word", "person"), [(("",), "good", "ann"), (STEPS, "fine", "ann"), (STEPS, "bad", "")]
)
def test_what_cannot_be_kept_leaves_nothing(store, steps, word, person):
    with pytest.raises(InputError):
        keep_trace(store, written(steps=steps), word, person)
    assert store.value("SELECT count(*) FROM runs") == 0


@settings(max_examples=40)  # a store each
@given(
    steps=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5).filter(
        lambda steps: any(step.strip() for step in steps)
    )
)
def test_any_steps_come_back_as_they_were(tmp_path_factory, steps):
    with Store.open(tmp_path_factory.mktemp("any") / "studio.db") as opened:
        kept = keep_trace(opened, written(steps=tuple(steps)), "good", "ann")
        assert queries.trace(opened, kept.trajectory).steps == steps
        assert not keep_trace(opened, written(steps=tuple(steps)), "good", "ann").new
