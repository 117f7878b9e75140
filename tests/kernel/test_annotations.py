"""Annotations against a model of them: acts, undo, several people."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sapo_studio.domain.judgements import first_error, first_error_here, no_error
from sapo_studio.errors import InputError
from sapo_studio.store import annotations, queries
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run

PEOPLE = st.sampled_from(["ann", "ben"])
N_STEPS = 3


@pytest.fixture
def trajectory(store: Store) -> int:
    return prepared(store)


def prepared(store: Store) -> int:
    run_id = synthetic_run(store, trajectories=8, questions=8, iterations=1)
    ids = queries.trace_ids(store, queries.TraceFilter(run_id, sort="steps"))
    identity = int(ids[0])
    assert queries.trace_rows(store, [identity])[0].n_steps == N_STEPS
    return identity


def test_acts_stand_until_undone(store: Store, trajectory: int):
    def now() -> dict[tuple[str, int], int]:
        return {(a.annotator, a.step): a.judgement for a in annotations.current(store, trajectory)}

    annotations.annotate(store, trajectory, "ann", {1: 1})
    annotations.annotate(store, trajectory, "ann", first_error_here(N_STEPS, 2))
    assert now() == {("ann", 1): 1, ("ann", 2): -1, ("ann", 3): -1}
    assert annotations.undo(store, trajectory, "ann")
    assert now() == {("ann", 1): 1}
    assert not annotations.undo(store, trajectory, "ben")
    assert annotations.undo(store, trajectory, "ann")
    assert not annotations.undo(store, trajectory, "ann")
    assert now() == {}
    kept = store.rows("SELECT count(*), sum(undone_at IS NOT NULL) FROM annotations")
    assert kept == [(4, 4)]  # nothing is lost: who, when and when undone


def test_they_show_everywhere(store: Store, trajectory: int):
    run_id = queries.trace(store, trajectory).run_id
    annotations.annotate(store, trajectory, "ann", no_error(N_STEPS))
    assert queries.trace(store, trajectory).human == 0
    annotations.annotate(store, trajectory, "ben", first_error_here(N_STEPS, 3))
    detail = queries.trace(store, trajectory)
    assert detail.human == 3  # who spoke last
    assert [(a.annotator, a.step, a.judgement) for a in detail.annotations][-1] == ("ben", 3, -1)
    assert queries.trace_rows(store, [trajectory])[0].human == 3
    assert queries.trace_ids(store, queries.TraceFilter(run_id, annotated=True)).tolist() == [trajectory]
    map_ = queries.heatmap(store, queries.HeatmapQuery(run_id, -1, 1))
    assert map_.human[map_.ids == trajectory].tolist() == [3]
    assert (map_.human[map_.ids != trajectory] == -1).all()
    annotations.undo(store, trajectory, "ben")
    assert queries.trace(store, trajectory).human == 0


@pytest.mark.parametrize(
    ("judgements", "expected"),
    [({}, -1), ({1: 1, 2: 1}, -1), ({1: 1, 2: 1, 3: 1}, 0), ({1: 0, 2: 1, 3: 0}, 0), ({3: -1}, 3), ({3: -1, 2: -1}, 2)],
)
def test_first_error_of_judgements(judgements: dict[int, int], expected: int):
    assert first_error(judgements, N_STEPS) == expected


def test_nonsense_is_refused(store: Store, trajectory: int):
    for judgements in ({0: 1}, {N_STEPS + 1: 1}, {1: 2}):
        with pytest.raises(InputError):
            annotations.annotate(store, trajectory, "ann", judgements)
    with pytest.raises(InputError, match="no trajectory"):
        annotations.annotate(store, 5, "ann", {1: 1})
    assert annotations.current(store, trajectory) == []


class Annotating(RuleBasedStateMachine):
    """The store beside a list of acts in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.open()
        self.trajectory = prepared(self.store)
        self.acts: list[tuple[str, dict[int, int]]] = []

    @rule(who=PEOPLE, judgements=st.dictionaries(st.integers(1, N_STEPS), st.integers(-1, 1), min_size=1))
    def annotate(self, who: str, judgements: dict[int, int]) -> None:
        annotations.annotate(self.store, self.trajectory, who, judgements)
        self.acts.append((who, judgements))

    @rule(who=PEOPLE)
    def undo(self, who: str) -> None:
        own = [at for at, (person, _) in enumerate(self.acts) if person == who]
        assert annotations.undo(self.store, self.trajectory, who) == bool(own)
        if own:
            del self.acts[own[-1]]

    @invariant()
    def same(self) -> None:
        expected: dict[tuple[str, int], int] = {}
        for who, judgements in self.acts:
            expected |= {(who, step): judgement for step, judgement in judgements.items()}
        found = annotations.current(self.store, self.trajectory)
        assert {(a.annotator, a.step): a.judgement for a in found} == expected
        said = {who: {step: it for (whose, step), it in expected.items() if whose == who} for who, _ in self.acts}
        known = {who: error for who, own in said.items() if (error := first_error(own, N_STEPS)) >= 0}
        # Of two who say different first errors the one who judged last counts; who has not said enough does not.
        latest = next((known[who] for who, _ in reversed(self.acts) if who in known), -1)
        assert queries.trace(self.store, self.trajectory).human == latest

    def teardown(self) -> None:
        self.store.close()


TestAnnotating = Annotating.TestCase
TestAnnotating.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
