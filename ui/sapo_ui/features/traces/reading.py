"""What is read of a trajectory before it is shown, and a few of its neighbours before anybody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject

from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import SiblingSteps, TraceDetail
from sapo_ui.services import tasks
from sapo_ui.services.solution_kind import is_program

KEPT = 12
"""Trajectories kept ready."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A trajectory, the others of its question, and whether it is a program."""

    detail: TraceDetail
    siblings: list[SiblingSteps]
    code: bool


def read(store: Store, trajectory_id: int) -> Opened:
    """Read a trajectory. Raises InputError where there is none with this id."""
    detail = queries.trace(store, trajectory_id)
    return Opened(detail, queries.same_question(store, trajectory_id), is_program(store, detail))


class Ahead:
    """Reads trajectories for `parent`: the one that is asked for, and what is likely to be asked for next."""

    def __init__(self, parent: QObject) -> None:
        self._parent = parent
        self._ready: dict[int, Opened] = {}

    def forget(self) -> None:
        """The store has changed, or another run is shown: nothing that was read still counts."""
        self._ready = {}

    def keep(self, detail: TraceDetail) -> None:
        """Somebody judged a trajectory: it is now this."""
        if detail.id in self._ready:
            self._ready[detail.id] = replace(self._ready[detail.id], detail=detail)

    def ready(self, trajectory_id: int) -> Opened | None:
        """A trajectory that has been read already."""
        return self._ready.get(trajectory_id)

    def ask(self, trajectory_id: int, done: Callable[[Opened], None], failed: Callable[[Exception], None]) -> None:
        """Read a trajectory in the background."""

        def took(opened: Opened) -> None:
            self._take(opened)
            done(opened)

        tasks.run(
            self._parent,
            lambda store: read(store, trajectory_id),
            took,
            failed=failed,
            key="trace",
            keep_running=True,
        )

    def prefetch(self, trajectory_ids: Iterable[int]) -> None:
        """Read these too, where they are not ready. They may be gone: then there is nothing to show early."""
        wanted = [one for one in trajectory_ids if one not in self._ready]
        if not wanted:
            return
        ready = self._ready

        def work(store: Store) -> list[Opened]:
            return [read(store, one) for one in wanted]

        def done(found: list[Opened]) -> None:
            if ready is self._ready:
                for one in found:
                    self._take(one)

        tasks.run(self._parent, work, done, failed=_ignored, key="ahead")

    def _take(self, opened: Opened) -> None:
        self._ready.pop(opened.detail.id, None)
        self._ready[opened.detail.id] = opened
        while len(self._ready) > KEPT:
            del self._ready[next(iter(self._ready))]


def _ignored(error: Exception) -> None:
    """Whoever opens the trajectory is told what is wrong with it."""
    del error
