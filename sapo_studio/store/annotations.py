"""What people say about steps: who judged which step how, and taking it back.

Nothing is overwritten: a new judgement stands before the old one, and an undone one stays with the time it
was undone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import uuid4

from sapo_studio.domain.judgements import Judgement, first_error
from sapo_studio.errors import InputError
from sapo_studio.store.act_times import act_time
from sapo_studio.store.db import Store
from sapo_studio.store.records import AnnotationInfo


def annotate(
    store: Store,
    trajectory_id: int,
    annotator: str,
    judgements: Mapping[int, int],
    *,
    filled: Collection[int] = (),
    uid: str = "",
) -> int:
    """Keep `judgements` (step, from 1 on, to -1 wrong, 0 neutral, 1 right) as one act, which `undo` takes
    back as a whole. `filled`: those of the steps that nobody judged, whose judgement follows from another's.

    `uid` names the act on every machine ('': a new one). Returns the act's number in this store. Raises InputError for
    a step that the trajectory has not, or a judgement that is none.
    """
    with store.atomic():
        check_judgements(store, trajectory_id, judgements)
        act = 1 + int(store.value("SELECT coalesce(max(act), 0) FROM annotations"))
        now, uid = act_time(store, annotator, trajectory_id), uid or uuid4().hex
        store.execute_many(
            "INSERT INTO annotations (trajectory_id, annotator, at, act, step, judgement, filled, uid)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (trajectory_id, annotator, now, act, step, int(judgement), step in filled, uid)
                for step, judgement in sorted(judgements.items())
            ],
        )
    return act


def check_judgements(store: Store, trajectory_id: int, judgements: Mapping[int, int]) -> int:
    """How many steps the trajectory has. Raises InputError for a step that it has not, or a judgement that is none."""
    n_steps = store.value("SELECT n_steps FROM trajectories WHERE id = ?", (trajectory_id,))
    if n_steps is None:
        raise InputError(f"There is no trajectory {trajectory_id}")
    for step, judgement in judgements.items():
        if not 1 <= step <= n_steps:
            raise InputError(f"Trajectory {trajectory_id} has no step {step}", why=f"It has steps 1 to {n_steps}.")
        if judgement not in tuple(Judgement):
            raise InputError(f"{judgement} is not a valid judgement", fix="-1 is incorrect, 0 neutral, 1 correct.")
    return int(n_steps)


def undo(store: Store, trajectory_id: int, annotator: str) -> bool:
    """Take back the annotator's last act on a trajectory that still stands; what it covered shows again.

    False where there is none.
    """
    with store.atomic():
        last = store.value(
            "SELECT max(act) FROM annotations WHERE undone_at IS NULL AND trajectory_id = ? AND annotator = ?",
            (trajectory_id, annotator),
        )
        changed = store.execute(
            "UPDATE annotations SET undone_at = ? WHERE trajectory_id = ? AND annotator = ? AND act = ?",
            (act_time(store, annotator, trajectory_id), trajectory_id, annotator, last),
        )
    return changed > 0


def undo_act(store: Store, uid: str, at: float) -> bool:
    """Take back the act of this name, at this time. False where nothing of it stands."""
    undone = "UPDATE annotations SET undone_at = ? WHERE uid = ? AND uid != '' AND undone_at IS NULL"
    return store.execute(undone, (at, uid)) > 0


def current(store: Store, trajectory_id: int) -> list[AnnotationInfo]:
    """The judgements of a trajectory that stand now, by annotator and step."""
    return standing(store, trajectory_id, trajectory_id).get(trajectory_id, [])


def standing(store: Store, low: int, high: int) -> dict[int, list[AnnotationInfo]]:
    """The same of each trajectory with an id in `low`..`high` that somebody has judged."""
    found: dict[int, list[AnnotationInfo]] = {}
    for trajectory, *facts, filled, _ in store.rows(
        "SELECT trajectory_id, annotator, step, judgement, at, filled, max(id) FROM annotations"
        " WHERE trajectory_id BETWEEN ? AND ? AND undone_at IS NULL GROUP BY trajectory_id, annotator, step"
        " ORDER BY trajectory_id, annotator, step",
        (low, high),
    ):
        found.setdefault(trajectory, []).append(AnnotationInfo(*facts, filled=bool(filled)))
    return found


def by_hand(store: Store, trajectory_id: int, annotator: str) -> dict[int, int]:
    """What this person judged step by step and still stands; steps that were filled in are left out."""
    return {
        one.step: one.judgement
        for one in current(store, trajectory_id)
        if one.annotator == annotator and not one.filled
    }


def first_error_of(store: Store, trajectory_id: int, annotator: str) -> int:
    """The first wrong step of a trajectory as this person says, 0 for none, -1 where that is not known yet."""
    n_steps = int(store.value("SELECT n_steps FROM trajectories WHERE id = ?", (trajectory_id,)))
    mine = {one.step: one.judgement for one in current(store, trajectory_id) if one.annotator == annotator}
    return first_error(mine, n_steps)
