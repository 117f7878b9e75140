"""The items of a queue as one person in one window sees them: open, theirs, or somebody else's right now."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sapo_studio.errors import InputError
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueItem

CLAIM_SECONDS = 600.0
"""A claim that nothing was done about for so long is given back."""

_ITEM = (
    "SELECT i.id, i.queue_id, i.place, i.trajectory_id, t.question_id, q.text, t.iteration, t.sample, t.source,"
    " i.shared, coalesce(m.status, 'open'), coalesce(m.holder, ''), coalesce(m.at, 0), coalesce(m.seconds, 0),"
    " (SELECT json_group_array(json_array(o.status, o.annotator)) FROM item_states o WHERE o.item_id = i.id"
    "  AND o.annotator != :me AND (o.status = 'saved' OR (o.status = 'claimed' AND o.at BETWEEN :since AND :until)))"
    " FROM queue_items i JOIN trajectories t ON t.id = i.trajectory_id JOIN questions q ON q.id = t.question_id"
    " LEFT JOIN item_states m ON m.item_id = i.id AND m.annotator = :me"
)


def _claims() -> tuple[float, float]:
    """From when and until when a claim that stands was made. One that lies in the future is from before the clock was
    set back: nobody is to wait until it is that late again."""
    now = time.time()
    return now - CLAIM_SECONDS, now + CLAIM_SECONDS


@dataclass(frozen=True)
class Worker:
    """A person in one window: under whose name judgements are kept, and which window holds what is claimed."""

    annotator: str
    holder: str

    def values(self, **more: Any) -> dict[str, Any]:
        """What the statements of this module ask for, and `more`."""
        since, until = _claims()
        return {"me": self.annotator, "holder": self.holder, "since": since, "until": until, **more}


def waiting(store: Store, queue_id: int, worker: Worker, limit: int) -> list[QueueItem]:
    """The first `limit` items that this person has neither saved nor skipped, in the queue's order; with those that
    somebody else has right now, without those that are somebody else's for good.
    """
    found = store.rows(
        f"{_ITEM} WHERE i.queue_id = :queue AND coalesce(m.status, 'claimed') = 'claimed' AND (i.shared OR NOT EXISTS"
        " (SELECT 1 FROM item_states o WHERE o.item_id = i.id AND o.annotator != :me AND o.status = 'saved'))"
        " ORDER BY i.place LIMIT :limit",
        worker.values(queue=queue_id, limit=limit),
    )
    return [_item(row, worker) for row in found]


def get_item(store: Store, item_id: int, worker: Worker) -> QueueItem:
    """One item as this person sees it. Raises InputError where there is none with this id (any more)."""
    row = store.row(f"{_ITEM} WHERE i.id = :item", worker.values(item=item_id))
    if row is None:
        raise InputError("This item is gone", why="Its queue or its run was deleted.", fix="Choose another queue.")
    return _item(row, worker)


def _item(row: Sequence[Any], worker: Worker) -> QueueItem:
    *plain, shared, status, holder, at, seconds, others = row
    has: list[list[str]] = json.loads(others)
    taken = next((name for what, name in has if what == "claimed"), "") if not shared else ""
    if status == "claimed" and holder != worker.holder:
        since, until = _claims()
        fresh = since <= at <= until
        taken, status = worker.annotator if fresh else taken, "open"
    return QueueItem(
        *plain,
        shared=bool(shared),
        status=status,
        taken_by=taken,
        done_by_other=not shared and any(what == "saved" for what, _ in has),
        seconds=seconds,
    )
