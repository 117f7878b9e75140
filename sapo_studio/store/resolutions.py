"""Resolutions: a third judgement of a trajectory on which people differ. What the people said stays as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sapo_studio.domain.human_verdicts import filled_if_untold
from sapo_studio.domain.judgements import UNKNOWN, first_error
from sapo_studio.errors import InputError
from sapo_studio.names import checked_text
from sapo_studio.store.act_times import resolution_time
from sapo_studio.store.annotations import check_judgements
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading

LONGEST = 4000
"""Characters of a reason."""

NEWEST_FIRST = "at DESC, uid DESC"
"""Which of several resolutions holds: the same on every machine."""


@dataclass(frozen=True)
class Resolution:
    """How somebody resolved a conflict. `taken`: whose judgement they took ('': they judged anew); `first_error`: 0 for
    none; `filled`: the steps that nobody judged one by one.
    """

    uid: str
    trajectory_id: int
    resolver: str
    at: float
    steps: Mapping[int, int]
    first_error: int
    taken: str
    why: str
    filled: frozenset[int]


def resolve(
    store: Store,
    trajectory_id: int,
    resolver: str,
    judgements: Mapping[int, int],
    *,
    filled: Collection[int] | None = None,
    taken: str = "",
    why: str = "",
) -> str:
    """Keep `judgements` (by step, from 1 on) as what holds from now on, before any earlier resolution. Returns its uid.

    `filled`: those of the steps that nobody judged, whose judgement follows from another's (None: nobody can tell).
    `taken`: the person whose judgement this is; '' for one of the resolver's own. Raises InputError where the
    judgements do not say which step is the first wrong one, as `annotate` does, or for a `why` that is too long.
    """
    why = checked_text(why, "A reason", LONGEST)
    uid = uuid4().hex
    with store.atomic():
        n_steps = check_judgements(store, trajectory_id, judgements)
        error = first_error(judgements, n_steps)
        if error == UNKNOWN:
            raise InputError(
                "The resolution does not say whether there is an error",
                why="No step is judged incorrect, and some are not judged at all.",
                fix="Judge the steps that are still open.",
            )
        if filled is None:
            filled = filled_if_untold(judgements, error)
        store.execute(
            "INSERT INTO resolutions (uid, trajectory_id, resolver, at, judgements, first_error, taken, why, filled)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(uid, trajectory_id, resolver, resolution_time(store, trajectory_id)),
                *(steps_text(judgements), error, taken, why),
                json.dumps(sorted(judgements.keys() & set(filled))),
            ),
        )
    return uid


def undo_resolution(store: Store, queue_id: int, resolver: str) -> int | None:
    """Take back the last resolution of this person in a queue that still stands; an earlier one, or the conflict, shows
    again. Returns its trajectory, None where there is none."""
    with store.atomic():
        last = store.row(
            "SELECT uid, trajectory_id FROM resolutions WHERE undone_at IS NULL AND resolver = ? AND trajectory_id IN"
            f" (SELECT trajectory_id FROM queue_items WHERE queue_id = ?) ORDER BY {NEWEST_FIRST} LIMIT 1",
            (resolver, queue_id),
        )
        if last is None:
            return None
        store.execute("UPDATE resolutions SET undone_at = ? WHERE uid = ?", (time.time(), last[0]))
        return int(last[1])


def resolutions_of(store: Store, queue_id: int) -> dict[int, Resolution]:
    """The resolution that holds of each trajectory of a queue that has one."""
    found = _standing(store, "trajectory_id IN (SELECT trajectory_id FROM queue_items WHERE queue_id = ?)", queue_id)
    return {trajectory: newest_first[0] for trajectory, newest_first in found.items()}


def standing_resolutions(store: Store, low: int, high: int) -> dict[int, list[Resolution]]:
    """Of each trajectory with an id in `low`..`high` the last resolution of each person that still stands, oldest
    first."""
    found: dict[int, list[Resolution]] = {}
    for trajectory, newest_first in _standing(store, "trajectory_id BETWEEN ? AND ?", low, high).items():
        last: dict[str, Resolution] = {}
        for one in newest_first:
            last.setdefault(one.resolver, one)
        found[trajectory] = [*last.values()][::-1]
    return found


def _standing(store: Store, where: str, *values: int) -> dict[int, list[Resolution]]:
    """By trajectory: the resolutions that nobody took back, the newest first."""
    found: dict[int, list[Resolution]] = {}
    for row in store.rows(
        "SELECT uid, trajectory_id, resolver, at, judgements, first_error, taken, why, filled FROM resolutions"
        f" WHERE undone_at IS NULL AND {where} ORDER BY {NEWEST_FIRST}",
        values,
    ):
        with reading(store.path, "a resolution"):
            found.setdefault(row[1], []).append(_resolution(row))
    return found


def steps_text(judgements: Mapping[int, int]) -> str:
    """Judgements by step, as a row of `resolutions` keeps them."""
    return json.dumps({str(step): int(said) for step, said in sorted(judgements.items())})


def steps_of(text: str) -> dict[int, int]:
    """Judgements by step of a resolution, as its row keeps them. Raises ValueError where they cannot be read."""
    return {int(step): int(said) for step, said in json.loads(text).items()}


def filled_of(text: str) -> frozenset[int]:
    """The steps that were filled in, as a row keeps them. Raises ValueError where they cannot be read."""
    return frozenset(int(step) for step in json.loads(text))


def _resolution(row: Sequence[Any]) -> Resolution:
    steps, filled = steps_of(row[4]), filled_of(row[8])
    return Resolution(*row[:4], steps=steps, first_error=row[5], taken=row[6], why=row[7], filled=filled)
