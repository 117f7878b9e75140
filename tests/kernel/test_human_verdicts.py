"""What people say together, as a rule and out of the store."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.domain.human_verdicts import Person, Resolution, human_verdict
from sapo_studio.domain.judgements import first_error, first_error_here, no_error
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
        ([3, 0, 0], 0, "agreement", 2 / 3),
        ([], -1, "one person", None),
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
    assert found.steps == {1: 1, 2: -1}, "what was filled in behind it is no judgement"
    judged = {1: 1, 2: -1, 3: 1, 4: 0}
    assert human_verdict(people(3), N, Resolution("judge", judged, 2)).steps == judged


def test_steps_are_what_those_say_who_say_the_first_error():
    said = [Person("a", {1: 0, 2: -1, 4: 1}), Person("b", {1: 1, 2: -1, 4: 1}), Person("c", {1: 1, 2: 1, 3: -1})]
    found = human_verdict(said, N)
    assert (found.first_error, found.steps) == (2, {1: 0, 2: -1, 4: 1})  # of step 1 as many: who spoke last
    found = human_verdict([*said[1:], Person("d", {3: -1, 4: -1}), Person("e", {1: 1, 3: -1})], N)
    assert (found.first_error, found.steps) == (3, {1: 1, 2: 1, 3: -1, 4: -1})


def test_who_has_not_said_enough_is_asked_only_where_nobody_has():
    begun = Person("a", {1: 0, 2: 1})
    assert human_verdict([begun], N).steps == {1: 0, 2: 1}
    found = human_verdict([begun, Person("b", {3: -1})], N)
    assert (found.first_error, found.how, found.steps) == (3, "one person", {1: 1, 2: 1, 3: -1})


def test_people_who_have_judged_every_step_together_say_that_none_is_wrong():
    found = human_verdict([Person("a", {1: 0, 2: 0}), Person("b", {1: 0, 3: 1, 4: 0})], N)
    assert (found.first_error, found.how, found.by, found.agreement) == (0, "agreement", ("a", "b"), None)
    assert found.steps == {1: 0, 2: 0, 3: 1, 4: 0}
    assert human_verdict([Person("a", {1: 0, 2: 0}), Person("b", {1: 0, 4: 0})], N).first_error == -1


def test_what_was_filled_in_counts_up_to_the_first_error():
    judged = first_error_here(N, 2)
    found = human_verdict([Person("a", judged, frozenset({1, 3, 4}))], N)
    assert found.steps == {1: 1, 2: -1}
    assert human_verdict([Person("a", judged, frozenset({1, 3}))], N).steps == {1: 1, 2: -1, 4: -1}
    assert human_verdict([Person("a", no_error(N), frozenset(range(1, N + 1)))], N).steps == no_error(N)


@settings(max_examples=50)
@given(st.lists(st.tuples(JUDGEMENTS, st.frozensets(st.integers(1, N))), max_size=5))
def test_first_error_and_steps_never_differ(all_judgements):
    found = human_verdict([Person(str(k), *judgements) for k, judgements in enumerate(all_judgements)], N)
    assert first_error(found.steps, N) == found.first_error
    for step, judgement in found.steps.items():
        assert judgement in {judged.get(step, 1) for judged, _ in all_judgements}
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
