"""Merging bundles into a store: in any order and any number of times the same, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.app.exports.step_labels import written
from sapo_studio.app.imports.facts import facts
from sapo_studio.errors import InputError
from sapo_studio.formats.registry import format_named
from sapo_studio.store import annotations
from sapo_studio.store.bundle_records import (
    ActRecord,
    Bundle,
    CommentRecord,
    ItemRecord,
    JudgementRecord,
    QueueRecord,
    ResolutionRecord,
    StateRecord,
)
from sapo_studio.store.bundles import bring_in, merge, read_queue
from sapo_studio.store.db import Store
from sapo_studio.store.runs import delete_run

PEOPLE = ("ann", "ben")


def item(place: int, steps: int, **more) -> ItemRecord:
    facts = {"question": f"Question {place}?", "solution": "", "reference": "7", "answer": "6", "source": "sample"}
    return ItemRecord(
        **{
            **{"place": place, "shared": True, "gold": None, "run": "lab-1", "row": place, "split": "train", **facts},
            **{"iteration": 1, "sample": place, "correct": False, "tokens": 9, "copies": 1},
            **{"steps": tuple(f"step {step} of {place}" for step in range(1, steps + 1)), **more},
        }
    )


QUEUE = QueueRecord(
    **{"uid": "q1", "name": "lab it 1", "created_at": 10.0, "created_by": "ann", "rule": "random", "seed": 3},
    **{"overlap": 1.0, "gold_rate": 0.5, "source": "{}"},
)
EMPTY = Bundle(queue=QUEUE, items=(item(1, 3), item(2, 2, gold=2)))


def done(number: int) -> dict[str, object]:
    """Who did something with what, and when; two things may have been done at the same time."""
    return {
        "uid": f"u{number}",
        "place": 1 + number % 2,
        "annotator": PEOPLE[number // 2 % 2],
        "at": 100.0 + number // 3,
    }


JUDGEMENTS = [JudgementRecord(**done(n), steps=((1, n % 3 - 1, False), (2, -1, n % 2 == 0))) for n in range(8)]
COMMENTS = [CommentRecord(**done(n), step=n % 3, text="no" * n) for n in range(6)]
ACTS = [ActRecord(**done(n), verb=("judge", "save", "skip", "save")[n % 4]) for n in range(10)]
RESOLUTIONS = [
    ResolutionRecord(**done(n), steps=((1, 1), (2, -1)), first_error=2, taken="ann" if n % 2 else "", why="so")
    for n in range(4)
]


def some(world):
    """Some of what was done, of which some was taken back."""
    taken_back = st.lists(st.sampled_from([None, 200.0, 300.0]), min_size=len(world), max_size=len(world))
    return st.tuples(st.sets(st.sampled_from(range(len(world)))), taken_back).map(
        lambda drawn: tuple(world[n].model_copy(update={"undone_at": drawn[1][n]}) for n in sorted(drawn[0]))
    )


STATES = st.dictionaries(
    st.tuples(st.sampled_from([1, 2]), st.sampled_from(PEOPLE)), st.tuples(st.floats(0, 1e6), st.booleans())
).map(
    lambda found: tuple(
        StateRecord(place=place, annotator=who, seconds=seconds, blind=blind)
        for (place, who), (seconds, blind) in found.items()
    )
)
BUNDLES = st.builds(
    Bundle,
    **{"queue": st.just(QUEUE), "items": st.just(EMPTY.items), "judgements": some(JUDGEMENTS), "acts": some(ACTS)},
    **{"comments": some(COMMENTS), "resolutions": some(RESOLUTIONS), "states": STATES},
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Iterator[Store]:
    """A store with the queue, in which nothing was done yet."""
    with Store.open(tmp_path_factory.mktemp("merge") / "studio.db") as opened:
        bring_in(opened, EMPTY, "empty.jsonl")
        yield opened


class _Back(Exception):  # noqa: N818  # no error
    pass


@contextmanager
def put_back(store: Store) -> Iterator[None]:
    """What is written in the block is gone after it."""
    try:
        with store.atomic():
            yield
            raise _Back
    except _Back:
        pass


def state(store: Store) -> list[object]:
    """Everything that a merge may change, and in which order: that decides what holds and what is undone first."""
    return [
        read_queue(store, 1),
        *(
            store.rows(f"SELECT trajectory_id, uid, step, undone_at FROM {table} ORDER BY trajectory_id, id")
            for table in ("annotations", "comments")
        ),
        store.rows("SELECT trajectory_id, uid, undone_at FROM resolutions ORDER BY trajectory_id, id"),
        store.rows("SELECT uid, undone_at FROM queue_acts ORDER BY id"),
        store.rows("SELECT item_id, annotator, status, at FROM item_states WHERE status != 'claimed' ORDER BY 1, 2"),
        [annotations.current(store, one) for (one,) in store.rows("SELECT id FROM trajectories ORDER BY id")],
    ]


@settings(max_examples=12)
@given(st.lists(BUNDLES, min_size=2, max_size=3), st.randoms())
def test_neither_order_nor_number_of_merges_matters(base: Store, bundles: list[Bundle], random):
    ends = []
    for _ in range(2):
        with put_back(base):
            for bundle in bundles:
                merge(base, bundle)
            ends.append(state(base))
            for bundle in bundles:
                assert not merge(base, bundle).anything
            assert state(base) == ends[-1]
        random.shuffle(bundles)
        bundles = [*bundles, bundles[0]]
    assert ends[0] == ends[1]


@settings(max_examples=10)
@given(BUNDLES)
def test_nothing_is_lost_on_the_way_through_a_store(base: Store, bundle: Bundle):
    with put_back(base):
        merge(base, bundle)
        found = read_queue(base, 1)
    for part in ("judgements", "comments", "acts", "resolutions"):
        assert {one.uid: one for one in getattr(found, part)} == {one.uid: one for one in getattr(bundle, part)}
    assert set(found.states) == {s for s in bundle.states if s.seconds or s.blind}


def with_(**parts) -> Bundle:
    return EMPTY.model_copy(update=parts)


@pytest.mark.parametrize(
    ("part", "one", "other"),
    [
        ("judgements", JUDGEMENTS[1], JUDGEMENTS[1].model_copy(update={"steps": ((1, 0, False),)})),
        ("judgements", JUDGEMENTS[1], JUDGEMENTS[1].model_copy(update={"place": 1})),
        ("comments", COMMENTS[1], COMMENTS[1].model_copy(update={"text": "another"})),
        ("acts", ACTS[1], ACTS[1].model_copy(update={"at": 1.0})),
        ("resolutions", RESOLUTIONS[0], RESOLUTIONS[0].model_copy(update={"why": "another"})),
    ],
)
def test_one_uid_with_two_meanings_is_refused_with_both(base: Store, part: str, one, other):
    with put_back(base):
        merge(base, with_(**{part: (one,)}))
        before = state(base)
        added = JUDGEMENTS[5], COMMENTS[5]
        coming = with_(judgements=(added[0],), comments=(added[1],))
        coming = coming.model_copy(update={part: (*getattr(coming, part), other)})
        with pytest.raises(InputError, match="not the same here and in the file") as refused:
            merge(base, coming)
        assert one.annotator in refused.value.why
        assert refused.value.why.count("\n") == 1
        assert state(base) == before, "nothing of it was merged"


def test_a_uid_of_another_trajectory_is_refused(base: Store):
    with put_back(base):
        other = bring_in(base, EMPTY.model_copy(update={"queue": QUEUE.model_copy(update={"uid": "q2"})}), "x.jsonl")
        assert (other.queue, other.run_id) == ("lab it 1 (2)", ""), "the trajectories were here already"
        merge(base, with_(acts=(ACTS[1],)))
        coming = EMPTY.model_copy(update={"queue": QUEUE.model_copy(update={"uid": "q2"}), "acts": (ACTS[1],)})
        with pytest.raises(InputError, match="u1 is not the same"):
            merge(base, coming)


def test_other_trajectories_are_refused(base: Store):
    changed = (
        (item(1, 3, question="Another?"), EMPTY.items[1]),
        (EMPTY.items[0].model_copy(update={"steps": ("a", "b", "c")}), EMPTY.items[1]),
        (EMPTY.items[0], item(2, 2, gold=1)),
        (*EMPTY.items, item(3, 1)),
    )
    for items in changed:
        with pytest.raises(InputError, match="is another trajectory in this bundle"):
            merge(base, with_(items=items))
    with pytest.raises(InputError, match="not in this store"):
        merge(base, EMPTY.model_copy(update={"queue": QUEUE.model_copy(update={"uid": "q9"})}))


def test_an_act_of_a_version_without_uids_is_the_same_wherever_it_comes_to(base: Store):
    with put_back(base):
        merge(base, with_(judgements=(JUDGEMENTS[1],)))
        base.execute("UPDATE annotations SET uid = ''")
        out = read_queue(base, 1)
        assert not merge(base, out).anything
        merge(base, with_(judgements=(JUDGEMENTS[3],)))
        assert len(read_queue(base, 1).judgements) == 2
        assert not merge(base, out).anything, "it has its uid now"


def test_a_save_elsewhere_and_its_undoing_come_home(base: Store):
    def status() -> list[object]:
        return base.rows("SELECT status, at, seconds, blind FROM item_states")

    saved = ACTS[1]
    with put_back(base):
        merge(base, with_(acts=(saved,), states=(StateRecord(place=2, annotator="ann", seconds=31.5, blind=True),)))
        assert status() == [("saved", saved.at, 31.5, 1)]
        merge(base, with_(acts=(saved.model_copy(update={"undone_at": 300.0}),)))
        assert status() == [("claimed", 0.0, 31.5, 1)]
        again = saved.model_copy(update={"uid": "again", "at": 400.0})
        merge(base, with_(acts=(again,)))
        assert status() == [("saved", 400.0, 31.5, 1)]


def test_a_new_store_gets_the_trajectories_too(store: Store):
    scored = item(1, 3, truth=2, scores={"0": (1.0, 0.25, 0.5), "1": (0.75, 0.25, 0.0)})
    bundle = with_(items=(scored, EMPTY.items[1]), judgements=(JUDGEMENTS[0],))
    found = bring_in(store, bundle, "from/../home.jsonl")
    assert (found.judgements, found.queue, found.run_id) == (1, "lab it 1", "lab-it-1-1")
    assert store.rows("SELECT kind, status, iterations FROM runs") == [("import", "done", 1)]
    assert store.rows("SELECT DISTINCT source FROM trajectories") == [("import",)]
    assert store.rows("SELECT verifier, predicted FROM scores ORDER BY verifier") == [(0, 2), (1, 2)]
    queue_id = int(store.value("SELECT id FROM queues WHERE uid = ?", (found.uid,)))
    out = read_queue(store, queue_id, with_scores=True)
    assert out.items[0].truth == 2
    assert out.items[0].scores == {
        verifier: pytest.approx(values, abs=1e-5) for verifier, values in scored.scores.items()
    }
    assert [one.steps for one in out.items] == [one.steps for one in bundle.items]
    assert not read_queue(store, queue_id).items[0].scores
    assert not bring_in(store, bundle, "home.jsonl").anything
    assert store.value("SELECT count(*) FROM runs") == 1


def test_a_queue_whose_run_was_deleted_gets_its_items_again(store: Store):
    bundle = with_(items=(item(1, 3), EMPTY.items[1]), judgements=(JUDGEMENTS[0],))
    first = bring_in(store, bundle, "home.jsonl")
    delete_run(store, first.run_id)
    assert bring_in(store, with_(items=bundle.items), "home.jsonl").told().endswith("its items")
    found = bring_in(store, bundle, "home.jsonl")
    assert found.told().endswith("1 judgements")
    assert (found.judgements, found.uid) == (1, first.uid)
    queue_id = int(store.value("SELECT id FROM queues WHERE uid = ?", (found.uid,)))
    assert [one.steps for one in read_queue(store, queue_id).items] == [one.steps for one in bundle.items]
    assert not bring_in(store, bundle, "home.jsonl").anything


def test_a_queue_over_several_runs_of_which_one_was_deleted_gets_the_others_again(store: Store):
    first, second = item(1, 3), EMPTY.items[1]
    bring_in(store, with_(items=(first,)), "one.jsonl")
    both = with_(items=(first, second), judgements=(JUDGEMENTS[0],))
    both = both.model_copy(update={"queue": both.queue.model_copy(update={"uid": "another", "name": "another"})})
    made = bring_in(store, both, "both.jsonl")
    queue_id = int(store.value("SELECT id FROM queues WHERE uid = 'another'"))
    delete_run(store, made.run_id)
    assert len(read_queue(store, queue_id).items) == 1
    found = bring_in(store, both, "both.jsonl")
    assert found.run_id
    assert found.with_items
    assert [one.steps for one in read_queue(store, queue_id).items] == [first.steps, second.steps]
    assert not bring_in(store, both, "both.jsonl").anything


def test_what_came_by_a_bundle_is_exported_by_peoples_labels(store: Store):
    found = bring_in(store, with_(items=(item(1, 3), EMPTY.items[1])), "home.jsonl")
    known = format_named("processbench")
    assert list(written(known, store, found.run_id)) == []  # nobody has judged here
    first = int(store.value("SELECT min(id) FROM trajectories"))
    annotations.annotate(store, first, "ann", {1: 1, 2: -1, 3: -1}, filled=[3])
    (row,) = written(known, store, found.run_id)
    assert json.loads(row)["label"] == 1
    with pytest.raises(InputError, match="no file of labels"):
        list(written(known, store, found.run_id, labels="file"))
    assert "an annotation bundle" in facts(store, found.run_id).sentences()[0]
