"""Tables of what people say: judgements, resolutions and comments that stand. Few next to the trajectories."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sapo_studio.app.exports.tables import schema
from sapo_studio.app.exports.tables.batches import Batch, Selection, transposed
from sapo_studio.app.exports.tables.trajectory_rows import WORDS, Chunk
from sapo_studio.domain.judgements import Judgement
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL
from sapo_studio.store import queries
from sapo_studio.store.annotations import standing
from sapo_studio.store.codec import id_range
from sapo_studio.store.comments import standing_comments
from sapo_studio.store.db import Store
from sapo_studio.store.resolutions import standing_resolutions

_SAID = {
    Judgement.RIGHT: WORDS[CORRECT],
    Judgement.WRONG: WORDS[INCORRECT],
    Judgement.NEUTRAL: WORDS[NEUTRAL],
}


def _judgements(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    found = standing(store, *id_range(queries.get_number(store, run_id)))
    of = _asked_for(store, run_id, found, selection)
    rows = [
        (*of.keys(trajectory), one.annotator, one.step, _SAID[Judgement(one.judgement)], one.filled, one.at)
        for trajectory, judged in found.items()
        if trajectory in of.of
        for one in judged
    ]
    yield transposed(schema.JUDGEMENTS, rows)


def _resolutions(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    found = standing_resolutions(store, *id_range(queries.get_number(store, run_id)))
    of = _asked_for(store, run_id, found, selection)
    rows: list[tuple[Any, ...]] = []
    for trajectory in sorted(of.of):
        for one in sorted(found[trajectory], key=lambda one: one.resolver):
            for step, judgement in sorted(one.steps.items()):
                said = (_SAID[Judgement(judgement)], step in one.filled, one.at, one.taken, one.why)
                rows.append((*of.keys(trajectory), one.resolver, step, *said))
    yield transposed(schema.RESOLUTIONS, rows)


def _comments(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    found = standing_comments(store, *id_range(queries.get_number(store, run_id)))
    of = _asked_for(store, run_id, {trajectory for trajectory, _ in found}, selection)
    rows = [
        (*of.keys(trajectory), one.annotator, one.step, one.text, one.at)
        for trajectory, one in sorted(found, key=lambda row: (row[0], row[1].annotator, row[1].step))
        if trajectory in of.of
    ]
    yield transposed(schema.COMMENTS, rows)


def _asked_for(store: Store, run_id: str, judged: Iterable[int], selection: Selection) -> Chunk:
    """Which of the trajectories that people spoke of are asked for."""
    query = (
        "SELECT t.question_id, t.iteration FROM trajectories t JOIN questions q ON q.id = t.question_id"
        " WHERE t.id = ? AND (? IS NULL OR t.iteration = ?) AND (? IS NULL OR q.split = ?)"
    )
    wanted = [selection.iteration] * 2 + [selection.split] * 2
    of: dict[int, tuple[int, int]] = {}
    for trajectory in judged:
        if (row := store.row(query, [trajectory, *wanted])) is not None:
            of[trajectory] = (row[0], row[1])
    return Chunk(run_id, of, 1.0)


READERS: dict[str, Callable[[Store, str, Selection], Iterator[Batch]]] = {
    schema.JUDGEMENTS.name: _judgements,
    schema.RESOLUTIONS.name: _resolutions,
    schema.COMMENTS.name: _comments,
}
