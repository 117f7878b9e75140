"""The SQL views, read with nothing but the sqlite3 module (as a person with a shell or Datasette would)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.store import annotations, queries
from sapo_studio.store.codec import id_range, pack_scores, row_id, row_number, row_numbers, unpack_many, unpack_scores
from sapo_studio.store.db import Store
from tests.fixtures.synthetic import synthetic_run


@pytest.fixture
def plain(finished: tuple[Store, str]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(finished[0].path)) as connection:
        yield connection


def test_scores_are_decoded(finished: tuple[Store, str], plain: sqlite3.Connection):
    expected = {
        (identity, verifier, step): round(float(score), 4)
        for identity, verifier, blob in finished[0].rows("SELECT trajectory_id, verifier, scores FROM scores")
        for step, score in enumerate(unpack_scores(blob), start=1)
    }
    found = {
        (identity, verifier, step): score
        for identity, verifier, step, _, score in plain.execute("SELECT * FROM v_step_scores")
    }
    assert found.keys() == expected.keys()
    assert len(found) > 1000
    assert all(found[key] == pytest.approx(expected[key], abs=1e-4) for key in found)


def test_steps_carry_text_and_truth(finished: tuple[Store, str], plain: sqlite3.Connection):
    store, run_id = finished
    found: dict[int, list[tuple[int, str, int]]] = {}
    for identity, step, text, truth in plain.execute(
        "SELECT trajectory_id, step, text, truth FROM v_steps WHERE run_id = ? ORDER BY 1, 2", (run_id,)
    ):
        found.setdefault(identity, []).append((step, text, truth))
    rows = store.rows("SELECT id, steps, truth FROM trajectories WHERE run_id = ?", (run_id,))
    assert len(found) == len(rows) > 500
    for identity, steps, truth in rows:
        expected = [(at, text, int(truth == 0 or at < truth)) for at, text in enumerate(json.loads(steps), start=1)]
        assert found[identity] == expected


def test_labels_are_one_row_a_step(finished: tuple[Store, str], plain: sqlite3.Connection):
    found: dict[tuple[int, str], str] = {}
    for identity, source, label in plain.execute(
        "SELECT trajectory_id, source, label FROM v_step_labels ORDER BY trajectory_id, source, step"
    ):
        found[identity, source] = found.get((identity, source), "") + label
    expected = finished[0].rows("SELECT trajectory_id, source, labels FROM labels")
    assert found == {(identity, source): labels for identity, source, labels in expected}


def test_iterations_and_runs_show_the_headline(finished: tuple[Store, str], plain: sqlite3.Connection):
    store, run_id = finished
    metrics = queries.metrics(store, run_id)
    rows = plain.execute(
        "SELECT iteration, greedy_accuracy, gap, self_verification_error FROM v_iterations WHERE run_id = ?", (run_id,)
    ).fetchall()
    assert rows == [
        tuple(
            [i]
            + [
                values[name].value if name in values else None
                for name in ("greedy_accuracy", "gap", "self_verification_error")
            ]
        )
        for i, values in metrics.items()
    ]
    shown = plain.execute("SELECT status, progress, sampled_accuracy FROM v_runs WHERE id = ?", (run_id,)).fetchone()
    assert shown == ("done", 1.0, metrics[3]["sampled_accuracy"].value)


def test_annotations_that_stand(store: Store):
    run_id = synthetic_run(store, trajectories=8, questions=8)
    identity = int(queries.trace_ids(store, queries.TraceFilter(run_id))[0])
    annotations.annotate(store, identity, "ann", {1: 1, 2: 1})
    annotations.annotate(store, identity, "ann", {2: -1})
    annotations.annotate(store, identity, "ben", {1: 0})
    annotations.annotate(store, identity, "ben", {1: -1})
    annotations.undo(store, identity, "ben")
    with closing(sqlite3.connect(store.path)) as plain:
        rows = plain.execute("SELECT annotator, step, judgement FROM v_annotations ORDER BY 1, 2").fetchall()
    assert rows == [("ann", 1, 1), ("ann", 2, -1), ("ben", 1, 0)]


@given(scores=st.lists(st.floats(0, 1), max_size=64))
def test_packing_keeps_scores_within_half_a_unit(scores: list[float]):
    blob = pack_scores(scores)
    assert len(blob) == 2 * len(scores)
    assert unpack_scores(blob).tolist() == pytest.approx(scores, abs=0.51 / 65_535)


@given(table=st.lists(st.lists(st.floats(0, 1), max_size=9), max_size=9))
def test_many_are_unpacked_like_one(table: list[list[float]]):
    blobs = [pack_scores(row) for row in table]
    found = unpack_many(blobs)
    assert found.shape == (len(table), max(map(len, table), default=0))
    for row, blob in zip(found, blobs, strict=True):
        n = len(blob) // 2
        assert row[:n].tolist() == unpack_scores(blob).tolist()
        assert all(value != value for value in row[n:].tolist())


def test_scores_outside_are_clipped_and_nan_refused():
    assert unpack_scores(pack_scores([-0.5, 1.5])).tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="not a number"):
        pack_scores([0.5, float("nan")])


@given(run=st.integers(1, 2**30), n=st.integers(0, 2**32 - 1))
def test_ids_name_run_and_number(run: int, n: int):
    identity = row_id(run, n)
    assert row_number(identity) == n
    assert row_numbers(np.array([identity, identity])).tolist() == [n, n]
    low, high = id_range(run)
    assert low <= identity <= high < id_range(run + 1)[0]
    assert identity < 2**63


def test_numbers_that_do_not_fit_are_refused():
    for n in (-1, 2**32):
        with pytest.raises(ValueError, match="outside"):
            row_id(1, n)
