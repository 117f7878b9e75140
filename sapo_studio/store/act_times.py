"""When something is done, as the store keeps it: a clock that was set back must not turn what people did round.

What stood when an item was saved, and which resolution holds, follows from times, since they are the same on every
machine. So whatever a person does is later than all that they did before, whatever the clock says.
"""

from __future__ import annotations

import time

from sapo_studio.store.db import Store

TICK = 1e-6
"""Seconds between two acts at least: what a number of this size can still tell apart."""


def act_time(store: Store, annotator: str, trajectory_id: int) -> float:
    """Now, or just after the last thing that this person did with a trajectory: on it, or on an item that it is of."""
    judged = store.value(
        "SELECT max(max(coalesce(undone_at, 0), at)) FROM annotations WHERE trajectory_id = ? AND annotator = ?",
        (trajectory_id, annotator),
    )
    acted = store.value(
        "SELECT max(max(coalesce(a.undone_at, 0), a.at)) FROM queue_items i JOIN queue_acts a ON a.item_id = i.id"
        " AND a.annotator = ? WHERE i.trajectory_id = ?",
        (annotator, trajectory_id),
    )
    return _after(judged, acted)


def queue_time(store: Store, annotator: str, trajectory_id: int | None = None) -> float:
    """The same, and just after the last thing that this person did in any queue: what they saved last comes first."""
    last = store.value("SELECT at FROM queue_acts WHERE annotator = ? ORDER BY id DESC LIMIT 1", (annotator,))
    return _after(last) if trajectory_id is None else max(_after(last), act_time(store, annotator, trajectory_id))


def _after(*earlier: float | None) -> float:
    return max(time.time(), *(at + TICK for at in earlier if at is not None), 0.0)


def resolution_time(store: Store, trajectory_id: int) -> float:
    """Now, or just after the last resolution of this trajectory, whoever made it: the new one is to hold."""
    last = store.value("SELECT max(at) FROM resolutions WHERE trajectory_id = ?", (trajectory_id,))
    return _after(last)
