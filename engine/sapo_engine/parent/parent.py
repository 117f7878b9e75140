"""The engine's parent: runs one run, is the only one that writes its data, and leaves nothing behind. No torch here.

It starts a worker, commits what the worker reports, passes on what people ask for through command rows, starts the
worker again when it dies, and says in the end how the run went.
"""

from __future__ import annotations

import contextlib
import signal
import time
import traceback

from sapo_engine.parent import exit_reasons as deaths
from sapo_engine.parent.claim import claim, placed
from sapo_engine.parent.ending import Ending
from sapo_engine.parent.hang_watch import HangWatch
from sapo_engine.parent.orders import POLL_SECONDS, Orders
from sapo_engine.parent.run_folder import prepare_folder
from sapo_engine.parent.store_wait import StopWhileWaiting, StoreWait
from sapo_engine.parent.wording import failure, say, worded
from sapo_engine.parent.worker_process import WorkerProcess, worker_command
from sapo_studio import processes
from sapo_studio.domain.runs import RESTARTED, RunStatus, Verb
from sapo_studio.errors import EngineError, SapoError, StoreError
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
from sapo_studio.readable import sentences
from sapo_studio.store import benchmarks, queries, runs
from sapo_studio.store.alarms import raise_alarms
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault
from sapo_studio.store.human_verdicts import steps_by_people
from sapo_studio.store.ingest import Ingest
from sapo_studio.store.maintenance import StoreMaintenance
from sapo_studio.store.records import ErrorText

