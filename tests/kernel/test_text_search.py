"""Search in the trace table: whatever is indexed or not, what is found is what a look at each trajectory finds."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sapo_studio.events import kinds as k
from sapo_studio.store import search_index, text_search
from sapo_studio.store.db import Store
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.runs import delete_run
from sapo_studio.store.traces import first_hits, trace_ids
from tests.fixtures.synthetic import synthetic_queued

TEXTS = (
    ["Three shells cost 17 * 28 = 476.", "So the kangaroo pays."],
    ['She said "no"; a\\b', "line\nbreak\tand tab"],
    ["三角形の面積は 12", "x^2 + 3y_1 = 100%"],
    ["ÄPFEL und Birnen", "nothing else"],
    ["", "a"],
)


def add(store, run_id, texts, first=0):
    rows = [
        k.TrajectoryRow(
            number=first + at, question=1, iteration=0, sample=at, source="sample", steps=list(steps), correct=True
        )
        for at, steps in enumerate(texts)
    ]
    question = k.QuestionRow(number=1, split="train", text="How many zebras?", solution="", answer="1")
    Ingest(store, run_id).apply([k.Questions(rows=[question]), k.Trajectories(rows=rows)])


@pytest.fixture
def run_id(store):
    made = synthetic_queued(store, iterations=1)
    add(store, made, TEXTS)
    return made


def found(store, run_id, text):
    return [identity % 2**32 for identity in trace_ids(store, TraceFilter(run_id, text=text)).tolist()]


def index_all(store, run_id, most=2):
    number = store.value("SELECT number FROM runs WHERE id = ?", (run_id,))
    while search_index.index_some(store, number * 2**32, (number + 1) * 2**32 - 1, most):
        pass


CASES = {
    "kangaroo": [0],
    "KANGA": [0],
    "angar": [0],
    "* 28 =": [0],
    '"no"': [1],
    "a\\b": [1],
    "line\nbreak": [1],
    "角形": [2],
    "の面積は": [2],
    "3y_1": [2],
    "3yx1": [],
    "100%": [2],
    "ÄPFEL": [3],
    "zebra": [0, 1, 2, 3, 4],
    "no such": [],
    "nbreak": [],
    "[": [],
    '"': [1],
    ", ": [],
    "a": [0, 1, 2, 3, 4],
}


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("text", CASES)
def test_finds_words_and_parts_of_words_numbers_signs_and_other_scripts(store, run_id, text, indexed):
    if indexed:
        index_all(store, run_id)
        assert text_search.to_index(store, run_id) == 0
    assert found(store, run_id, text) == CASES[text]


def test_an_old_store_is_indexed_bit_by_bit_and_searched_meanwhile(store, run_id):
    assert text_search.to_index(store, run_id) == len(TEXTS)
    number = store.value("SELECT number FROM runs WHERE id = ?", (run_id,))
    left = [len(TEXTS)]
    while left[-1]:
        assert found(store, run_id, "kangaroo") == [0]
        assert found(store, run_id, "nothing") == [3]
        left.append(search_index.index_some(store, number * 2**32, (number + 1) * 2**32 - 1, 2))
    assert left == [5, 3, 1, 0]


def test_the_index_is_asked_where_it_can_say(store, run_id):
    """Without a look at trajectories that cannot have the text."""
    index_all(store, run_id)
    assert search_index.find(store, "kangaroo", 0, 2**62).tolist() == [2**32 * number_of(store, run_id)]
    assert search_index.find(store, "ka", 0, 2**62) is None
    assert search_index.find(store, "kangaroo", 0, 5).tolist() == []


def number_of(store, run_id):
    return store.value("SELECT number FROM runs WHERE id = ?", (run_id,))


def test_a_phase_done_again_with_other_texts_is_found_by_the_new_ones(store, run_id):
    index_all(store, run_id)
    add(store, run_id, [["A wallaby instead."]])
    assert text_search.to_index(store, run_id) == 1
    for _ in range(2):
        assert (found(store, run_id, "kangaroo"), found(store, run_id, "wallaby")) == ([], [0])
        index_all(store, run_id)
    add(store, run_id, TEXTS)  # only what is different is indexed anew
    assert text_search.to_index(store, run_id) == 1
    index_all(store, run_id)
    assert (found(store, run_id, "kangaroo"), found(store, run_id, "wallaby")) == ([0], [])


def test_runs_are_searched_each_for_itself_and_go_with_their_texts(store, run_id):
    other = synthetic_queued(store, iterations=1)
    add(store, other, [["Another kangaroo."]])
    for run in (run_id, other):
        index_all(store, run)
        assert found(store, run, "kangaroo") == [0]
    delete_run(store, other)
    assert found(store, run_id, "kangaroo") == [0]
    assert store.value("SELECT count(*) FROM unindexed") == 0


@pytest.mark.parametrize("damage", ["gone", "zeroed", "another's", "another version's"])
def test_a_lost_or_foreign_index_is_made_again(store, run_id, damage):
    index_all(store, run_id)
    path = search_index.index_path(store)
    if damage == "gone":
        path.unlink()
    elif damage == "zeroed":
        path.write_bytes(b"\0" * path.stat().st_size)
    else:
        with sqlite3.connect(path) as index:
            index.execute("DELETE FROM about" if damage == "another's" else "PRAGMA user_version = 99")
    assert found(store, run_id, "kangaroo") == [0]
    for _ in range(2):  # the first may find it damaged, and clear it away
        index_all(store, run_id)
    assert search_index.find(store, "kangaroo", 0, 2**62).tolist() == [2**32 * number_of(store, run_id)]
    assert found(store, run_id, "kangaroo") == [0]


def test_a_backup_leaves_the_index_out_and_a_restored_store_is_searched_rightly(store, run_id, tmp_path):
    before = tmp_path / "before" / "studio.db"
    before.parent.mkdir()
    store.backup(before)
    index_all(store, run_id)
    with Store.open(before) as old:
        assert found(old, run_id, "kangaroo") == [0]
        search_index.index_path(old).write_bytes(search_index.index_path(store).read_bytes())
        assert found(old, run_id, "kangaroo") == [0]
        index_all(old, run_id)
        assert found(old, run_id, "kangaroo") == [0]


def test_without_a_place_for_the_index_all_is_found_without_it(store, run_id):
    search_index.index_path(store).mkdir()
    assert text_search.index_run(store, run_id) is None
    assert found(store, run_id, "kangaroo") == [0]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.text(st.sampled_from('abn"\\, %_1Ä\n面['), max_size=8), min_size=1, max_size=2), max_size=6),
    st.text(st.sampled_from('abn"\\, %_1Ä\n面['), min_size=1, max_size=5),
    st.integers(0, 6),
)
def test_any_text_is_found_as_by_a_look_at_each(store, run_id, texts, wanted, indexed):
    store.execute("DELETE FROM trajectories")
    store.execute("DELETE FROM unindexed")
    add(store, run_id, texts)
    number = number_of(store, run_id)
    search_index.index_some(store, number * 2**32, (number + 1) * 2**32 - 1, indexed)
    only_ascii = str.maketrans({"Ä": "\1"})  # the store tells the cases of other letters apart
    sought = wanted.translate(only_ascii).lower()
    expected = [
        at for at, steps in enumerate(texts) if any(sought in step.translate(only_ascii).lower() for step in steps)
    ]
    assert found(store, run_id, wanted) == (list(range(len(texts))) if sought in "how many zebras?" else expected)


def test_first_hits_are_there_before_all_are_known(store, run_id):
    """Where the index is of no help: not made yet, or the text too short or too common for it."""
    asked = TraceFilter(run_id, text="a")
    assert [identity % 2**32 for identity in first_hits(store, asked, 2).tolist()] == [0, 1]
    assert first_hits(store, replace(asked, outcome="wrong"), 2).tolist() == []
    assert first_hits(store, replace(asked, sort="mean"), 2) is None
    index_all(store, run_id)
    assert first_hits(store, replace(asked, text="kangaroo"), 2) is None
    assert len(first_hits(store, asked, 2)) == 2
