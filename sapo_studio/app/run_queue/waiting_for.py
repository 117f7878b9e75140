"""Waiting until the queue is empty, and what came of the runs that were in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries, run_queue
from sapo_studio.store.db import Store


@dataclass(frozen=True, slots=True)
class Left:
    """Whether there is nothing more to wait for, and what keeps it from going on, if anything does."""

    over: bool
    trouble: str = ""


def look(store: Store, seen: dict[str, str], tell: Callable[[str, str], None]) -> Left:
    """Look once. `seen` keeps the last state of every run that was in the queue; `tell(run, state)` hears of each
    change."""
    rows = run_queue.list_queue(store)
    for row in rows:
        _note(seen, tell, row.run_id, "queued" if row.waits else _status(store, row.run_id))
    for run_id in seen.keys() - {row.run_id for row in rows}:
        _note(seen, tell, run_id, _status(store, run_id))
    waiting = [row for row in rows if row.waits]
    working = [row for row in rows if not row.waits and _status(store, row.run_id) not in _ENDED]
    if working or not waiting:
        return Left(not working)
    if run_queue.is_paused(store):
        return Left(True, "The queue is paused: sapo queue resume")
    # Those that can never start here are no reason to wait; the process that looks after the queue says so of each.
    if all(row.stuck for row in waiting):
        return Left(True, "\n".join(f"{row.run_id} {row.waits_for}" for row in waiting))
    return Left(False)


_ENDED = (RunStatus.DONE.value, RunStatus.FAILED.value, RunStatus.STOPPED.value, "deleted")


def outcome(store: Store, seen: dict[str, str]) -> int:
    """The exit code for what became of the runs in `seen`."""
    ended = {_status(store, run_id) for run_id in seen}
    if ended & {RunStatus.FAILED.value, RunStatus.INTERRUPTED.value}:
        return 1
    return 0 if ended <= {RunStatus.DONE.value, "deleted"} else 3


def _status(store: Store, run_id: str) -> str:
    try:
        return queries.get_run(store, run_id).status.value
    except InputError:
        return "deleted"


def _note(seen: dict[str, str], tell: Callable[[str, str], None], run_id: str, state: str) -> None:
    if seen.get(run_id) != state:
        seen[run_id] = state
        tell(run_id, state)
