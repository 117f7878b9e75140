"""Ends a worker that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable

from sapo_engine.parent.stacks import dump_stacks
from sapo_engine.parent.worker_process import WorkerProcess
from sapo_studio.errors import EngineError


class HangWatch:
    """Knows when the worker last said something, and ends it where that is too long ago."""

    def __init__(self) -> None:
        self._heard = time.monotonic()
        self._works = False
        """Whether the worker is past loading, which may take long and says nothing."""
        self._hung: EngineError | None = None

    def begin(self) -> None:
        """A new worker starts, and loads."""
        self._works, self._heard = False, time.monotonic()

    def heard(self) -> None:
        """The worker said something, or had no chance to."""
        self._heard = time.monotonic()

    def at_work(self) -> None:
        """The worker is past loading."""
        self._works = True

    def take_reason(self) -> EngineError | None:
        """Why the worker was ended, once; None where it did not hang."""
        reason, self._hung = self._hung, None
        return reason

    def end_if_it_hangs(self, worker: WorkerProcess, limit: float, warn: Callable[[str], None]) -> None:
        """A worker that has said nothing for `limit` seconds (0: never), between two steps of a phase, does not come
        back by itself. What it is at goes to `warn`, and it is ended, which counts as a death."""
        silent = time.monotonic() - self._heard
        if not limit or not self._works or silent < limit or worker.ended:
            return
        stacks = dump_stacks(worker.pid, worker.log)
        self._hung = EngineError(
            "The engine worker hangs",
            why=f"It said nothing for {silent:.0f} s (runtime.hang_seconds = {limit:g}). Its stacks are in the log.",
            fix="Resume the run. If single steps take that long, raise runtime.hang_seconds.",
        )
        warn(f"The stacks of the worker that hangs:\n{stacks}" if stacks else "The worker that hangs shows no stacks.")
        self._works = False
        worker.kill()
