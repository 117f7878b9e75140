"""The queue in which what was kept in the playground is judged: made with the first solution, and longer with each."""

from __future__ import annotations

from sapo_studio.app.annotation.queues import free_name, make
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueInfo, QueueSpec
from sapo_studio.store.queues import LARGEST, extend_queue, list_queues
from sapo_studio.store.records import TraceFilter
from sapo_studio.store.traces import trace_ids

NAME = "Playground"


def queue_of_kept(store: Store, run_id: str, person: str) -> QueueInfo:
    """The newest queue that was made from the imported file `run_id`, with all that lies in it by now; where there is
    none, a new one under the name of `person`. InputError where the file holds nothing."""
    view = TraceFilter(run_id, source="import")
    known = next((queue for queue in list_queues(store) if queue.source.get("run_id") == run_id), None)
    if known is None:
        return make(store, QueueSpec(free_name(store, NAME), view, "question", size=LARGEST), person)
    extend_queue(store, known.id, trace_ids(store, view).tolist())
    return next(queue for queue in list_queues(store) if queue.id == known.id)
