"""Whether a solution is a program. Called in the background."""

from __future__ import annotations

from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceDetail


def is_program(store: Store, detail: TraceDetail) -> bool:
    """Whether it is one: of an imported file nobody knows, and it is shown as text."""
    if queries.get_run(store, detail.run_id).imported:
        return False
    solutions = TASK_KINDS[queries.get_config(store, detail.run_id).task.kind].solutions
    return solutions == "programs" or (solutions == "either" and not detail.reference)