HEARTBEAT_SECONDS = 1.0


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
        self._orders = Orders(store, run_id, self._wait, reconfigure=self._reconfigure, warn=self._warn)
        self._ending = Ending(store, run_id, self._wait)
        self._hang = HangWatch()
        self._last_heartbeat = time.monotonic()

    def run(self) -> RunStatus:
        """Work until the run is done, failed or stopped, and return which. The store says the same, with the reason."""
        processes.become_subreaper()
        for name in ("SIGTERM", "SIGINT"):
            signal.signal(getattr(signal, name), self._orders.on_signal)
        maintenance: StoreMaintenance | None = None
        error: SapoError | None = None
        try:
            self._wait.do(lambda: benchmarks.pinned(self._store, self._config))  # its files, for the worker
            self._wait.do(lambda: prepare_folder(self._folder, self._config))
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

    # One attempt is one worker's life.

    def _attempts(self, maintenance: StoreMaintenance) -> RunStatus:
        while True:
            self._word = None
            waits = self._wait.times
            worker = self._worker = self._start()
            while not worker.ended:
                if events := worker.collect(POLL_SECONDS):
                    self._hang.heard()
                self._commit(events)
                self._beat()
                if not self._orders.pause and not self._orders.is_paused:
                    self._hang.end_if_it_hangs(worker, self._config.runtime.hang_seconds, self._warn)
                self._orders.poll(worker)
                maintenance.tick()
                self._tell(maintenance)
            code = worker.wait()
            processes.sweep_descendants()
            worker.close()
            if self._lacked_room(worker, waits):
                continue
            match self._last_word():
                case Finished(complete=True):
                    self._ending.check_complete()
                    return RunStatus.DONE
                case Failed(retry=False) as word:
                    raise failure(word, self._run_id)
                case Finished(again=why) if why and not self._orders.stopping:
                    self._commit([Log(message=why)])
                    continue
                case Finished():
                    return RunStatus.STOPPED
                case _ if hung := self._hang.take_reason():
                    reason = hung
                case _ if self._orders.stopping:
                    return RunStatus.STOPPED
                case Failed() as word:
                    reason = failure(word, self._run_id)
                case _:
                    reason = worker.reason(code)
            self._report_death(reason, worker)

    def _start(self) -> WorkerProcess:
        self._hang.begin()
        if self._orders.is_paused:
            # The new worker says so itself once it waits again.
            self._orders.is_paused = False
            self._wait.do(lambda: runs.set_status(self._store, self._run_id, RunStatus.RUNNING))
        self._ingest = Ingest(self._store, self._run_id)
        done = [phase.ordinal for phase in queries.phases(self._store, self._run_id) if phase.status == "done"]
        start = Start(config=self._config.model_dump(mode="json"), run_dir=str(self._folder), done=done)
        runtime = self._config.runtime
        worker = WorkerProcess(
            worker_command(runtime, self._folder, again=self._restarts > 0),
            start,
            self._folder / "engine.log",
            threads=runtime.threads,
            # One that names a card by its number among all (`cuda:1`) has to see all.
            gpus=runtime.gpus if runtime.device.startswith("cuda:") else ",".join(placed()) or runtime.gpus,
        )
        self._orders.repeat(worker)
        return worker

    def _report_death(self, reason: SapoError, worker: WorkerProcess) -> None:
        """Keep why the worker died. Raises it where it may not be started again."""
        limit = self._config.runtime.max_restarts
        events: list[Event] = []
        if written := deaths.tail(worker.log, worker.log_offset):
            events.append(Log(level="error", message=f"The end of the worker's log:\n{written}"))
        again = self._restarts < limit
        message = sentences(reason.what, reason.why)
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
                if self._orders.stopping:
                    return False
                said = deaths.tail(worker.log, worker.log_offset)
                return self._wait.for_worker(said, times=waits, silent=True)

    # What waiting needs to know and to say.

    def stop_wanted(self) -> bool:
        """Whether somebody asks the run to stop, while it waits and takes no other orders."""
        return self._orders.stop_wanted()

    def hold(self, wait: bool) -> None:
        """Have the worker pause at its next step while the store waits, or go on."""
        if self._worker is not None and not self._orders.pause:
            self._worker.order(Verb.PAUSE if wait else Verb.RESUME)
        self.still_there()

    def still_there(self) -> None:
        """A heartbeat, if the store takes it. The time was not spent on work."""
        self._last_heartbeat = time.monotonic()
        self._hang.heard()
        self._ingest.skip_time()
        with contextlib.suppress(StoreError):
            self._heartbeat()

    @property
    def paused(self) -> bool:
        """Whether the run is paused because somebody wants it."""
        return self._orders.is_paused

    def _last_word(self) -> Finished | Failed | None:
        return self._word

    # What the loop does.

    def _commit(self, events: list[Event]) -> None:
        if not events:
            return
        told = [worded(event) for event in events]
        self._wait.do(lambda: self._ingest.apply(told), lambda: sum(len(encode(event)) for event in events))
        for event in events:
            if isinstance(event, Hello) and event.protocol != PROTOCOL:
                raise EngineError(
                    "The engine worker is of another version",
                    why=f"It speaks protocol {event.protocol}, this program {PROTOCOL}.",
                    fix="Install both from one release: pip install --upgrade 'sapo-studio[engine]'",
                )
            if isinstance(event, PhaseStarted):
                self._hang.at_work()
            elif isinstance(event, Paused):
                self._orders.note_paused(event.paused)
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
        why = self._ending.ends_after(self._config, iteration)
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
            active=0.0 if self._orders.is_paused else now - self._last_heartbeat,
            restarts=self._restarts_before + self._restarts,
        )
        self._last_heartbeat = now

    def _reconfigure(self, worker: WorkerProcess) -> None:
        """Take over what has changed in the configuration: for this worker, for the next, and for services."""
        self._config = self._wait.do(lambda: queries.get_config(self._store, self._run_id))
        self._wait.do(lambda: prepare_folder(self._folder, self._config))
        worker.tell_label_settings(self._config.labeling.model_dump(mode="json"))

    def _warn(self, message: str) -> None:
        self._commit([Log(level="warning", message=message)])

    def _tell(self, maintenance: StoreMaintenance) -> None:
        if maintenance.trouble:
            message, maintenance.trouble = maintenance.trouble, ""
            self._warn(message)

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
