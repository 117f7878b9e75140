"""Tables of rollouts: each of them, and how often a step led to the correct answer."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from sapo_studio.app.exports.tables import schema
from sapo_studio.app.exports.tables.batches import Batch, Selection, transposed
from sapo_studio.app.exports.tables.trajectory_rows import Chunk, chunks, kept
from sapo_studio.store.codec import row_number
from sapo_studio.store.db import Store
from sapo_studio.store.traces import parse_steps

Beginning = tuple[int, int, tuple[str, ...]]
"""Question, iteration and the first steps: what trajectories have in common that share rollouts."""


def _rollouts(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    """Those of the trajectories of all iterations: which iteration made a rollout is its own affair."""
    for chunk in chunks(store, run_id, Selection(split=selection.split)):
        rows: list[tuple[Any, ...]] = []
        for trajectory, rollout, iteration, prefix, text, correct, tokens in kept(
            store,
            chunk,
            "trajectory_id, id, iteration, prefix, text, correct, tokens",
            "rollouts",
            "trajectory_id, prefix, id",
        ):
            if selection.iteration in (None, iteration):
                run, number, question, _ = chunk.keys(trajectory)
                made = (iteration, prefix, text, bool(correct), tokens)
                rows.append((run, row_number(rollout), number, question, *made))
        yield transposed(schema.ROLLOUTS, rows, chunk.share)


def _step_rollouts(store: Store, run_id: str, selection: Selection) -> Iterator[Batch]:
    """A rollout counts for every trajectory of its iteration that begins with its prefix: the run makes it once."""
    for chunk in chunks(store, run_id, selection):
        counted = _counted(store, chunk)
        rows: list[tuple[Any, ...]] = []
        for identity, text in kept(store, chunk, "id, steps", "trajectories", "id") if counted else ():
            question, iteration = chunk.of[identity]
            steps = tuple(parse_steps(store, text, identity))
            for step in range(1, len(steps) + 1):
                if (found := counted.get((question, iteration, steps[:step]))) is not None:
                    rows.append((*chunk.keys(identity), step, *found))
        yield transposed(schema.STEP_ROLLOUTS, rows, chunk.share)


def _counted(store: Store, chunk: Chunk) -> dict[Beginning, tuple[int, int]]:
    """Rollouts made and succeeded by what they went on from, of all trajectories of the chunk's questions."""
    found: dict[Beginning, list[int]] = defaultdict(lambda: [0, 0])
    wanted = {*chunk.of.values()}
    lenders: dict[int, list[str]] = {}
    for lender, question, iteration, text, prefix, made, succeeded in store.rows(
        "SELECT t.id, t.question_id, t.iteration, t.steps, r.prefix, count(*), sum(r.correct) FROM json_each(?) j"
        " CROSS JOIN trajectories t ON t.question_id = j.value JOIN rollouts r ON r.trajectory_id = t.id"
        " AND r.iteration = t.iteration WHERE r.prefix > 0 GROUP BY t.id, r.prefix",
        (json.dumps(sorted({question for question, _ in wanted})),),
    ):
        if (question, iteration) in wanted:
            if lender not in lenders:
                lenders[lender] = parse_steps(store, text, lender)
            sums = found[question, iteration, tuple(lenders[lender][:prefix])]
            sums[0] += made
            sums[1] += succeeded
    return {beginning: (made, succeeded) for beginning, (made, succeeded) in found.items()}


READERS: dict[str, Callable[[Store, str, Selection], Iterator[Batch]]] = {
    schema.ROLLOUTS.name: _rollouts,
    schema.STEP_ROLLOUTS.name: _step_rollouts,
}
