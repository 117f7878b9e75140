"""What people write beside steps. Nothing is overwritten: a person's later comment on a step stands before the earlier
one, an empty one takes it back, and an undone one shows what was there before.
"""

from __future__ import annotations

from uuid import uuid4

from sapo_studio.errors import InputError
from sapo_studio.names import checked_text
from sapo_studio.store.act_times import act_time
from sapo_studio.store.db import Store
from sapo_studio.store.records import CommentInfo

LONGEST = 4000
"""Characters of a comment."""


def write_comment(store: Store, trajectory_id: int, step: int, annotator: str, text: str, *, uid: str = "") -> str:
    """Keep `text` as this person's comment on a step, from 1 on, or on the whole trajectory (step 0).

    `uid` names it on every machine ('': a new one). Returns that name. Raises InputError for a step that the trajectory
    has not, and for a text of more than `LONGEST` characters.
    """
    text, uid = checked_text(text, "A comment", LONGEST), uid or uuid4().hex
    with store.atomic():
        n_steps = store.value("SELECT n_steps FROM trajectories WHERE id = ?", (trajectory_id,))
        if n_steps is None:
            raise InputError(f"There is no trajectory {trajectory_id}")
        if not 0 <= step <= n_steps:
            raise InputError(f"Trajectory {trajectory_id} has no step {step}", why=f"It has steps 1 to {n_steps}.")
        store.execute(
            "INSERT INTO comments (uid, trajectory_id, step, annotator, at, text) VALUES (?, ?, ?, ?, ?, ?)",
            (uid, trajectory_id, step, annotator, act_time(store, annotator, trajectory_id), text),
        )
    return uid


def undo_comment(store: Store, uid: str, at: float) -> bool:
    """Take back the comment of this name, at this time. False where it does not stand."""
    return store.execute("UPDATE comments SET undone_at = ? WHERE uid = ? AND undone_at IS NULL", (at, uid)) > 0


def comments(store: Store, trajectory_id: int) -> list[CommentInfo]:
    """The comments on a trajectory that stand now, by step and annotator."""
    return [one for _, one in standing_comments(store, trajectory_id, trajectory_id)]


def standing_comments(store: Store, low: int, high: int) -> list[tuple[int, CommentInfo]]:
    """The same of all trajectories with an id in `low`..`high`, each with that id, in the order of ids."""
    found = store.rows(
        "SELECT trajectory_id, step, annotator, text, at, max(id) FROM comments WHERE trajectory_id BETWEEN ? AND ?"
        " AND undone_at IS NULL GROUP BY trajectory_id, step, annotator ORDER BY trajectory_id, step, annotator",
        (low, high),
    )
    return [(trajectory, CommentInfo(*rest[:4])) for trajectory, *rest in found if rest[2]]
