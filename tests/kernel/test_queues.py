"""Queues: which items, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.annotations import annotate
from sapo_studio.store.codec import row_number
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueSpec, Rule
from sapo_studio.store.queue_rules import choose
from sapo_studio.store.queues import delete_queue, extend_queue, find_queue, list_queues, make_queue, rename_queue
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.traces import trace_ids
from tests.fixtures.synthetic import synthetic_run

RULES: tuple[Rule, ...] = ("disagreement", "uncertain", "random", "question")


def spec_of(run_id: str, **more: object) -> QueueSpec:
    spec = QueueSpec("q", TraceFilter(run_id, iteration=2), size=20, seed=7)
    return replace(spec, **more)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    """Another machine's store with the run of `finished`, which has another number there."""
    with Store.open(tmp_path_factory.mktemp("elsewhere") / "studio.db") as store:
        synthetic_run(store, name="in between", trajectories=4, iterations=0)
        yield store, synthetic_run(store, name="first", trajectories=120, questions=24)


@pytest.mark.parametrize("rule", RULES)
def test_another_machine_gets_the_same_items(finished: tuple[Store, str], elsewhere: tuple[Store, str], rule: Rule):
    (store, run_id), (other, moved) = finished, elsewhere
    spec = spec_of(run_id, rule=rule, overlap=0.4, gold_rate=0.1)
    there = choose(other, replace(spec, filter=replace(spec.filter, run_id=moved)))
    here = choose(store, spec)
    assert [(row_number(one.trajectory_id), one.shared, one.gold) for one in here] == [
        (row_number(one.trajectory_id), one.shared, one.gold) for one in there
    ]
    assert len(here) == 20
    assert sum(one.shared for one in here) == 8
    assert sum(one.gold is not None for one in here) == 2


@pytest.mark.parametrize("rule", RULES)
def test_another_seed_gets_others_where_the_rule_leaves_room(finished: tuple[Store, str], rule: Rule):
    store, run_id = finished
    orders = [[one.trajectory_id for one in choose(store, spec_of(run_id, rule=rule, seed=seed))] for seed in (1, 2)]
    assert (orders[0] == orders[1]) == (rule in ("disagreement", "uncertain"))  # scores hardly ever tie


def test_most_disagreement_comes_first(store: Store):
    run_id = synthetic_run(store, trajectories=30, questions=8, iterations=1)
    ids = queries.trace_ids(store, TraceFilter(run_id, iteration=1)).tolist()
    rows = {row.id: row for row in queries.trace_rows(store, ids)}
    chosen = [one.trajectory_id for one in choose(store, spec_of(run_id, filter=TraceFilter(run_id, iteration=1)))]

    def worth(identity: int) -> float:
        row = rows[identity]
        spans: list[float] = []
        for step, score in enumerate(row.scores.tolist(), start=1):
            told = [score]
            told += [float(not e or step < e) for e in (row.verified, row.truth) if e >= 0]
            if len(told) > 1:
                spans.append(max(told) - min(told))
        return float(np.mean(spans))

    assert [worth(one) for one in chosen] == sorted((worth(one) for one in ids), reverse=True)[:20]
    lowest = min(ids, key=worth)
    assert lowest not in chosen
    steps = rows[lowest].n_steps
    truth = rows[lowest].truth
    annotate(store, lowest, "ann", dict.fromkeys(range(1, steps + 1), 1 if truth == 1 else -1))
    again = choose(store, spec_of(run_id, filter=TraceFilter(run_id, iteration=1)))
    assert lowest in [one.trajectory_id for one in again][:10]  # people who say otherwise make it worth a look


