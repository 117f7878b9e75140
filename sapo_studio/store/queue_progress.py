"""How far people are in a queue, and what the models say of what they have saved."""

from __future__ import annotations

import json

from sapo_studio.domain.pace import RECENT, seconds_an_item
from sapo_studio.store.annotations import first_error_of
from sapo_studio.store.codec import unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.queue_records import DONE, Progress, SavedItem


def progress(store: Store, queue_id: int, annotator: str) -> Progress:
    """How far this person is in a queue, and how far the others are."""
    size, saved, skipped, left = store.rows(
        "SELECT count(*), coalesce(sum(m.status = 'saved'), 0), coalesce(sum(m.status = 'skipped'), 0),"
        " coalesce(sum(coalesce(m.status, 'claimed') = 'claimed' AND (i.shared OR NOT EXISTS (SELECT 1"
        "  FROM item_states o WHERE o.item_id = i.id AND o.annotator != :me AND o.status = 'saved'))), 0)"
        " FROM queue_items i LEFT JOIN item_states m ON m.item_id = i.id AND m.annotator = :me"
        " WHERE i.queue_id = :queue",
        {"me": annotator, "queue": queue_id},
    )[0]
    times = store.rows(
        "SELECT s.seconds FROM queue_items i JOIN item_states s ON s.item_id = i.id AND s.annotator = ?"
        " WHERE i.queue_id = ? AND s.status = 'saved' AND s.seconds > 0 ORDER BY s.at DESC LIMIT ?",
        (annotator, queue_id, RECENT),
    )
    others = store.rows(
        "SELECT o.annotator, count(*), count(m.item_id) FROM queue_items i JOIN item_states o ON o.item_id = i.id"
        " AND o.status = 'saved' LEFT JOIN item_states m ON m.item_id = i.id AND m.annotator = :me"
        " AND m.status = 'saved' WHERE i.queue_id = :queue AND o.annotator != :me GROUP BY o.annotator"
        " ORDER BY o.annotator",
        {"me": annotator, "queue": queue_id},
    )
    pace = seconds_an_item([seconds for (seconds,) in reversed(times)])
    return Progress(size, saved, skipped, left, pace, {name: (count, both) for name, count, both in others})


def done_with(store: Store, queue_id: int, annotator: str) -> frozenset[int]:
    """The items that this person is done with (`queue_records.DONE`), by id."""
    found = store.rows(
        "SELECT s.item_id FROM queue_items i JOIN item_states s ON s.item_id = i.id AND s.annotator = ?"
        " WHERE i.queue_id = ? AND s.status IN (SELECT value FROM json_each(?))",
        (annotator, queue_id, json.dumps(DONE)),
    )
    return frozenset(item_id for (item_id,) in found)


def saved_items(store: Store, queue_id: int, annotator: str, limit: int) -> list[SavedItem]:
    """The last `limit` items that this person has saved, the newest first, with what the models said of them."""
    found = store.rows(
        "SELECT i.id, i.trajectory_id, t.question_id, t.sample, coalesce(s.scores, x''), coalesce(s.verifier, -1),"
        " coalesce(t.verified, -1) FROM (SELECT i.id, i.trajectory_id, i.place, m.at FROM queue_items i"
        "  JOIN item_states m ON m.item_id = i.id AND m.annotator = ? AND m.status = 'saved'"
        "  WHERE i.queue_id = ? ORDER BY m.at DESC, i.place DESC LIMIT ?) i"  # before their scores are looked for
        " JOIN trajectories t ON t.id = i.trajectory_id LEFT JOIN scores s ON s.trajectory_id = t.id"
        " AND s.verifier = (SELECT max(n.verifier) FROM scores n WHERE n.trajectory_id = t.id)"
        " ORDER BY i.at DESC, i.place DESC",
        (annotator, queue_id, limit),
    )
    with reading(store.path, "the scores of a saved item"):
        scores = [unpack_scores(row[4]) for row in found]
    return [
        SavedItem(
            *row[:4], scores=read, verifier=row[5], verified=row[6], judged=first_error_of(store, row[1], annotator)
        )
        for row, read in zip(found, scores, strict=True)
    ]
