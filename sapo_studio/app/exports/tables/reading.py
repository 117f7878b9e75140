"""Reading a table of a run from the store, batch by batch: what is held at a time does not grow with the run.

Each query opens and closes its own cursor, so that an engine at work is not held up. Of a run under way one sees what
is there when a batch is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sapo_studio.app.exports.tables import people_rows, rollout_rows, schema, trajectory_rows
from sapo_studio.app.exports.tables.batches import Batch, Selection, transposed
from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading

BATCH = 5000
"""Rows that are read at a time where they are not counted by trajectories."""

Reader = Callable[[Store, str, Selection], Iterator[Batch]]


def read(store: Store, table: TableSpec, run_id: str, selection: Selection | None = None) -> Iterator[Batch]:
    """The rows of a run in the order of the table's key. Raises InputError for a selection by what the table has not,
    RunGone where there is no such run, StoreError."""
    selection = selection or Selection()
    selection.check(table)
    queries.get_number(store, run_id)
    for batch in _READERS[table.name](store, run_id, selection):
        if len(batch):
            yield selection.filtered(batch)


def _iteration(selection: Selection, column: str = "iteration") -> tuple[str, list[Any]]:
    """A condition more, and its values."""
    return ("", []) if selection.iteration is None else (f" AND {column} = ?", [selection.iteration])


def _runs(store: Store, run_id: str, _: Selection) -> Iterator[Batch]:
    run = queries.get_run(store, run_id)
    error = store.value("SELECT error FROM runs WHERE id = ?", (run_id,))
    told = (run.id, run.number, run.name, run.kind, run.preset, run.status.value, run.iterations, run.progress)
    times = (run.created_at, run.started_at, run.finished_at, run.active_seconds, run.restarts, run.device)
    yield transposed(schema.RUNS, [(*told, *times, json.dumps(run.tags, ensure_ascii=False), run.notes, error)])


def _config(store: Store, run_id: str, _: Selection) -> Iterator[Batch]:
    """Also of a run whose configuration has keys that this version does not know."""
    text = store.value("SELECT config FROM runs WHERE id = ?", (run_id,))
    with reading(store.path, f"the configuration of run {run_id}"):
        pairs = _flat(json.loads(text))
    rows = [(run_id, key, json.dumps(value, ensure_ascii=False)) for key, value in pairs]
    yield transposed(schema.CONFIG, sorted(rows))


def _flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _phases(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    more, values = _iteration(selection)
    rows = store.rows(
        "SELECT run_id, ordinal, name, iteration, status, done, total, unit, started_at, finished_at, seconds"
        f" FROM phases WHERE run_id = ?{more} ORDER BY ordinal",
        [run_id, *values],
    )
    yield transposed(schema.PHASES, rows)


def _compute(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    more, values = _iteration(selection, "p.iteration")
    rows = store.rows(
        "SELECT c.run_id, c.ordinal, p.name, p.iteration, c.purpose, c.generated, c.prefill, c.scored,"
        " c.trained_reasoner, c.trained_verifier, c.flops, c.complete FROM compute c"
        f" JOIN phases p ON p.run_id = c.run_id AND p.ordinal = c.ordinal WHERE c.run_id = ?{more} ORDER BY 2, 5",
        [run_id, *values],
    )
    yield transposed(schema.COMPUTE, [(*row[:-1], bool(row[-1])) for row in rows])


def _metrics(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    rows = [
        (run_id, of, iteration, name, one.value, _unit(name), one.low, one.high, one.n, one.estimate)
        for of, iterations in queries.metrics_by_set(store, run_id, selection.iteration or 0).items()
        for iteration, found in iterations.items()
        if selection.iteration in (None, iteration)
        for name, one in found.items()
    ]
    yield transposed(schema.METRICS, rows)


def _unit(metric: str) -> str:
    known = METRICS.get(metric)
    return "" if known is None else known.unit


def _curves(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for curve in queries.curves(store, run_id):
        if selection.iteration in (None, curve.iteration):
            count = len(curve.steps)
            values = [None if value != value else value for value in curve.values.tolist()]  # NaN: no number
            facts = (run_id, curve.ordinal, curve.phase, curve.iteration, curve.name)
            cells = [*([fact] * count for fact in facts), curve.steps, values]
            yield Batch(dict(zip(schema.CURVES.names, cells, strict=True)))


def _alarms(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    more, values = _iteration(selection)
    rows = store.rows(
        "SELECT run_id, iteration, kind, at, message, facts, seen_at FROM alarms"
        f" WHERE run_id = ?{more} ORDER BY iteration, kind",
        [run_id, *values],
    )
    yield transposed(schema.ALARMS, rows)


def _log(store: Store, run_id: str, _: Selection) -> Iterator[Batch]:
    query = "SELECT run_id, id, at, level, message FROM events WHERE run_id = ? AND id > ? ORDER BY id LIMIT ?"
    last, end = 0, store.value("SELECT max(id) FROM events WHERE run_id = ?", (run_id,)) or 1
    while rows := store.rows(query, (run_id, last, BATCH)):
        last = rows[-1][1]
        yield transposed(schema.LOG, rows, min(1.0, last / end))


def _config_changes(store: Store, run_id: str, _: Selection) -> Iterator[Batch]:
    rows = store.rows(
        "SELECT run_id, id, at, phase_ordinal, sender, key, before, after FROM config_changes WHERE run_id = ?"
        " ORDER BY id",
        (run_id,),
    )
    yield transposed(schema.CONFIG_CHANGES, rows)


def _questions(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    query = (
        'SELECT id, split, "set", text, answer, solution FROM questions WHERE id > ? AND id <= ?'
        " AND (? IS NULL OR split = ?) ORDER BY id LIMIT ?"
    )
    for rows, share in _by_id(store, run_id, "questions", query, [selection.split] * 2):
        yield transposed(schema.QUESTIONS, [(run_id, row_number(row[0]), *row[1:]) for row in rows], share)


def _pairs(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    query = (
        "SELECT id, iteration, question_id, winner_id, loser_id, margin, used FROM pairs WHERE id > ? AND id <= ?"
        " AND (? IS NULL OR iteration = ?)"
        " AND (? IS NULL OR (SELECT q.split FROM questions q WHERE q.id = question_id) = ?) ORDER BY id LIMIT ?"
    )
    wanted = [*[selection.iteration] * 2, *[selection.split] * 2]
    for rows, share in _by_id(store, run_id, "pairs", query, wanted):
        numbers = [
            (run_id, row_number(pair), iteration, *map(row_number, (question, winner, loser)), margin, bool(used))
            for pair, iteration, question, winner, loser, margin, used in rows
        ]
        yield transposed(schema.PAIRS, numbers, share)


def _by_id(
    store: Store, run_id: str, table: str, query: str, values: Sequence[Any]
) -> Iterator[tuple[list[tuple[Any, ...]], float]]:
    """Rows of a table whose ids are those of its run, with how much is read. `query` takes the id that they come
    behind, the last one there may be, `values` and how many; its first column is the id."""
    low, high = id_range(queries.get_number(store, run_id))
    total = int(store.value(f"SELECT count(*) FROM {table} WHERE id BETWEEN ? AND ?", (low, high)))
    last, seen = low - 1, 0
    while rows := store.rows(query, [last, high, *values, BATCH]):
        last = rows[-1][0]
        seen += len(rows)
        yield rows, min(1.0, seen / max(1, total))


_READERS: dict[str, Reader] = {
    schema.RUNS.name: _runs,
    schema.CONFIG.name: _config,
    schema.CONFIG_CHANGES.name: _config_changes,
    schema.PHASES.name: _phases,
    schema.COMPUTE.name: _compute,
    schema.METRICS.name: _metrics,
    schema.CURVES.name: _curves,
    schema.ALARMS.name: _alarms,
    schema.LOG.name: _log,
    schema.QUESTIONS.name: _questions,
    schema.PAIRS.name: _pairs,
    **trajectory_rows.READERS,
    **rollout_rows.READERS,
    **people_rows.READERS,
}
