"""What people ask of a run, by rows of the table `commands` or by a signal, and how far it has been carried out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from sapo_engine.parent.store_wait import StoreWait
from sapo_engine.parent.worker_process import WorkerProcess
from sapo_studio.domain.runs import Verb
from sapo_studio.errors import StoreError
from sapo_studio.store import runs
from sapo_studio.store.db import Store
from sapo_studio.store.records import Command

POLL_SECONDS = 0.25
"""How often command rows are looked for, and how long the parent's loop sleeps at most."""

WITHDRAWN = {Verb.PAUSE: Verb.RESUME, Verb.STOP_AFTER_PHASE: Verb.KEEP_GOING}
"""What lies between being passed on and being carried out, and what takes it back: its row stays open so long, and is
closed by whoever withdraws it (`store.pending_commands`)."""

STOP_SECONDS = 30.0
"""How long a worker may take to end in good order before it is killed."""


class Orders:
    """Passes on to the worker what is asked of a run. `reconfigure` is called where the configuration has changed,
    `warn` writes into the run's log."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        wait: StoreWait,
        *,
        reconfigure: Callable[[WorkerProcess], None],
        warn: Callable[[str], None],
    ) -> None:
        self._store, self._run_id, self._wait = store, run_id, wait
        self._reconfigure, self._warn = reconfigure, warn
        self.pause = False
        """Whether somebody wants the run to pause."""
        self.is_paused = False
        """Whether the worker has said that it does."""
        self._stop_after_phase = self._signalled = False
        self._passed_on: dict[int, Verb] = {}  # rows of WITHDRAWN that are still open, by id
        self._stop_by: float | None = None
        self._next_poll = 0.0

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to stop, as far as commands have been read."""
        return self._stop_by is not None or self._signalled

    def on_signal(self, number: int, frame: object) -> None:
        """The process was asked to end."""
        self._signalled = True

    def stop_wanted(self) -> bool:
        """Whether somebody asks the run to stop, while it waits and takes no other orders."""
        if self.stopping:
            return True
        with contextlib.suppress(StoreError):
            return any(order.verb is Verb.STOP for order in runs.open_commands(self._store, self._run_id))
        return False

    def repeat(self, worker: WorkerProcess) -> None:
        """What was asked of the worker before this one still holds."""
        if self.pause:
            worker.order(Verb.PAUSE)
        if self._stop_after_phase:
            worker.order(Verb.STOP_AFTER_PHASE)

    def note_paused(self, is_paused: bool) -> None:
        """The worker says that it pauses, or goes on."""
        self.is_paused = is_paused
        if is_paused and self.pause:
            self._close_pauses()

    def poll(self, worker: WorkerProcess) -> None:
        """Carry out what is asked by now. A worker that does not stop in time is killed."""
        now = time.monotonic()
        if self._signalled and self._stop_by is None:
            self._obey(Verb.STOP, worker)
        if now >= self._next_poll:
            self._next_poll = now + POLL_SECONDS
            self._take_commands(self._wait.do(lambda: runs.open_commands(self._store, self._run_id)), worker)
        if self._stop_by is not None and now > self._stop_by:
            self._stop_by = now + STOP_SECONDS
            self._warn(f"The worker did not stop within {STOP_SECONDS:.0f} s; killed.")
            worker.kill()

    def _take_commands(self, commands: Sequence[Command], worker: WorkerProcess) -> None:
        """Carry out what is asked, and take back what was withdrawn since."""
        still_open = {command.id for command in commands}
        for identity in [known for known in self._passed_on if known not in still_open]:
            verb = self._passed_on.pop(identity)
            if verb not in self._passed_on.values():
                self._obey(WITHDRAWN[verb], worker)
        for command in commands:
            if command.id in self._passed_on:
                continue
            self._obey(command.verb, worker)
            if command.verb in WITHDRAWN and not (command.verb is Verb.PAUSE and self.is_paused):
                self._passed_on[command.id] = command.verb
            else:
                self._wait.do(lambda id_=command.id: runs.mark_handled(self._store, [id_]))
            if command.verb is Verb.RESUME:
                self._close_pauses()

    def _close_pauses(self) -> None:
        """The run is paused, or goes on: nothing of what was asked of it is left to be done."""
        pauses = [identity for identity, verb in self._passed_on.items() if verb is Verb.PAUSE]
        if pauses:
            self._wait.do(lambda: runs.mark_handled(self._store, pauses))
        for identity in pauses:
            del self._passed_on[identity]

    def _obey(self, verb: Verb, worker: WorkerProcess) -> None:
        match verb:
            case Verb.PAUSE:
                self.pause = True
            case Verb.RESUME:
                self.pause = False
            case Verb.STOP_AFTER_PHASE:
                self._stop_after_phase = True
            case Verb.KEEP_GOING:
                self._stop_after_phase = False
            case Verb.STOP:
                if self._stop_by is None:
                    self._stop_by = time.monotonic() + STOP_SECONDS
            case Verb.RECONFIGURE:
                self._reconfigure(worker)
                return
            case Verb.CHECKPOINT:
                pass
        worker.order(verb)
