"""What people say together, as a rule and out of the store."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.domain.human_verdicts import Person, Resolution, human_verdict
from sapo_studio.domain.judgements import first_error_here, no_error
from sapo_studio.store import queries
from sapo_studio.store.annotations import annotate, undo
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import human_verdicts
from tests.fixtures.synthetic import synthetic_run

N = 4
JUDGEMENTS = st.dictionaries(st.integers(1, N), st.integers(-1, 1))


def people(*errors: int) -> list[Person]:
    """People who say these first errors (0: none), who spoke last first."""
    found = [no_error(N) if error == 0 else first_error_here(N, error) for error in errors]
    return [Person(f"p{k}", judged) for k, judged in enumerate(found)]


@pytest.mark.parametrize(
    ("errors", "error", "how", "agreement"),
    [
        ([3], 3, "one person", None),
        ([2, 3], 2, "latest", 0.5),
        ([2, 3, 3], 3, "agreement", 2 / 3),
        ([0, 0], 0, "agreement", 1.0),
        ([1, 2, 2, 1], 1, "latest", 0.5),
    ],
)
def test_most_say_it_else_who_spoke_last(errors, error, how, agreement):
    found = human_verdict(people(*errors), N)
    assert (found.first_error, found.how, found.agreement) == (error, how, agreement)
    assert found.by == tuple(sorted(f"p{k}" for k in range(len(errors))))


def test_a_resolution_stands_before_all():
    found = human_verdict(people(2, 3, 3), N, Resolution("judge", first_error_here(N, 2), 2))
    assert (found.first_error, found.how, found.agreement) == (2, "resolution", 1 / 3)
    assert found.by == ("judge", "p0", "p1", "p2")
    assert found.correct == {1: True, 2: False, 3: False, 4: False}


def test_steps_are_voted_on_and_neutral_is_no_error():
    found = human_verdict([Person("a", {1: 0, 2: -1}), Person("b", {2: 1, 3: 1}), Person("c", {2: 1})], N)
    assert found.correct == {1: True, 2: True, 3: True}
    assert human_verdict([Person("a", {1: 0}), Person("b", {1: -1})], N).correct == {1: True}  # as many: who spoke last


@settings(max_examples=30)
@given(st.lists(JUDGEMENTS, max_size=5))
def test_it_is_always_somebodys_word(all_judgements):
    spoken = [Person(str(k), judgements) for k, judgements in enumerate(all_judgements)]
    found = human_verdict(spoken, N)
    assert set(found.correct) == {step for judged in all_judgements for step in judged}
    for step, correct in found.correct.items():
        assert correct in {judged[step] != -1 for judged in all_judgements if step in judged}
    assert found.agreement is None or 0 < found.agreement <= 1


def test_out_of_the_store(store: Store):
    run = synthetic_run(store, trajectories=8, questions=8, iterations=1)
    one, two = (int(k) for k in queries.trace_ids(store, queries.TraceFilter(run))[:2])
    n = queries.trace_rows(store, [one])[0].n_steps
    annotate(store, one, "ann", first_error_here(n, 2))
    annotate(store, one, "ben", no_error(n))
    annotate(store, two, "ann", {1: 1})
    found = human_verdicts(store, one, two)
    assert (found[one].first_error, found[one].how, found[one].by) == (0, "latest", ("ann", "ben"))
    assert found[two].first_error == -1
    undo(store, one, "ben")
    assert human_verdicts(store, one, one)[one].first_error == 2
    annotate(store, one, "ben", no_error(n))
    store.execute(
        "INSERT INTO resolutions (uid, trajectory_id, resolver, at, judgements, first_error)"
        " VALUES ('u', ?, ?, ?, ?, 3)",
        (one, "judge", time.time(), json.dumps(first_error_here(n, 3))),
    )
    resolved = human_verdicts(store, one, one)[one]
    assert (resolved.first_error, resolved.how, resolved.agreement) == (3, "resolution", 0.0)
    store.execute("UPDATE resolutions SET undone_at = 1")
    assert human_verdicts(store, one, one)[one].how == "latest"
