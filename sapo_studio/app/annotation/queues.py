"""Making queues of trajectories to judge out of what a person knows: a run, an imported file, a rule."""

from __future__ import annotations

import itertools
from dataclasses import replace

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueInfo, QueueSpec
from sapo_studio.store.queues import list_queues, make_queue


def suggested_name(run: str, iteration: int | None, rule: str) -> str:
    """What a queue is called where nobody says: `lab-demo it 2, disagreement`."""
    return f"{run}{'' if iteration is None else f' it {iteration}'}, {rule}"


def free_name(store: Store, first: str) -> str:
    """`first`, or with the first number behind it that makes it the name of no queue."""
    taken = {queue.name for queue in list_queues(store)}
    tried = (first if number == 1 else f"{first} {number}" for number in itertools.count(1))
    return next(name for name in tried if name not in taken)


def make(store: Store, spec: QueueSpec, created_by: str) -> QueueInfo:
    """Make the queue that `spec` asks for; without a name it gets one that is free. Raises InputError as `make_queue`
    does.
    """
    if not spec.name:
        run = queries.get_run(store, spec.filter.run_id)
        spec = replace(spec, name=free_name(store, suggested_name(run.name, spec.filter.iteration, spec.rule)))
    made = make_queue(store, spec, created_by)
    return next(queue for queue in list_queues(store) if queue.id == made)


def described(queue: QueueInfo) -> dict[str, object]:
    """A queue as JSON."""
    return {
        "name": queue.name,
        "uid": queue.uid,
        "run_id": queue.source.get("run_id", ""),
        "rule": queue.rule,
        "seed": queue.seed,
        "size": queue.size,
        "overlap": queue.overlap,
        "gold_rate": queue.gold_rate,
        "gold": queue.gold,
        "source": queue.source,
        "created_at": queue.created_at,
        "created_by": queue.created_by,
        "saved": queue.saved,
    }
