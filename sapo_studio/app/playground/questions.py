"""Questions to try that a run's task has: one by its number, a random one, one that people have annotated."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sapo_studio.domain.task_kinds import PROGRAMS
from sapo_studio.errors import InputError
from sapo_studio.requests.play import Asking
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_id, row_number
from sapo_studio.store.db import Store

RANDOM, ANNOTATED = "random", "annotated"


@dataclass(frozen=True, slots=True)
class TakenQuestion:
    """A question of a run. `answer`: what the store has as its answer: of programs the tests, as one text."""

    number: int
    split: str
    text: str
    answer: str

    def asking(self, kind: str) -> Asking:
        """To be asked of a checkpoint of the same run, whose task is of this kind."""
        if kind in PROGRAMS:
            return Asking(text=self.text, number=self.number)
        return Asking(text=self.text, answer=self.answer, number=self.number)


def take(store: Store, run_id: str, which: str, seed: int = 0) -> TakenQuestion:
    """A question of a run: by its number, a `random` one that is held out, or an `annotated` one, drawn with `seed`.

    Raises InputError where there is none.
    """
    number = queries.get_number(store, run_id)
    if which == RANDOM:
        return _one(store, _drawn(_held_out(store, run_id), seed, f"{run_id} has no question yet"))
    if which == ANNOTATED:
        low, high = id_range(number)
        ids = [
            int(identity)
            for (identity,) in store.rows(
                "SELECT DISTINCT t.question_id FROM annotations a JOIN trajectories t ON t.id = a.trajectory_id"
                " WHERE a.undone_at IS NULL AND a.trajectory_id BETWEEN ? AND ? ORDER BY t.question_id",
                (low, high),
            )
        ]
        return _one(store, _drawn(ids, seed, f"Nobody has annotated a solution of {run_id}"))
    if not which.isdecimal() or len(which) > 9:
        raise InputError(f"{which!r} is not a question", fix=f"Give a number, {RANDOM} or {ANNOTATED}.")
    wanted = row_id(number, int(which))
    if not store.value("SELECT 1 FROM questions WHERE id = ? AND run_id = ?", (wanted, run_id)):
        ids = [int(identity) for (identity,) in store.rows("SELECT id FROM questions WHERE run_id = ?", (run_id,))]
        fix = "It has none yet."
        if ids:
            fix = f"Numbers go from {row_number(min(ids))} to {row_number(max(ids))}, but for some between them."
        raise InputError(f"{run_id} has no question {which}", fix=fix)
    return _one(store, wanted)


def _held_out(store: Store, run_id: str) -> list[int]:
    """Test questions; where the store has none, others that the run does not learn from; else all."""
    for condition in ("split = 'test'", "split != 'train'", "1"):
        found = store.rows(
            f"SELECT id FROM questions WHERE run_id = ? AND \"set\" = '' AND {condition} ORDER BY id", (run_id,)
        )
        if found:
            return [int(identity) for (identity,) in found]
    return []


def _drawn(ids: list[int], seed: int, none: str) -> int:
    if not ids:
        raise InputError(none, fix="Type a question, or take one by its number.")
    return random.Random(seed).choice(ids)


def _one(store: Store, identity: int) -> TakenQuestion:
    row = store.row("SELECT split, text, answer FROM questions WHERE id = ?", (identity,))
    assert row is not None, "it was found a moment ago"
    return TakenQuestion(row_number(identity), *row)
