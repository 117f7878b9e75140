"""Tables of trajectories and of what is kept for each: read through the trajectories of a run, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sapo_studio.app.exports.tables import schema
from sapo_studio.app.exports.tables.batches import Batch, Cells, Selection, transposed
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_number, unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.traces import parse_scores, parse_steps

TRAJECTORIES = 1000
"""Trajectories that are read at a time, with all that is kept for them."""

WORDS = {CORRECT: "correct", INCORRECT: "incorrect", NEUTRAL: "neutral"}
_REASONS = {"w": "written", "p": "people", "c": "consensus"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Trajectories of a run, by id: (question's id, iteration). `share`: how much of the run is read with them."""

    run_id: str
    of: dict[int, tuple[int, int]]
    share: float

    @property
    def reach(self) -> tuple[int, int]:
        """The first and the last id. Between them may be others that were not asked for."""
        ids = list(self.of)
        return ids[0], ids[-1]

    def keys(self, trajectory: int) -> tuple[str, int, int, int]:
        """Run, trajectory, question and iteration, as the tables have them."""
        question, iteration = self.of[trajectory]
        return self.run_id, row_number(trajectory), row_number(question), iteration


def chunks(store: Store, run_id: str, selection: Selection) -> Iterator[Chunk]:
    """The trajectories that are asked for, in the order of their ids."""
    low, high = id_range(queries.get_number(store, run_id))
    total = int(store.value("SELECT count(*) FROM trajectories WHERE id BETWEEN ? AND ?", (low, high)))
    last, seen = low - 1, 0
    where = "t.id > ? AND t.id <= ?"
    values: list[Any] = []
    if selection.iteration is not None:
        where += " AND t.iteration = ?"
        values.append(selection.iteration)
    if selection.split is not None:
        where += " AND q.split = ?"
        values.append(selection.split)
    query = (
        "SELECT t.id, t.question_id, t.iteration FROM trajectories t JOIN questions q ON q.id = t.question_id"
        f" WHERE {where} ORDER BY t.id LIMIT {TRAJECTORIES}"
    )
    while rows := store.rows(query, [last, high, *values]):
        last = rows[-1][0]
        seen += len(rows)
        of = {identity: (question, iteration) for identity, question, iteration in rows}
        yield Chunk(run_id, of, min(1.0, seen / max(1, total)))


