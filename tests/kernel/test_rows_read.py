"""What a look at the store costs does not grow with what has been there before: counted, not timed."""

from __future__ import annotations

import numpy as np
import pytest

from sapo_studio.domain.runs import PlannedPhase
from sapo_studio.events import kinds as k
from sapo_studio.store import curve_blocks, queries
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.runs import delete_run
from sapo_studio.store.traces import trace_ids
from tests.fixtures.rows_read import counted
from tests.fixtures.synthetic import synthetic_queued

RUNS = 25
POINTS = 4_000


def fill(store, points):
    """25 runs with `points` metric values and `points` points of curves each."""
    ids = [synthetic_queued(store, iterations=1) for _ in range(RUNS)]
    names = ("loss", "learning_rate", "margin", "gap")
    each = points // len(names)
    with store.atomic():
        for run_id in ids:
            store.execute(
                "INSERT INTO phases (run_id, ordinal, name, iteration) VALUES (?, 9, 'verifier', 1)", (run_id,)
            )
            for name in names:
                store.execute(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                    " INSERT INTO curves (run_id, ordinal, name, step, value) SELECT ?, 9, ?, i, i / 3.0 FROM n",
                    (each, run_id, name),
                )
                store.execute(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                    " INSERT INTO metrics (run_id, iteration, name, value) SELECT ?, i, ?, i / 3.0 FROM n",
                    (each, run_id, name),
                )
    return ids


@pytest.fixture(params=[40, POINTS])
def ids(request, store):
    return fill(store, request.param)


def test_a_tick_reads_new_rows_only(store, ids):
    """The list of runs, and the curves of the run that is shown: the same work with 40 points a run as with 4,000."""
    points = {(found.ordinal, found.name): int(found.steps[-1]) for found in queries.curves(store, ids[0])}
    with counted(store) as list_work:
        runs = queries.list_runs(store)
    assert runs[0].headline["gap"] == points[9, "gap"] / 3.0
    with counted(store) as curve_work:
        assert queries.curves(store, ids[0], points) == []
    assert list_work.tens < 400 * RUNS / 10  # a run has four metrics
    assert curve_work.tens < 1000 / 10
    last = points[9, "gap"]
    Ingest(store, ids[0]).apply([k.CurvePoint(ordinal=9, name="gap", step=last + 1, value=0.5)])
    (news,) = queries.curves(store, ids[0], points)
    assert (news.steps.tolist(), news.values.tolist()) == ([last + 1], [0.5])


def test_a_value_that_is_no_number_is_a_gap_of_its_curve(store):
    (run_id,) = fill_one(store)
    values = [1.0, float("nan"), float("inf"), 2.0]
    Ingest(store, run_id).apply(
        [k.CurvePoint(ordinal=9, name="loss", step=at, value=value) for at, value in enumerate(values)]
    )
    (curve,) = queries.curves(store, run_id)
    assert np.array_equal(curve.values, np.array(values), equal_nan=True)


def fill_one(store):
    run_id = synthetic_queued(store, iterations=1)
    store.execute("INSERT INTO phases (run_id, ordinal, name, iteration) VALUES (?, 9, 'verifier', 1)", (run_id,))
    return (run_id,)


def test_packed_curves_are_what_was_written_whatever_comes_later(store):
    (run_id,) = fill_one(store)
    ingest = Ingest(store, run_id)
    points = 2500

    def write(steps, value=0.0):
        ingest.apply([k.CurvePoint(ordinal=9, name="loss", step=step, value=step / 7 + value) for step in steps])

    def check():
        (curve,) = queries.curves(store, run_id)
        rows = store.rows("SELECT step, value FROM curves WHERE run_id = ? ORDER BY step", (run_id,))
        assert list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True)) == rows

    def blocks():
        return store.value("SELECT count(*) FROM curve_blocks WHERE run_id = ?", (run_id,))

    write(range(0, points, 2))
    ingest.apply([k.Plan(phases=[PlannedPhase(ordinal=9, name="verifier", iteration=1, weight=1.0)])])
    ingest.apply([k.PhaseStarted(ordinal=9), k.PhaseFinished(ordinal=9)])
    assert blocks() == 1
    check()
    (news,) = queries.curves(store, run_id, {(9, "loss"): points - 10})
    assert news.steps.tolist() == list(range(points - 8, points, 2))
    write(range(points, points + 50))
    write(range(0, 100, 2))  # the same again
    assert blocks() == 1
    check()
    write([400], value=5.0)
    assert blocks() == 0
    check()
    curve_blocks.pack(store, run_id, 9)
    write([401])
    check()
    curve_blocks.pack(store, run_id, 9)
    with counted(store) as work:
        queries.curves(store, run_id)
    assert work.tens < points / 10
    delete_run(store, run_id)
    assert blocks() == 0


def test_trajectories_of_a_run_that_goes_on_are_read_from_its_iteration_on(store):
    (run_id,) = fill_one(store)
    ingest = Ingest(store, run_id)
    ingest.apply([k.Questions(rows=[k.QuestionRow(number=1, split="train", text="?", solution="", answer="1")])])
    for iteration, count in ((0, 2000), (1, 20)):
        first = iteration * 10_000
        rows = [
            k.TrajectoryRow(
                number=first + at,
                question=1,
                iteration=iteration,
                sample=at,
                source="sample",
                steps=["a"],
                correct=True,
            )
            for at in range(count)
        ]
        ingest.apply([k.Trajectories(rows=rows)])
    all_of_them = TraceFilter(run_id)
    known = trace_ids(store, all_of_them)
    with counted(store) as work:
        news = trace_ids(store, all_of_them, after=int(known[-6]))
    assert news.tolist() == known[-5:].tolist()
    assert work.tens < 200 / 10 * 4
