"""A run belongs to one process at a time: how the parent makes it its own."""

from __future__ import annotations

import os

from sapo_studio import processes, supervisor
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary


def claim(store: Store, run_id: str, me: processes.ProcessIdentity) -> RunSummary:
    """Make a run process `me`'s own, in one transaction. InputError, with nothing changed, where another process has
    it: works on it, or was started for it and is about to."""
    with store.atomic():
        run = queries.get_run(store, run_id)
        if run.status.alive:
            if supervisor.is_held(run):
                raise InputError(
                    f"{run_id} is already running",
                    why=f"Process {run.pid} works on it.",
                    fix=f"Follow it in the window, or end it with `sapo stop {run_id}`.",
                )
            runs.set_status(store, run_id, RunStatus.INTERRUPTED)
        elif not run.status.resumable:
            raise InputError(f"{run_id} is {run.status}", why="Nothing is left to do.", fix="Start a new run.")
        elif supervisor.is_held(run) and not processes.stems_from(run.pid or 0):
            raise supervisor.being_started(run)
        runs.set_status(store, run_id, RunStatus.RUNNING)
        runs.heartbeat(store, run_id, pid=me.pid, pid_started=me.started)
        # Who started us may have died before it could write this down.
        run_queue.mark_started(store, run_id, placed())
        return run


def placed() -> tuple[str, ...]:
    """The cards (UUIDs) that the queue has placed this engine's run on."""
    return tuple(filter(None, os.environ.get(supervisor.CARDS_VARIABLE, "").split(",")))
