"""Questions to ask in the playground, taken from what the store has of a run's task. All of it is called in the
background."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sapo_studio.domain.task_kinds import PROGRAMS
from sapo_studio.errors import InputError
from sapo_studio.requests.play import Asking
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_id, row_number
from sapo_studio.store.db import Store

HELD_OUT = ("test", "process")
"""Questions that no reasoner of the run is trained on."""


@dataclass(frozen=True, slots=True)
class TakenQuestion:
    """A question of a run's task. `where` says which one it is."""

    asking: Asking
    run_id: str
    where: str


def by_number(store: Store, run_id: str, number: int) -> TakenQuestion:
    """Question `number` of a run, as Read and the heatmap call it. InputError where it has none."""
    run = queries.get_run(store, run_id)
    found = (
        store.rows("SELECT id, split, text, answer FROM questions WHERE id = ?", (row_id(run.number, number),))
        if number < 2**32
        else []
    )
    for row in found:
        return _taken(store, run_id, *row)
    raise InputError(f"{run.name} has no question {number}", fix="Read names the number of each question it shows.")


def random_test(store: Store, run_id: str) -> TakenQuestion:
    """Any question that the run is not trained on; where none is stored, one that it is trained on. InputError where
    the run has none at all."""
    for splits in (HELD_OUT, ("train",)):
        marks = ", ".join("?" * len(splits))
        ids = store.rows(f"SELECT id FROM questions WHERE run_id = ? AND split IN ({marks})", (run_id, *splits))
        if ids:
            (chosen,) = random.choice(ids)
            (row,) = store.rows("SELECT id, split, text, answer FROM questions WHERE id = ?", (chosen,))
            return _taken(store, run_id, *row)
    raise InputError("No question of this run is stored yet", fix="Type one, or wait for its first phase.")


def annotated(store: Store, run_id: str) -> TakenQuestion:
    """Any question of which somebody has judged a solution. InputError where there is none."""
    low, high = id_range(queries.get_number(store, run_id))
    ids = store.rows(
        "SELECT DISTINCT t.question_id FROM annotations a JOIN trajectories t ON t.id = a.trajectory_id"
        " WHERE a.trajectory_id BETWEEN ? AND ? AND a.undone_at IS NULL",
        (low, high),
    )
    if not ids:
        raise InputError("Nobody has judged a solution of this run yet", fix="Judge some on the Annotate page.")
    (chosen,) = random.choice(ids)
    (row,) = store.rows("SELECT id, split, text, answer FROM questions WHERE id = ?", (chosen,))
    return _taken(store, run_id, *row)


def _taken(store: Store, run_id: str, identity: int, split: str, text: str, answer: str) -> TakenQuestion:
    number = row_number(identity)
    programs = queries.get_config(store, run_id).task.kind in PROGRAMS
    asking = Asking(text=text, answer="" if programs else answer, number=number)
    kind = {"train": "training question", "test": "test question", "process": "benchmark question"}.get(split, split)
    return TakenQuestion(asking, run_id, f"{kind} {number} of {queries.get_run(store, run_id).name}")
