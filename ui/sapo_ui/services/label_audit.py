"""The audit of a run's labels, worked out in the background, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from sapo_studio.app.studies.audit import Audit, audit
from sapo_studio.domain.alarms import evaluations
from sapo_studio.domain.reward_and_truth import Evaluated
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import list_queues, make_queue
from sapo_studio.store.records import RunSummary, TraceFilter
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotator_name


@dataclass(frozen=True, eq=False)
class AuditView:
    """What the Audit page shows: the run, its audit, and its evaluations so far."""

    run: RunSummary
    audit: Audit
    evaluations: Sequence[Evaluated]


def read(
    parent: QObject,
    run_id: str,
    iteration: int | None,
    done: Callable[[AuditView], None],
    failed: Callable[[Exception], None],
) -> None:
    """Audit an iteration's labels; of the last that has any without `iteration`. Takes seconds."""

    def work(store: Store) -> AuditView:
        found = audit(store, run_id, iteration)
        for step in found.disagreements:
            if step.rollouts is not None:
                step.rollouts.interval()  # the first loads scipy, which the window is not to wait for
        return AuditView(queries.get_run(store, run_id), found, evaluations(queries.metrics(store, run_id)))

    tasks.run(parent, work, done, failed=failed, key="audit")


def send(
    parent: QObject,
    run: RunSummary,
    iteration: int,
    size: int,
    done: Callable[[str], None],
    failed: Callable[[Exception], None],
) -> None:
    """Make a queue of the iteration's incorrect trajectories, most disagreement first. `done` hears its name."""
    me = annotator_name()

    def work(store: Store) -> str:
        taken = {queue.name for queue in list_queues(store)}
        plain = f"{run.name}, labels of iteration {iteration}"
        name = next(
            name for name in (plain, *(f"{plain} ({n})" for n in range(2, len(taken) + 3))) if name not in taken
        )
        chosen = TraceFilter(run.id, iteration=iteration, outcome="wrong")
        make_queue(store, QueueSpec(name, chosen, rule="disagreement", size=size), me)
        return name

    tasks.run(parent, work, done, failed=failed, key="send")