def test_a_second_grader_counts(store: Store):
    run_id = synthetic_run(store, trajectories=30, questions=8, iterations=1)
    spec = spec_of(run_id, filter=TraceFilter(run_id, iteration=1), size=30)
    last = choose(store, spec)[-1].trajectory_id
    row = queries.trace_rows(store, [last])[0]
    said = "".join("0" if not row.truth or step < row.truth else "1" for step in range(1, row.n_steps + 1))
    store.execute(
        "INSERT INTO labels (trajectory_id, source, iteration, labels) VALUES (?, 'other-model', 1, ?)", (last, said)
    )
    assert last in [one.trajectory_id for one in choose(store, spec)][:15]


def test_uncertain_scores_come_first(finished: tuple[Store, str]):
    store, run_id = finished
    chosen = [one.trajectory_id for one in choose(store, spec_of(run_id, rule="uncertain"))]
    doubts = [float(np.mean(1 - np.abs(2 * row.scores - 1))) for row in queries.trace_rows(store, chosen)]
    assert doubts == pytest.approx(sorted(doubts, reverse=True))


def test_one_question_at_a_time(finished: tuple[Store, str]):
    store, run_id = finished
    chosen = choose(store, spec_of(run_id, rule="question", size=60))
    rows = queries.trace_rows(store, [one.trajectory_id for one in chosen])
    turns = [a.question_id for a, b in pairwise(rows) if a.question_id != b.question_id]
    assert len(turns) == len(set(turns))  # none comes back
    for a, b in pairwise(rows):
        assert a.question_id != b.question_id or a.sample < b.sample


def test_gold_items_lie_among_the_others_and_are_for_everybody(finished: tuple[Store, str]):
    store, run_id = finished
    chosen = choose(store, spec_of(run_id, size=100, gold_rate=0.1, overlap=0.0))
    gold = [(place, one) for place, one in enumerate(chosen) if one.gold is not None]
    assert len(gold) == 10
    assert all(one.shared for _, one in gold)
    assert gold[-1][0] - gold[0][0] > 20
    rows = {row.id: row for row in queries.trace_rows(store, [one.trajectory_id for _, one in gold])}
    assert all(rows[one.trajectory_id].truth == one.gold for _, one in gold)


def test_resolved_conflicts_are_gold_where_the_task_knows_nothing(store: Store):
    run_id = synthetic_run(store, trajectories=10, questions=8, iterations=0)
    spec = spec_of(run_id, filter=TraceFilter(run_id), gold_rate=0.5)
    store.execute("UPDATE trajectories SET truth = NULL")
    with pytest.raises(InputError, match="no gold items"):
        choose(store, spec)
    identity = int(queries.trace_ids(store, TraceFilter(run_id))[3])
    store.execute(
        "INSERT INTO resolutions (uid, trajectory_id, resolver, at, judgements, first_error)"
        " VALUES ('u', ?, 'ann', 1.0, '{}', 2)",
        (identity,),
    )
    assert {one.trajectory_id: one.gold for one in choose(store, spec) if one.gold is not None} == {identity: 2}


@pytest.mark.parametrize("source", ["sample", "process"])
def test_it_takes_what_the_filter_lets_through(finished: tuple[Store, str], source: str):
    store, run_id = finished
    filter = TraceFilter(run_id, source=source, outcome="wrong", text="loses")
    allowed = set(queries.trace_ids(store, filter).tolist())
    assert {one.trajectory_id for one in choose(store, spec_of(run_id, filter=filter, size=1000))} == allowed


@settings(max_examples=40)
@given(size=st.integers(1, 130), overlap=st.floats(0, 1), gold=st.floats(0, 1), rule=st.sampled_from(RULES))
def test_any_shares(finished: tuple[Store, str], size: int, overlap: float, gold: float, rule: Rule):
    store, run_id = finished
    chosen = choose(store, spec_of(run_id, size=size, overlap=overlap, gold_rate=gold, rule=rule))
    there = min(size, 120)
    assert len({one.trajectory_id for one in chosen}) == len(chosen) == there
    golds = sum(one.gold is not None for one in chosen)
    assert golds == round(gold * there)
    assert sum(one.shared for one in chosen) == max(golds, round(overlap * there))


