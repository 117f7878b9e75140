"""The engine's parent: runs one run, is the only one that writes its data, and leaves nothing behind. No torch here.

It starts a worker, commits what the worker reports, passes on what people ask for through command rows, starts the
worker again when it dies, and says in the end how the run went.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w

from sapo_engine.parent import exit_reasons as deaths
from sapo_engine.parent.stacks import dump_stacks
from sapo_engine.parent.store_wait import SAYS_NO_ROOM, StopWhileWaiting, StoreWait
from sapo_engine.parent.worker_process import WorkerProcess, worker_command
from sapo_studio import files, processes, supervisor
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import RESTARTED, RunStatus, Verb
from sapo_studio.errors import EngineError, InputError, SapoError, StoreError
from sapo_studio.events import PROTOCOL, Event, encode
from sapo_studio.events.control import Start
from sapo_studio.events.kinds import (
    Failed,
    Finished,
    Hello,
    IterationEnded,
    JudgementsWanted,
    Log,
    Paused,
    PhaseFinished,
    PhaseStarted,
)
from sapo_studio.store import benchmarks, queries, run_queue, runs
from sapo_studio.store.alarms import raise_alarms
from sapo_studio.store.db import Store
from sapo_studio.store.early_stop import stopped_early
from sapo_studio.store.faults import NO_ROOM, StoreFault
from sapo_studio.store.human_verdicts import steps_by_people
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.maintenance import StoreMaintenance
from sapo_studio.store.records import Command, ErrorText, RunSummary

HEARTBEAT_SECONDS = 1.0
POLL_SECONDS = 0.25
"""How often command rows are looked for, and how long the loop sleeps at most."""

WITHDRAWN = {Verb.PAUSE: Verb.RESUME, Verb.STOP_AFTER_PHASE: Verb.KEEP_GOING}
"""What lies between being passed on and being carried out, and what takes it back: its row stays open so long, and is
closed by whoever withdraws it (`store.pending_commands`)."""

STOP_SECONDS = 30.0
"""How long a worker may take to end in good order before it is killed."""


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
        run_queue.mark_started(store, run_id, _placed())
        return run


def _placed() -> tuple[str, ...]:
    """The cards (UUIDs) that the queue has placed this engine's run on."""
    return tuple(filter(None, os.environ.get(supervisor.CARDS_VARIABLE, "").split(",")))


