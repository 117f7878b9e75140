"""The audit of a run's labels, worked out in the background, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject

from sapo_studio import supervisor
from sapo_studio.app.studies import shadow
from sapo_studio.app.studies.audit import Audit, audit
from sapo_studio.app.studies.shadow import Shadow
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.consensus import Bounds
from sapo_studio.domain.iteration_numbers import finite
from sapo_studio.domain.reward_and_truth import Evaluated, evaluations
from sapo_studio.domain.runs import PhaseName
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.queues import list_queues, make_queue
from sapo_studio.store.records import RunSummary, TraceFilter
from sapo_ui.services import tasks
from sapo_ui.services.annotations import annotator_name
from sapo_ui.services.control import SENDER


@dataclass(frozen=True, eq=False)
class AuditView:
    """What the Audit page shows: the run, its audit, and its evaluations so far."""

    run: RunSummary
    audit: Audit
    evaluations: Sequence[Evaluated]
    shadows: Sequence[Shadow]
    """What was measured of filters on this iteration's labels, the newest first."""
    next_labels: int | None
    """The iteration whose labels are next, or are being written; None where none come."""
    verifier_seconds: float | None
    """How long the iteration's verifier was trained; None where it is not yet."""


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
        return AuditView(
            queries.get_run(store, run_id),
            found,
            evaluations(finite(queries.metrics(store, run_id))),
            shadow.kept(store, run_id, found.iteration),
            *_phases(store, run_id, found.iteration),
        )

    tasks.run(parent, work, done, failed=failed, key="audit")


def _phases(store: Store, run_id: str, iteration: int) -> tuple[int | None, float | None]:
    """The iteration whose labels come next, and how long the verifier of `iteration` was trained."""
    phases = queries.phases(store, run_id)
    left = (one.iteration for one in phases if one.name == PhaseName.LABEL and one.status != "done")
    trained = (one.seconds for one in phases if (one.name, one.iteration) == (PhaseName.VERIFIER, iteration))
    return next(left, None), next(trained, None)


def filter_next(
    parent: QObject, run_id: str, bounds: Bounds | None, done: Callable[[], None], failed: Callable[[Exception], None]
) -> None:
    """Have a run that goes on, or can be resumed, filter its labels from the next ones on, with these bounds; None: not
    filter them."""
    settings = ["labeling.consensus=off"]
    if bounds is not None:
        settings = [
            "labeling.consensus=dawid-skene",
            f"labeling.consensus_low={bounds.low:g}",
            f"labeling.consensus_high={bounds.high:g}",
        ]

    def work(store: Store) -> None:
        supervisor.change_config(store, run_id, settings, SENDER)

    tasks.change(parent, work, lambda _: done(), failed=failed)


def config_with(
    parent: QObject, run_id: str, bounds: Bounds, done: Callable[[RunConfig], None], failed: Callable[[Exception], None]
) -> None:
    """The configuration of a run with its labels filtered by these bounds: for a new run."""

    def work(store: Store) -> RunConfig:
        config = queries.get_config(store, run_id)
        filtered = {"consensus": "dawid-skene", "consensus_low": bounds.low, "consensus_high": bounds.high}
        return config.model_copy(update={"labeling": config.labeling.model_copy(update=filtered)})

    tasks.run(parent, work, done, failed=failed, key="clone")


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

    tasks.change(parent, work, done, failed=failed)