def test_a_queue_is_kept_as_it_was_made(store: Store):
    run_id = synthetic_run(store, trajectories=20, questions=8, iterations=1)
    spec = spec_of(run_id, filter=TraceFilter(run_id, text="coins"), overlap=0.5, gold_rate=0.2, size=10)
    expected = choose(store, spec)
    queue_id = make_queue(store, spec, "mira")
    (info,) = list_queues(store)
    assert (info.id, info.name, info.created_by, info.rule, info.seed) == (queue_id, "q", "mira", "disagreement", 7)
    assert (info.size, info.gold, info.overlap, info.gold_rate) == (10, 2, 0.5, 0.2)
    assert info.source["run_id"] == run_id
    assert info.source["text"] == "coins"
    assert info.source["size"] == 10
    kept = store.rows("SELECT trajectory_id, shared, gold FROM queue_items ORDER BY place")
    assert kept == [(one.trajectory_id, one.shared, one.gold) for one in expected]
    assert find_queue(store, "q") == queue_id
    with pytest.raises(InputError, match="already"):
        make_queue(store, spec, "mira")
    rename_queue(store, queue_id, " r ")
    assert [one.name for one in list_queues(store)] == ["r"]
    delete_queue(store, queue_id)
    assert list_queues(store) == []
    assert store.value("SELECT count(*) FROM queue_items") == 0
    with pytest.raises(InputError, match="no queue"):
        find_queue(store, "r")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"name": "  "}, "name of a queue"),
        ({"size": 0}, "cannot be made"),
        ({"size": 10**6}, "cannot be made"),
        ({"seed": -1}, "seed"),
        ({"overlap": 1.1}, "share of items"),
        ({"gold_rate": float("nan")}, "share of gold"),
        ({"rule": "best"}, "no rule"),
        ({"filter": TraceFilter("none-5")}, "no run"),
        ({"filter": TraceFilter("first-1", text="no such words")}, "can come into"),
        ({"filter": TraceFilter("first-1", outcome="maybe")}, "outcome"),
    ],
)
def test_nonsense_is_refused(finished: tuple[Store, str], more: dict[str, object], what: str):
    store, run_id = finished
    with pytest.raises(InputError, match=what):
        make_queue(store, spec_of(run_id, **more), "mira")
    assert store.value("SELECT count(*) FROM queues") == 0


def test_names_are_each_of_one_queue(store: Store):
    run_id = synthetic_run(store, trajectories=8, questions=8, iterations=0)
    spec = spec_of(run_id, filter=TraceFilter(run_id))
    first, second = (make_queue(store, replace(spec, name=name), "mira") for name in ("a", "b"))
    with pytest.raises(InputError, match="already"):
        rename_queue(store, second, "a")
    rename_queue(store, first, "a")
    with pytest.raises(InputError, match="name of a queue"):
        rename_queue(store, first, "")
    assert {one.name for one in list_queues(store)} == {"a", "b"}


def test_a_queue_grows_by_what_it_does_not_have(store: Store) -> None:
    run_id = synthetic_run(store, iterations=1, trajectories=12, questions=4)
    queue_id = make_queue(store, QueueSpec("mine", TraceFilter(run_id), "question", size=4), "ann")
    there = [one for (one,) in store.rows("SELECT trajectory_id FROM queue_items WHERE queue_id = ?", (queue_id,))]
    others = [one for one in trace_ids(store, TraceFilter(run_id)).tolist() if one not in there]
    assert extend_queue(store, queue_id, [there[0], others[0], others[1], others[0]]) == 2
    query = "SELECT trajectory_id, place, shared FROM queue_items WHERE queue_id = ? ORDER BY place"
    items = store.rows(query, (queue_id,))
    assert items[4:] == [(others[0], 5, 1), (others[1], 6, 1)]
    assert extend_queue(store, queue_id, others[:2]) == 0
