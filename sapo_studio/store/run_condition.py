"""What is unusual about a run, for a line above its numbers: warnings, alarms, what was asked of it, restarts, and
whether it has begun to work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.domain.runs import RESTARTED, RunStatus
from sapo_studio.store import queries
from sapo_studio.store.alarms import LOG_LINE
from sapo_studio.store.db import Store
from sapo_studio.store.pending_commands import pending
from sapo_studio.store.records import Command

BETWEEN_PHASES = 3.0
"""Seconds between two phases that are no start."""


@dataclass(frozen=True, slots=True)
class RunCondition:
    """Of one run. `warnings`: lines of its log that warn or tell of an error, but for alarms, which the run itself has
    (`RunSummary.alarms`); `latest`: the newest of them. `asked`: commands that wait. `restarted_at`: when a worker was
    last started again, None where none was. `loading`: its engine has begun, and no phase has."""

    warnings: int
    latest: str
    asked: Sequence[Command]
    restarted_at: float | None
    loading: bool


def run_condition(store: Store, run_id: str) -> RunCondition:
    """The condition of a run; nothing is unusual of one that is not there (any more)."""
    warned = " FROM events WHERE run_id = ? AND level IN ('warning', 'error') AND message NOT LIKE ?"
    of_them = (run_id, LOG_LINE + "%")
    latest = store.row(f"SELECT message {warned} ORDER BY id DESC LIMIT 1", of_them)
    status = store.value("SELECT status FROM runs WHERE id = ?", (run_id,))
    restarted = store.value(
        "SELECT max(at) FROM events WHERE run_id = ? AND level = 'warning' AND instr(message, ?) > 0",
        (run_id, RESTARTED),
    )
    return RunCondition(
        warnings=int(store.value(f"SELECT count(*) {warned}", of_them)),
        latest=str(latest[0]).partition("\n")[0] if latest is not None else "",
        asked=pending(store, run_id),
        restarted_at=restarted,
        loading=status == RunStatus.RUNNING.value and _is_loading(store, run_id),
    )


def _is_loading(store: Store, run_id: str) -> bool:
    """Whether no phase is under way, and none has just ended or is the last."""
    phases = queries.phases(store, run_id)
    if any(phase.status == "running" for phase in phases):
        return False
    ended = max((phase.finished_at or 0.0 for phase in phases), default=0.0)
    left = not phases or any(phase.status != "done" for phase in phases)
    return left and time.time() - ended > BETWEEN_PHASES
