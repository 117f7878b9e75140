"""Reading trajectories: the heatmap, the trace table, one trace. Sorting and filtering are SQL's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sapo_studio.errors import InputError
from sapo_studio.store.annotations import current
from sapo_studio.store.codec import ROWS_PER_RUN, unpack_many, unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import UNREADABLE, reading, unreadable
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.records import (
    UNKNOWN,
    HeatmapData,
    HeatmapQuery,
    LabelInfo,
    RolloutInfo,
    SiblingInfo,
    SiblingSteps,
    TraceDetail,
    TraceFilter,
    TraceRow,
)
from sapo_studio.store.text_search import in_steps, is_common, run_ids, with_text

_NEWEST = "(SELECT max(n.verifier) FROM scores n WHERE n.trajectory_id = t.id)"

_REFERENCE = "coalesce(t.verified, t.truth)"

_CHECKED = (
    "(SELECT x.predicted FROM labels x WHERE x.trajectory_id = t.id AND x.predicted > 0 ORDER BY x.iteration DESC,"
    " x.source DESC LIMIT 1)"
)
"""The prediction that self-verification checked and that the case is about: a later verifier may predict another."""

_DISAGREEMENT = f"abs(s.mean * t.n_steps - CASE WHEN {_REFERENCE} = 0 THEN t.n_steps ELSE {_REFERENCE} - 1 END)"
"""Steps' worth of scores by which the verifier is off the rollouts' labels (or, unlabeled, the task's
truth).
"""

_FIRST_ERROR = f"coalesce({_REFERENCE}, s.predicted)"

_HEATMAP_ORDER = {
    "first_error": f"{_FIRST_ERROR} IS NULL, {_FIRST_ERROR} = 0, {_FIRST_ERROR}, s.mean, t.id",
    "score": "s.mean, t.id",
    "question": "t.question_id, t.iteration, t.sample, t.id",
    "disagreement": f"{_DISAGREEMENT} IS NULL, {_DISAGREEMENT} DESC, t.id",
    "length": "t.n_steps, s.mean, t.id",
}

_TRACE_ORDER = {
    "id": "t.id",
    "mean": "s.mean",
    "first_error": _FIRST_ERROR,
    "steps": "t.n_steps",
    "disagreement": _DISAGREEMENT,
}


def parse_steps(store: Store, text: str, trajectory_id: int) -> list[str]:
    """The steps of a trajectory as the store keeps them. Raises StoreFault where that is no JSON list of texts."""
    with reading(store.path, _trajectory(trajectory_id)):
        steps: Any = json.loads(text)
        if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
            raise ValueError("it is no list of texts")
        return steps


def parse_scores(store: Store, blob: bytes, trajectory_id: int) -> NDArray[np.float32]:
    """The scores of a trajectory by one verifier. Raises StoreFault where they cannot be read."""
    with reading(store.path, _trajectory(trajectory_id)):
        return unpack_scores(blob)


def _trajectory(trajectory_id: int) -> str:
    number, row = divmod(trajectory_id, ROWS_PER_RUN)
    return f"trajectory {row} of run number {number}"


def _unknown(value: int | None) -> int:
    return UNKNOWN if value is None else value


def _checked(order: dict[str, str], sort: str) -> str:
    if sort not in order:
        raise InputError(f"Cannot sort by {sort!r}", fix="Use one of " + ", ".join(order) + ".")
    return order[sort]


def _outcome(outcome: str) -> tuple[str, list[Any]]:
    if outcome == "all":
        return "", []
    if outcome not in ("right", "wrong"):
        raise InputError(f"There is no outcome {outcome!r}", fix="Use all, right or wrong.")
    return " AND t.correct = ?", [outcome == "right"]


def heatmap(store: Store, query: HeatmapQuery) -> HeatmapData:
    """Scores and marks of the trajectories that `query` asks for, in its order.

    Raises InputError for a sort or an outcome that is none.
    """
    order = _checked(_HEATMAP_ORDER, query.sort)
    where = "t.run_id = ? AND t.source = ?"
    values: list[Any] = [query.verifier, query.run_id, query.source]
    if query.iteration >= 0:
        where += " AND t.iteration = ?"
        values.append(query.iteration)
    more, given = _outcome(query.outcome)
    where += more
    values += given
    if query.case:
        where += ' AND t."case" = ?'
        values.append(query.case)
    body = f"FROM trajectories t JOIN scores s ON s.trajectory_id = t.id AND s.verifier = ? WHERE {where}"
    found = store.rows(
        f'SELECT t.id, t.question_id, {_SMALL}, s.scores, t."case" {body} ORDER BY {order} LIMIT ?',
        [*values, query.limit],
    )
    total = len(found) if len(found) < query.limit else int(store.value(f"SELECT count(*) {body}", values))
    columns: list[Sequence[Any]] = list(zip(*found, strict=True)) if found else [()] * 5
    with reading(store.path, f"one of the {len(found)} trajectories that are shown"):
        ids = np.array(columns[0], dtype=np.int64)
        question_ids = np.array(columns[1], dtype=np.int64)
        small = np.array(columns[2], dtype=np.int64)
        scores = unpack_many(columns[3])
    return HeatmapData(
        ids=ids,
        question_ids=question_ids,
        n_steps=_field(small, 0),
        scores=scores,
        predicted=_field(small, 1),
        verified=_field(small, 2) - np.int16(1),
        truth=_field(small, 3) - np.int16(1),
        human=_human(store, ids),
        correct=_field(small, 4).astype(np.bool_),
        case=list(columns[4]),
        total=total,
    )


_SMALL = (
    "t.n_steps | (s.predicted << 12) | ((coalesce(t.verified, -1) + 1) << 24)"
    " | ((coalesce(t.truth, -1) + 1) << 36) | (t.correct << 48)"
)
"""Five small numbers of a trajectory as one, 12 bits each: half the time of a query goes into making Python values."""


def _field(small: NDArray[np.int64], place: int) -> NDArray[np.int16]:
    return ((small >> (12 * place)) & 0xFFF).astype(np.int16)


def _human(store: Store, ids: NDArray[np.int64]) -> NDArray[np.int16]:
    known = human_first_errors(store, int(ids.min()), int(ids.max())) if len(ids) else {}
    human = np.full(len(ids), UNKNOWN, dtype=np.int16)
    if known:
        order = np.argsort(ids)
        wanted = np.array(list(known), dtype=np.int64)
        at = order[np.searchsorted(ids, wanted, sorter=order).clip(max=len(ids) - 1)]
        shown = ids[at] == wanted
        human[at[shown]] = np.array(list(known.values()), dtype=np.int16)[shown]
    return human


def first_hits(store: Store, filter: TraceFilter, most: int) -> NDArray[np.int64] | None:
    """The first `most` trajectories by id that `filter` lets through for its text in their steps (questions are not
    looked into): soon there where many have it. None where `trace_ids` is quick itself, or has another order.
    """
    plain = filter.text and filter.sort == "id" and not filter.descending
    if not plain or not is_common(store, filter.run_id, filter.text):
        return None
    has, values = in_steps(filter.text)
    first, last = run_ids(store, filter.run_id)
    return trace_ids(
        store,
        replace(filter, text=""),
        extra=_Extra(f" AND t.id BETWEEN ? AND ? AND {has}", [first, last, *values], most),
    )


@dataclass(frozen=True)
class _Extra:
    """One more condition, for which trajectories are gone through by id until `most` are found."""

    sql: str
    values: list[Any]
    most: int


def trace_ids(
    store: Store, filter: TraceFilter, after: int | None = None, extra: _Extra | None = None
) -> NDArray[np.int64]:
    """Ids of the trajectories that `filter` lets through, in its order; with `after` only those behind this one by
    id, of its iteration or a later one (a run writes ascending ids).

    Raises InputError for a sort or an outcome that is none.
    """
    order = _checked(_TRACE_ORDER, filter.sort)
    source, where = "trajectories t", "t.run_id = ? AND t.source = ?"
    first: list[Any] = []
    values: list[Any] = [filter.run_id, filter.source]
    if filter.set:
        where += ' AND t.question_id IN (SELECT q.id FROM questions q WHERE q.run_id = ? AND q."set" = ?)'
        values += [filter.run_id, filter.set]
    if filter.iteration is not None:
        where += " AND t.iteration = ?"
        values.append(filter.iteration)
    more, given = _outcome(filter.outcome)
    where += more
    values += given
    if filter.case:
        where += ' AND t."case" = ?'
        values.append(filter.case)
    if after is not None:
        where += " AND t.iteration >= (SELECT k.iteration FROM trajectories k WHERE k.id = ?) AND t.id > ?"
        values += [after, after]
    if extra is not None:
        source += " NOT INDEXED"
        where += extra.sql
        values += extra.values
    if filter.text:
        hits, first = with_text(store, filter.run_id, filter.text)
        source = f"({hits}) h CROSS JOIN {source} ON t.id = h.id"
    if filter.sort in ("mean", "first_error", "disagreement"):
        verifier = _NEWEST if filter.verifier is None else str(int(filter.verifier))
        source += f" LEFT JOIN scores s ON s.trajectory_id = t.id AND s.verifier = {verifier}"
    if filter.annotated is not None:
        test = "EXISTS" if filter.annotated else "NOT EXISTS"
        where += f" AND {test} (SELECT 1 FROM annotations a WHERE a.trajectory_id = t.id AND a.undone_at IS NULL)"
    direction = "DESC" if filter.descending else "ASC"
    by_id = filter.sort == "id"  # which numpy sorts ten times as fast
    ordered = "" if by_id else f" ORDER BY {order} {direction} NULLS LAST, t.id {direction}"
    if extra is not None:
        ordered = f" ORDER BY t.id LIMIT {extra.most}"
    found = store.rows(f"SELECT t.id FROM {source} WHERE {where}{ordered}", [*first, *values])
    ids = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(found))
    if by_id:
        ids.sort()
    return ids[::-1].copy() if by_id and filter.descending else ids


def trace_rows(store: Store, ids: Sequence[int] | NDArray[np.int64], verifier: int | None = None) -> list[TraceRow]:
    """The table rows of these trajectories, in the order of `ids`; an id that is not there is left out.

    `verifier` None: the newest.
    """
    wanted = [int(identity) for identity in ids]
    chosen = _NEWEST if verifier is None else str(int(verifier))
    found = store.rows(
        'SELECT t.id, t.question_id, q.text, t.iteration, t.sample, t.n_steps, t.correct, t."case",'
        f" coalesce({_CHECKED}, s.predicted), t.verified, t.truth, s.mean, s.scores"
        " FROM json_each(?) j CROSS JOIN trajectories t ON t.id = j.value JOIN questions q ON q.id = t.question_id"
        f" LEFT JOIN scores s ON s.trajectory_id = t.id AND s.verifier = {chosen} ORDER BY j.key",
        (json.dumps(wanted),),
    )
    human = human_first_errors(store, min(wanted), max(wanted)) if wanted else {}
    rows: list[TraceRow] = []
    try:
        for row in found:
            rows.append(_trace_row(row, human))
    except UNREADABLE as error:
        raise unreadable(store.path, _trajectory(found[len(rows)][0]), error) from error
    return rows


def _trace_row(row: Sequence[Any], human: dict[int, int]) -> TraceRow:
    return TraceRow(
        *row[:6],
        correct=bool(row[6]),
        case=row[7],
        predicted=_unknown(row[8]),
        verified=_unknown(row[9]),
        truth=_unknown(row[10]),
        mean=row[11],
        scores=unpack_scores(row[12] or b""),
        human=human.get(row[0], UNKNOWN),
    )


def trace(store: Store, trajectory_id: int) -> TraceDetail:
    """Everything about one trajectory. Raises InputError where there is none with this id."""
    row = store.row(
        "SELECT t.id, t.run_id, t.question_id, q.text, q.solution, q.answer, t.answer, t.steps, t.correct, t.truth,"
        " t.iteration, t.sample, t.source, t.tokens, t.copies FROM trajectories t"
        " JOIN questions q ON q.id = t.question_id WHERE t.id = ?",
        (trajectory_id,),
    )
    if row is None:
        raise InputError(f"There is no trajectory {trajectory_id}")
    scores = store.rows(
        "SELECT verifier, scores FROM scores WHERE trajectory_id = ? ORDER BY verifier", (trajectory_id,)
    )
    labels = store.rows(
        'SELECT source, iteration, labels, "case", predicted, verified, rollouts, tokens FROM labels'
        " WHERE trajectory_id = ? ORDER BY iteration, source",
        (trajectory_id,),
    )
    rollouts = store.rows(
        "SELECT id, iteration, prefix, text, correct, tokens FROM rollouts WHERE trajectory_id = ? ORDER BY prefix, id",
        (trajectory_id,),
    )
    siblings = store.rows(
        "SELECT t.id, t.iteration, t.sample, t.source, t.n_steps, t.correct, s.mean FROM trajectories t"
        f" LEFT JOIN scores s ON s.trajectory_id = t.id AND s.verifier = {_NEWEST}"
        " WHERE t.question_id = ? AND t.id != ? ORDER BY t.iteration, t.sample, t.id",
        (row[2], trajectory_id),
    )
    steps = parse_steps(store, row[7], trajectory_id)
    unpacked = {verifier: parse_scores(store, blob, trajectory_id) for verifier, blob in scores}
    return TraceDetail(
        *row[:7],
        steps=steps,
        correct=bool(row[8]),
        truth=_unknown(row[9]),
        human=human_first_errors(store, trajectory_id, trajectory_id).get(trajectory_id, UNKNOWN),
        iteration=row[10],
        sample=row[11],
        source=row[12],
        tokens=row[13],
        copies=row[14],
        scores=unpacked,
        labels=[LabelInfo(*label) for label in labels],
        rollouts=[RolloutInfo(*r[:4], correct=bool(r[4]), tokens=r[5]) for r in rollouts],
        annotations=current(store, trajectory_id),
        siblings=[SiblingInfo(*s[:5], correct=bool(s[5]), mean=s[6]) for s in siblings],
        shared=_shared_rollouts(store, trajectory_id, row[2], row[10], steps),
    )


def _shared_rollouts(
    store: Store, trajectory: int, question: int, iteration: int, steps: list[str]
) -> list[RolloutInfo]:
    """Rollouts that were made for other trajectories of the iteration from prefixes that are this one's too."""
    found = store.rows(
        "SELECT r.id, r.iteration, r.prefix, r.text, r.correct, r.tokens, r.trajectory_id, t.steps"
        " FROM trajectories t JOIN rollouts r ON r.trajectory_id = t.id AND r.iteration = t.iteration"
        " WHERE t.question_id = ? AND t.iteration = ? AND t.id != ? AND r.prefix > 0 ORDER BY r.prefix, r.id",
        (question, iteration, trajectory),
    )
    known: dict[int, list[str]] = {}
    shared: list[RolloutInfo] = []
    for identity, made_in, prefix, text, correct, tokens, lender, written in found:
        if lender not in known:
            known[lender] = parse_steps(store, written, lender)
        if prefix <= len(steps) and known[lender][:prefix] == steps[:prefix]:
            shared.append(RolloutInfo(identity, made_in, prefix, text, bool(correct), tokens, lender))
    return shared


def same_question(store: Store, trajectory_id: int) -> list[SiblingSteps]:
    """The samples of the question of a trajectory that the reasoner wrote, this one left out: the newest iteration
    first, by sample within it, with the scores of every verifier.
    """
    rows = store.rows(
        "SELECT o.id, o.iteration, o.sample, o.source, o.correct, o.steps FROM trajectories t"
        " JOIN trajectories o ON o.question_id = t.question_id AND o.source = t.source AND o.id != t.id"
        " WHERE t.id = ? ORDER BY o.iteration DESC, o.sample, o.id",
        (trajectory_id,),
    )
    scores: dict[int, dict[int, NDArray[np.float32]]] = {row[0]: {} for row in rows}
    for owner, verifier, blob in store.rows(
        "SELECT trajectory_id, verifier, scores FROM scores WHERE trajectory_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(scores)),),
    ):
        scores[owner][verifier] = parse_scores(store, blob, owner)
    return [
        SiblingSteps(*row[:4], correct=bool(row[4]), steps=parse_steps(store, row[5], row[0]), scores=scores[row[0]])
        for row in rows
    ]