def _trajectories(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        human = human_first_errors(store, *chunk.reach)
        rows: list[tuple[Any, ...]] = []
        for identity, *facts, answer, correct, truth, verified, case, tokens, copies in store.rows(
            'SELECT t.id, q.split, q."set", t.sample, t.source, t.n_steps, t.answer, t.correct, t.truth, t.verified,'
            ' t."case", t.tokens, t.copies FROM trajectories t JOIN questions q ON q.id = t.question_id'
            " WHERE t.id BETWEEN ? AND ? ORDER BY t.id",
            chunk.reach,
        ):
            if identity in chunk.of:
                said = human.get(identity, -1)
                errors = (truth, verified, None if said < 0 else said)
                rows.append((*chunk.keys(identity), *facts, answer, bool(correct), *errors, case, tokens, copies))
        yield transposed(schema.TRAJECTORIES, rows, chunk.share)


def _steps(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        rows: list[tuple[Any, ...]] = []
        for identity, text, truth in kept(store, chunk, "id, steps, truth", "trajectories", "id"):
            keys = chunk.keys(identity)
            for step, said in enumerate(parse_steps(store, text, identity), start=1):
                rows.append((*keys, step, said, None if truth is None else truth == 0 or step < truth))
        yield transposed(schema.STEPS, rows, chunk.share)


def _scores(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        found = kept(store, chunk, "trajectory_id, verifier, scores", "scores", "trajectory_id, verifier")
        for identity, _, blob in found:
            parse_scores(store, blob, identity)  # a damaged one is named
        lengths = np.array([len(blob) // 2 for _, _, blob in found], dtype=np.int64)
        columns = _repeated(chunk, [row[0] for row in found], lengths)
        columns["verifier"] = np.repeat(np.array([row[1] for row in found], dtype=np.int64), lengths)
        starts = np.cumsum(lengths) - lengths
        columns["step"] = np.arange(lengths.sum()) - np.repeat(starts, lengths) + 1
        columns["score"] = unpack_scores(b"".join(row[2] for row in found)).astype(np.float64).round(5)
        yield Batch(columns, chunk.share)


def _repeated(chunk: Chunk, identities: Sequence[int], lengths: NDArray[np.int64]) -> dict[str, Cells]:
    """The columns that rows of steps begin with: of each trajectory as many as it has steps."""
    keys = [chunk.keys(identity)[1:] for identity in identities]
    numbers = np.repeat(np.array(keys, dtype=np.int64).reshape(-1, 3), lengths, axis=0)
    columns: dict[str, Cells] = {"run": list(repeat(chunk.run_id, len(numbers)))}
    for place, name in enumerate(("trajectory", "question", "iteration")):
        columns[name] = numbers[:, place]
    return columns


def _trajectory_scores(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        rows: list[tuple[Any, ...]] = []
        for identity, verifier, blob, mean, predicted in kept(
            store, chunk, "trajectory_id, verifier, scores, mean, predicted", "scores", "trajectory_id, verifier"
        ):
            scores = [round(float(score), 5) for score in parse_scores(store, blob, identity)]
            ends = (min(scores), scores[-1]) if scores else (None, None)
            rows.append((*chunk.keys(identity), verifier, mean, *ends, predicted))
        yield transposed(schema.TRAJECTORY_SCORES, rows, chunk.share)


def _labels(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        rows: list[tuple[Any, ...]] = []
        for identity, source, marks in kept(
            store, chunk, "trajectory_id, source, labels", "labels", "trajectory_id, source"
        ):
            keys = chunk.keys(identity)
            rows += [(*keys, source, step, WORDS.get(mark)) for step, mark in enumerate(marks, start=1)]
        yield transposed(schema.LABELS, rows, chunk.share)


def _trajectory_labels(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        found = kept(
            store,
            chunk,
            'trajectory_id, source, iteration, "case", predicted, verified, rollouts, tokens',
            "labels",
            "trajectory_id, source",
        )
        yield transposed(schema.TRAJECTORY_LABELS, [(*chunk.keys(row[0]), *row[1:]) for row in found], chunk.share)


def _training_labels(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    for chunk in chunks(store, run_id, selection):
        rows: list[tuple[Any, ...]] = []
        for identity, verifier, marks, reasons, blob in kept(
            store,
            chunk,
            "trajectory_id, verifier, labels, reasons, beliefs",
            "training_labels",
            "trajectory_id, verifier",
        ):
            with reading(store.path, f"training labels of trajectory {row_number(identity)}"):
                beliefs = [None] * len(marks) if blob is None else parse_scores(store, blob, identity).tolist()
                for step, (mark, reason, belief) in enumerate(zip(marks, reasons, beliefs, strict=True), start=1):
                    rounded = None if belief is None else round(belief, 5)
                    rows.append(
                        (*chunk.keys(identity), verifier, step, WORDS.get(mark), _REASONS.get(reason, reason), rounded)
                    )
        yield transposed(schema.TRAINING_LABELS, rows, chunk.share)


def kept(store: Store, chunk: Chunk, columns: str, table: str, order: str) -> list[tuple[Any, ...]]:
    """Rows of `table` that belong to the trajectories of a chunk; the first of `columns` names the trajectory."""
    key = columns.partition(",")[0]
    found = store.rows(f"SELECT {columns} FROM {table} WHERE {key} BETWEEN ? AND ? ORDER BY {order}", chunk.reach)
    return [row for row in found if row[0] in chunk.of]


READERS: dict[str, Callable[[Store, str, Selection], Iterator[Batch]]] = {
    schema.TRAJECTORIES.name: _trajectories,
    schema.STEPS.name: _steps,
    schema.SCORES.name: _scores,
    schema.TRAJECTORY_SCORES.name: _trajectory_scores,
    schema.LABELS.name: _labels,
    schema.TRAJECTORY_LABELS.name: _trajectory_labels,
    schema.TRAINING_LABELS.name: _training_labels,
}
