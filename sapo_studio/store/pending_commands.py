"""What was asked of a run and is not carried out yet, and taking it back.

A command's row stays open until it is carried out: a stop after the phase until that phase is done, a pause until the
worker waits. Whoever closes the row before takes it back; the run's parent sees that and tells the worker.
"""

from __future__ import annotations

import time

from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.errors import InputError
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_studio.store.records import Command

ASKED: dict[Verb, str] = {
    Verb.PAUSE: "Pauses at the next step",
    Verb.RESUME: "Goes on",
    Verb.STOP_AFTER_PHASE: "Stops after this phase",
    Verb.KEEP_GOING: "Goes on after this phase",
    Verb.STOP: "Stops at the next step",
    Verb.CHECKPOINT: "Saves its position",
}
"""What a command that waits will do, as a sentence without its end. Of another configuration nothing is said."""


def pending(store: Store, run_id: str) -> list[Command]:
    """What was asked of a run and can still be taken back, oldest first."""
    return [command for command in runs.open_commands(store, run_id) if command.verb in ASKED]


def withdraw(store: Store, run_id: str, sender: str) -> list[Command]:
    """Take back all that was asked of a run and is not carried out yet. Returns it.

    A line in the log says who did. Raises InputError where nothing waits, or there is no such run.
    """
    with store.atomic():
        status = runs.status_of(store, run_id)
        waiting = pending(store, run_id)
        if not waiting:
            why = "What was asked of it is done." if status.alive else f"It is {status.value}."
            fix = "`sapo resume` lets it go on." if status is RunStatus.PAUSED or status.resumable else ""
            raise InputError(f"Nothing that was asked of {run_id} waits", why=why, fix=fix)
        now = time.time()
        store.execute_many(
            "UPDATE commands SET handled_at = ? WHERE id = ?", [(now, command.id) for command in waiting]
        )
        for command in waiting:
            runs.add_log(store, run_id, "info", f"{ASKED[command.verb]}: withdrawn by {sender or 'somebody'}")
        return waiting