class Parent:
    """Supervises one run from claim to end: make it, then call `run`. InputError: the run is not to be had."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._folder = store.run_dir(run_id)
        self._me = processes.identify()
        self._config = queries.get_config(store, run_id)
        self._restarts_before = claim(store, run_id, self._me).restarts
        self._restarts = 0
        self._wait = StoreWait(store, run_id, self)
        self._ingest = Ingest(store, run_id)
        self._worker: WorkerProcess | None = None
        self._word: Finished | Failed | None = None
        self.error: SapoError | None = None
        """Why the run failed, once it has."""
        self._pause = self._is_paused = self._stop_after_phase = self._signalled = False
        self._passed_on: dict[int, Verb] = {}  # rows of WITHDRAWN that are still open, by id
        self._ended_early = False
        self._stop_by: float | None = None
        self._last_heartbeat = self._heard = time.monotonic()
        self._works = False
        """Whether the worker is past loading, which may take long and says nothing."""
        self._hung: EngineError | None = None
        self._next_poll = 0.0

    def run(self) -> RunStatus:
        """Work until the run is done, failed or stopped, and return which. The store says the same, with the reason."""
        processes.become_subreaper()
        for name in ("SIGTERM", "SIGINT"):
            signal.signal(getattr(signal, name), self._on_signal)
        maintenance: StoreMaintenance | None = None
        error: SapoError | None = None
        try:
            self._wait.do(lambda: benchmarks.pinned(self._store, self._config))  # its files, for the worker
            self._wait.do(lambda: _prepare_folder(self._folder, self._config))
            maintenance = self._wait.maintenance = StoreMaintenance(self._store, self._folder)
            self._raise_alarms()
            status = self._attempts(maintenance)
        except StopWhileWaiting:
            status = RunStatus.STOPPED
        except SapoError as failure:
            status, error = RunStatus.FAILED, failure
        except Exception as failure:
            say(traceback.format_exc())
            status = RunStatus.FAILED
            error = EngineError(
                "The engine ended by an error of its own",
                why=f"{type(failure).__name__}: {failure}",
                fix=f"Please report it with {self._folder / 'parent.log'}. The run can be resumed.",
            )
        finally:
            if self._worker is not None:
                self._worker.kill()
            processes.sweep_descendants()
        self.error = error
        gone = error if isinstance(error, StoreFault) and error.lost else None
        try:
            if gone is None:
                self._conclude(status, error, maintenance)
        except StoreFault as fault:
            if not fault.lost:
                raise
            gone = fault
        finally:
            if gone is not None:
                self._save_the_store(gone)
            if maintenance is not None:
                maintenance.close(keep=gone is None)
        return RunStatus.FAILED if gone is not None else status

    def _save_the_store(self, fault: StoreFault) -> None:
        """The file is no longer in its place, but as long as this process has it open, nothing is lost."""
        rescued = self._store.rescue()
        saved = "" if rescued is None else f"\nAll it held is in {rescued}; `sapo restore {rescued.name}` puts it back."
        say(f"{fault}{saved}")

    def _on_signal(self, number: int, frame: object) -> None:
        self._signalled = True

    # One attempt is one worker's life.

    def _attempts(self, maintenance: StoreMaintenance) -> RunStatus:
        while True:
            self._word = None
            waits = self._wait.times
            worker = self._worker = self._start()
            while not worker.ended:
                if events := worker.collect(POLL_SECONDS):
                    self._heard = time.monotonic()
                self._commit(events)
                self._beat()
                self._end_if_it_hangs(worker)
                self._poll(worker)
                maintenance.tick()
                self._tell(maintenance)
            code = worker.wait()
            processes.sweep_descendants()
            worker.close()
            if self._lacked_room(worker, waits):
                continue
            match self._last_word():
                case Finished(complete=True):
                    self._check_complete()
                    return RunStatus.DONE
                case Failed(retry=False) as word:
                    raise _failure(word, self._run_id)
                case Finished():
                    return RunStatus.STOPPED
                case _ if self._hung is not None:
                    reason, self._hung = self._hung, None
                case _ if self._stop_by is not None or self._signalled:
                    return RunStatus.STOPPED
                case Failed() as word:
                    reason = _failure(word, self._run_id)
                case _:
                    reason = worker.reason(code)
            self._report_death(reason, worker)

    def _end_if_it_hangs(self, worker: WorkerProcess) -> None:
        """A worker that has said nothing for too long, between two steps of a phase, does not come back by itself. What
        it is at is logged, and it is ended, which counts as a death."""
        limit = self._config.runtime.hang_seconds
        silent = time.monotonic() - self._heard
        if not limit or not self._works or self._pause or self._is_paused or silent < limit or worker.ended:
            return
        stacks = dump_stacks(worker.pid, worker.log)
        self._hung = EngineError(
            "The engine worker hangs",
            why=f"It said nothing for {silent:.0f} s (runtime.hang_seconds = {limit:g}). Its stacks are in the log.",
            fix="Resume the run. If single steps take that long, raise runtime.hang_seconds.",
        )
        said = f"The stacks of the worker that hangs:\n{stacks}" if stacks else "The worker that hangs shows no stacks."
        self._commit([Log(level="warning", message=said)])
        self._works = False
        worker.kill()

    def _start(self) -> WorkerProcess:
        self._works, self._heard = False, time.monotonic()
        if self._is_paused:
            # The new worker says so itself once it waits again.
            self._is_paused = False
            self._wait.do(lambda: runs.set_status(self._store, self._run_id, RunStatus.RUNNING))
        self._ingest = Ingest(self._store, self._run_id)
        done = [phase.ordinal for phase in queries.phases(self._store, self._run_id) if phase.status == "done"]
        start = Start(config=self._config.model_dump(mode="json"), run_dir=str(self._folder), done=done)
        runtime = self._config.runtime
        worker = WorkerProcess(
            worker_command(runtime, self._folder),
            start,
            self._folder / "engine.log",
            threads=runtime.threads,
            # One that names a card by its number among all (`cuda:1`) has to see all.
            gpus=runtime.gpus if runtime.device.startswith("cuda:") else ",".join(_placed()) or runtime.gpus,
        )
        # What was asked of the worker before this one still holds.
        if self._pause:
            worker.order(Verb.PAUSE)
        if self._stop_after_phase:
            worker.order(Verb.STOP_AFTER_PHASE)
        return worker

    def _report_death(self, reason: SapoError, worker: WorkerProcess) -> None:
        """Keep why the worker died. Raises it where it may not be started again."""
        limit = self._config.runtime.max_restarts
        events: list[Event] = []
        if written := deaths.tail(worker.log, worker.log_offset):
            events.append(Log(level="error", message=f"The end of the worker's log:\n{written}"))
        again = self._restarts < limit
        message = ". ".join(part.rstrip(".") for part in (reason.what, reason.why) if part) + "."
        if again:
            self._restarts += 1
            message += f" {RESTARTED} ({self._restarts} of {limit})."
        self._commit([*events, Log(level="warning" if again else "error", message=message)])
        if not again:
            raise reason
        self._wait.do(self._heartbeat)

    def _lacked_room(self, worker: WorkerProcess, waits: int) -> bool:
        """Whether the worker ended because its disk was full, and there is room now: then it is started again, and that
        does not count. `waits`: how often the store had been waited for when it began.
        """
        match self._last_word():
            case Finished():
                return False
            case Failed() as word:
                return self._wait.for_worker(f"{word.what} {word.why}", times=waits, silent=False)
            case None:
                if self._stop_by is not None or self._signalled:
                    return False
                said = deaths.tail(worker.log, worker.log_offset)
                return self._wait.for_worker(said, times=waits, silent=True)

    # What waiting needs to know and to say.

    def stop_wanted(self) -> bool:
        """Whether somebody asks the run to stop, while it waits and takes no other orders."""
        if self._signalled or self._stop_by is not None:
            return True
        with contextlib.suppress(StoreError):
            return any(order.verb is Verb.STOP for order in runs.open_commands(self._store, self._run_id))
        return False

    def hold(self, wait: bool) -> None:
        """Have the worker pause at its next step while the store waits, or go on."""
        if self._worker is not None and not self._pause:
            self._worker.order(Verb.PAUSE if wait else Verb.RESUME)
        self.still_there()

    def still_there(self) -> None:
        """A heartbeat, if the store takes it. The time was not spent on work."""
        self._last_heartbeat = self._heard = time.monotonic()
        self._ingest.skip_time()
        with contextlib.suppress(StoreError):
            self._heartbeat()

    @property
    def paused(self) -> bool:
        """Whether the run is paused because somebody wants it."""
        return self._is_paused

    def _last_word(self) -> Finished | Failed | None:
        return self._word

    def _check_complete(self) -> None:
        if self._ended_early:
            self._wait.do(lambda: runs.drop_pending_phases(self._store, self._run_id))
        missing = [phase for phase in queries.phases(self._store, self._run_id) if phase.status != "done"]
        if missing:
            raise EngineError(
                "The engine worker says that it is done, but phases are missing",
                why=", ".join(f"{phase.name} {phase.iteration}" for phase in missing[:5]),
                fix="Please report this. The run can be resumed.",
            )

    # What the loop does.

    def _commit(self, events: list[Event]) -> None:
        if not events:
            return
        told = [_worded(event) for event in events]
        self._wait.do(lambda: self._ingest.apply(told), lambda: sum(len(encode(event)) for event in events))
        for event in events:
            if isinstance(event, Hello) and event.protocol != PROTOCOL:
                raise EngineError(
                    "The engine worker is of another version",
                    why=f"It speaks protocol {event.protocol}, this program {PROTOCOL}.",
                    fix="Install both from one release: pip install --upgrade 'sapo-studio[engine]'",
                )
            if isinstance(event, PhaseStarted):
                self._works = True
            elif isinstance(event, Paused):
                self._is_paused = event.paused
                if event.paused and self._pause:
                    self._close_pauses()
            elif isinstance(event, Finished | Failed):
                self._word = event
            elif isinstance(event, JudgementsWanted) and self._worker is not None:
                self._worker.tell_judgements(self._wait.do(self._judged))
            elif isinstance(event, IterationEnded) and self._worker is not None:
                self._worker.tell_go_on(not self._ends_after(event.iteration))
        if any(isinstance(event, PhaseFinished) for event in events):
            self._raise_alarms()

    def _raise_alarms(self) -> None:
        """Look at the numbers of what is evaluated by now. Also for what an earlier attempt had no time to look at."""
        self._wait.do(lambda: raise_alarms(self._store, self._run_id, self._config))

    def _ends_after(self, iteration: int) -> bool:
        """Whether a rule of the configuration ends the run here; then it is written down why."""
        why = self._wait.do(lambda: stopped_early(self._store, self._run_id, self._config, iteration))
        self._ended_early = bool(why)
        if why:
            said = f"The run ends after iteration {iteration} of {self._config.iterations}: {why}."
            self._commit([Log(level="info", message=said)])
        return bool(why)

    def _judged(self) -> dict[int, dict[int, bool]]:
        return steps_by_people(self._store, queries.get_number(self._store, self._run_id))

    def _beat(self) -> None:
        if time.monotonic() - self._last_heartbeat >= HEARTBEAT_SECONDS:
            self._wait.do(self._heartbeat)

    def _heartbeat(self) -> None:
        now = time.monotonic()
        runs.heartbeat(
            self._store,
            self._run_id,
            pid=self._me.pid,
            pid_started=self._me.started,
            active=0.0 if self._is_paused else now - self._last_heartbeat,
            restarts=self._restarts_before + self._restarts,
        )
        self._last_heartbeat = now

    def _poll(self, worker: WorkerProcess) -> None:
        now = time.monotonic()
        if self._signalled and self._stop_by is None:
            self._obey(Verb.STOP, worker)
        if now >= self._next_poll:
            self._next_poll = now + POLL_SECONDS
            self._take_commands(self._wait.do(lambda: runs.open_commands(self._store, self._run_id)), worker)
        if self._stop_by is not None and now > self._stop_by:
            self._stop_by = now + STOP_SECONDS
            self._commit(
                [Log(level="warning", message=f"The worker did not stop within {STOP_SECONDS:.0f} s; killed.")]
            )
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
            if command.verb in WITHDRAWN and not (command.verb is Verb.PAUSE and self._is_paused):
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
                self._pause = True
            case Verb.RESUME:
                self._pause = False
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

    def _reconfigure(self, worker: WorkerProcess) -> None:
        """Take over what has changed in the configuration: for this worker, for the next, and for services."""
        self._config = self._wait.do(lambda: queries.get_config(self._store, self._run_id))
        self._wait.do(lambda: _prepare_folder(self._folder, self._config))
        worker.tell_label_settings(self._config.labeling.model_dump(mode="json"))

    def _tell(self, maintenance: StoreMaintenance) -> None:
        if maintenance.trouble:
            message, maintenance.trouble = maintenance.trouble, ""
            self._commit([Log(level="warning", message=message)])

    def _conclude(self, status: RunStatus, error: SapoError | None, maintenance: StoreMaintenance | None) -> None:
        """Write down how it went, also where the store has just refused something."""
        if error is not None:
            say(str(error))  # into parent.log: the store may be what failed
        told = ErrorText.of(error) if error is not None else None

        def write() -> None:
            with self._store.atomic():
                self._heartbeat()
                runs.set_status(self._store, self._run_id, status, told)

        for attempt in range(3):
            try:
                write()
                return
            except StoreError as fault:
                gone = isinstance(fault, StoreFault) and fault.lost
                if gone or (attempt == 2 and status is not RunStatus.DONE):
                    raise
                # A full disk: space was set aside for this, and emptying the log of changes may give more.
                if maintenance is not None:
                    maintenance.release_reserve()
                    maintenance.trim(1.0)
        self._wait.do(write)  # all the work is done: that is worth waiting for


def _failure(word: Failed, run_id: str) -> SapoError:
    """What a worker said last; commands in it that name no run are for this one."""
    if not SAYS_NO_ROOM.search(f"{word.what} {word.why}"):
        kind = InputError if word.bad_input else EngineError
        return kind(word.what, why=word.why, fix=word.fix.replace("sapo resume RUN", f"sapo resume {run_id}"))
    return EngineError(
        "The engine found no room for a file",
        why=word.why or word.what,
        fix="Free some space where it lies: the data folder, the folder for temporary files or the cache of models."
        " Then resume the run.",
    )


def _worded(event: Event) -> Event:
    """What the log says of `event`. That a disk is full is no fault of the program."""
    if not isinstance(event, Failed) or not SAYS_NO_ROOM.search(f"{event.what} {event.why}"):
        return event
    return Log(level="warning", message=f"The worker found no room for a file. {event.why or event.what}")


def say(text: str, descriptor: int = 1) -> None:
    """Write a line to standard output (parent.log) or standard error, if the disk takes it. Nothing waits in a buffer
    to fail later.
    """
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{text.rstrip()}\n".encode(errors="backslashreplace"))


def _prepare_folder(folder: Path, config: RunConfig) -> None:
    values: dict[str, Any] = config.model_dump(mode="json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_atomic(folder / "config.toml", tomli_w.dumps(values).encode())
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StoreFault(
                "full", f"The disk with {folder} is full", why=str(error), fix="Free some space."
            ) from error
        raise StoreError(
            f"Cannot write to the run's folder {folder}",
            why=str(error),
            fix="Make it writable, or free some space, and resume the run.",
        ) from error
