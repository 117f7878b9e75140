"""Queues of trajectories to judge: making, listing, renaming and deleting them. Who works on which item stands in
`queue_work`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from uuid import uuid4

from sapo_studio.errors import InputError
from sapo_studio.names import LONGEST_QUEUE, checked_name
from sapo_studio.readable import listing
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.queries import get_number
from sapo_studio.store.queue_records import RULES, QueueInfo, QueueSpec
from sapo_studio.store.queue_rules import choose

LARGEST = 100_000
"""Items of a queue."""


def make_queue(store: Store, spec: QueueSpec, created_by: str) -> int:
    """Make the queue that `spec` asks for and return its id.

    The same trajectories, rule, size and seed give the same items in the same order, on every machine. Raises
    InputError for a value that makes no sense, a name that is taken, or where there is nothing to judge.
    """
    _check(spec)
    created_by = checked_name(created_by, "a person")
    get_number(store, spec.filter.run_id)
    chosen = choose(store, spec)
    with store.atomic():
        _check_free(store, spec.name.strip())
        store.execute(
            "INSERT INTO queues (uid, name, created_at, created_by, rule, seed, overlap, gold_rate, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(uuid4().hex, spec.name.strip(), time.time(), created_by, spec.rule, spec.seed),
                *(spec.overlap, spec.gold_rate, json.dumps({**asdict(spec.filter), "size": spec.size})),
            ),
        )
        queue_id = int(store.value("SELECT last_insert_rowid()"))
        store.execute_many(
            "INSERT INTO queue_items (queue_id, place, trajectory_id, shared, gold) VALUES (?, ?, ?, ?, ?)",
            (
                (queue_id, place, one.trajectory_id, int(one.shared), one.gold)
                for place, one in enumerate(chosen, start=1)
            ),
        )
    return queue_id


def extend_queue(store: Store, queue_id: int, trajectory_ids: Sequence[int]) -> int:
    """Put trajectories behind a queue's items, for everybody, those left out that it has. Returns how many were new."""
    with store.atomic():
        there = {one for (one,) in store.rows("SELECT trajectory_id FROM queue_items WHERE queue_id = ?", (queue_id,))}
        new = [one for one in dict.fromkeys(trajectory_ids) if one not in there]
        last = int(store.value("SELECT coalesce(max(place), 0) FROM queue_items WHERE queue_id = ?", (queue_id,)))
        store.execute_many(
            "INSERT INTO queue_items (queue_id, place, trajectory_id, shared) VALUES (?, ?, ?, 1)",
            ((queue_id, place, one) for place, one in enumerate(new, start=last + 1)),
        )
    return len(new)


def _check(spec: QueueSpec) -> None:
    checked_name(spec.name, "a queue", LONGEST_QUEUE)
    if spec.rule not in RULES:
        raise InputError(f"There is no rule {spec.rule!r}", fix=f"Use one of {', '.join(RULES)}.")
    if not 1 <= spec.size <= LARGEST:
        raise InputError(f"A queue of {spec.size} items cannot be made", fix=f"Use a size from 1 to {LARGEST:,}.")
    if not 0 <= spec.seed < 2**63:
        raise InputError(f"{spec.seed} cannot be a seed", fix="Use a whole number from 0 on.")
    for name, value in (("share of items for everybody", spec.overlap), ("share of gold items", spec.gold_rate)):
        if not (math.isfinite(value) and 0.0 <= value <= 1.0):
            raise InputError(f"The {name} is {value:g}", fix="Use a number from 0 to 1.")


def _check_free(store: Store, name: str) -> None:
    if store.value("SELECT 1 FROM queues WHERE name = ?", (name,)):
        raise InputError(f"There is a queue {name!r} already", fix="Choose another name.")


def list_queues(store: Store) -> list[QueueInfo]:
    """All queues, the newest first."""
    saved: dict[int, dict[str, int]] = {}
    for queue_id, annotator, count in store.rows(
        "SELECT i.queue_id, s.annotator, count(*) FROM item_states s JOIN queue_items i ON i.id = s.item_id"
        " WHERE s.status = 'saved' GROUP BY i.queue_id, s.annotator ORDER BY s.annotator"
    ):
        saved.setdefault(queue_id, {})[annotator] = count
    found = store.rows(
        "SELECT q.id, q.uid, q.name, q.created_at, q.created_by, q.rule, q.seed, q.overlap, q.gold_rate, q.source,"
        " count(i.id), count(i.gold) FROM queues q LEFT JOIN queue_items i ON i.queue_id = q.id"
        " GROUP BY q.id ORDER BY q.id DESC"
    )
    with reading(store.path, "what one of the queues was made from"):
        return [
            QueueInfo(*row[:9], source=json.loads(row[9]), size=row[10], gold=row[11], saved=saved.get(row[0], {}))
            for row in found
        ]


def find_queue(store: Store, text: str) -> int:
    """The id of the queue that a person means: its name, or `last`. Raises InputError that names what there is."""
    known: list[tuple[int, str]] = [
        (identity, name) for identity, name in store.rows("SELECT id, name FROM queues ORDER BY id DESC")
    ]
    for identity, name in known:
        if name == text:
            return identity
    if text == "last" and known:
        return known[0][0]
    there = listing([name for _, name in known]) or "none yet: make one on the Annotate page."
    raise InputError(f"There is no queue {text!r}", fix=f"There is {there}")


def rename_queue(store: Store, queue_id: int, name: str) -> None:
    """Give a queue another name. Raises InputError for one that no queue can have, or that is taken."""
    name = checked_name(name, "a queue", LONGEST_QUEUE)
    with store.atomic():
        if store.value("SELECT name FROM queues WHERE id = ?", (queue_id,)) != name:
            _check_free(store, name)
            store.execute("UPDATE queues SET name = ? WHERE id = ?", (name, queue_id))


def delete_queue(store: Store, queue_id: int) -> None:
    """Delete a queue with who was how far in it. Judgements and comments stay with their trajectories."""
    with store.atomic():
        store.execute("DELETE FROM queues WHERE id = ?", (queue_id,))
