"""A run that goes on where an earlier call has left it, and that is stopped in good order when its time is up."""

from __future__ import annotations

import time
from collections.abc import Callable

from sapo_studio import supervisor
from sapo_studio.app.reports.run_report import Report, report
from sapo_studio.config.places import whole_paths
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RunStatus
from sapo_studio.store import queries, runs
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary

STOPPING = 15.0
"""Seconds that are kept for stopping: the phase's checkpoint, the last backup."""
GRACE = 60.0
"""Seconds after which a run that does not stop is killed; what it has finished stays."""


def find_or_make(store: Store, config: RunConfig, preset: str) -> str:
    """The last run with just this configuration, whatever became of it, else a new one."""
    meant = whole_paths(config)
    for run in queries.list_runs(store):
        if run.kind == "run" and run.name == config.name and queries.get_config(store, run.id) == meant:
            return run.id
    return runs.create_run(store, config, preset)


def follow(store: Store, run_id: str, deadline: float, say: Callable[[str], None]) -> Report:
    """Start the run or go on with it, until it ends or `deadline` (of `time.monotonic`) is near; then stop it. Returns
    what it has come to. `say` hears of each phase as it begins. A run that somebody else has under way is joined.

    However this ends, by an interrupt too, the run is not left computing.
    """
    supervisor.reconcile(store)
    run = queries.get_run(store, run_id)
    if not _at_work(run) and run.status is not RunStatus.DONE:
        supervisor.launch(store, run_id)
    phase = ""
    try:
        while time.monotonic() < deadline - STOPPING:
            run = queries.get_run(store, run_id)
            if f"{run.phase} {run.iteration}" != phase and run.phase:
                phase = f"{run.phase} {run.iteration}"
                say(f"{run.active_seconds:5.0f} s  {phase}")
            left = deadline - STOPPING - time.monotonic()
            if supervisor.wait_until(store, run_id, _ended, timeout=min(1.0, max(left, 0.1))):
                break
    finally:
        _end(store, run_id)
    return report(store, run_id)


def _at_work(run: RunSummary) -> bool:
    """Whether an engine has the run, or is about to."""
    return run.status.alive or supervisor.is_held(run)


def _ended(run: RunSummary) -> bool:
    return not _at_work(run)


def _end(store: Store, run_id: str) -> None:
    if _ended(queries.get_run(store, run_id)):
        return
    supervisor.stop(store, run_id, "gpu-demo")
    if supervisor.wait_until(store, run_id, _ended, timeout=GRACE) is None:
        supervisor.kill(store, run_id)
