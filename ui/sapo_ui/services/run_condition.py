"""What is unusual about a run, read in the background, and what the user does about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject

from sapo_studio.store import pending_commands
from sapo_studio.store.alarms import mark_seen
from sapo_studio.store.db import Store
from sapo_studio.store.run_condition import RunCondition, run_condition
from sapo_ui.services import tasks
from sapo_ui.services.control import SENDER


def read(parent: QObject, run_id: str, done: Callable[[str, RunCondition], None]) -> None:
    """Read the condition of a run; `done` hears whose it is."""
    tasks.follow(parent, lambda store: run_condition(store, run_id), lambda found: done(run_id, found), key="condition")


def withdraw(parent: QObject, run_id: str, done: Callable[[], None]) -> None:
    """Take back what was asked of a run and is not done yet. That it was done meanwhile is told as any error is; `done`
    is called then, too."""

    def work(store: Store) -> None:
        pending_commands.withdraw(store, run_id, SENDER)

    def failed(error: Exception) -> None:
        done()
        tasks.pool().tell(error)

    tasks.change(parent, work, lambda _: done(), failed=failed)


def see(parent: QObject, alarms: Sequence[int], done: Callable[[], None]) -> None:
    """Note that these alarms (by id) have been seen."""
    tasks.change(parent, lambda store: mark_seen(store, alarms), lambda _: done())
