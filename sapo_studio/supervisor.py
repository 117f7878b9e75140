"""Starting, steering and finding engines. The window and the command line use nothing else to do it.

An engine lives on its own: it outlives the window and the terminal that started it. What it is asked to do goes through
rows in the store, so that any window or terminal can steer any run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sapo_studio import __version__, engines, paths, processes
from sapo_studio.config.card_check import check_cards
from sapo_studio.config.changes import Change, changed
from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.errors import EngineError, InputError
from sapo_studio.events import PROTOCOL
from sapo_studio.hardware import CardUse, CardWatch
from sapo_studio.processes import ProcessIdentity
from sapo_studio.store import queries, run_queue, runs
from sapo_studio.store.db import Store
from sapo_studio.store.faults import StoreFault
from sapo_studio.store.records import ErrorText, RunSummary

SILENT_SECONDS = 10.0
"""A heartbeat younger than this speaks for an engine whose start time does not match: then the clock was set."""

CARD_SECONDS = 5.0
"""How long a card's driver may take to notice that a process has ended."""

PARENT_LOG = "parent.log"
"""What the engine's parent printed since it was last started."""
PARENT_LOG_BEFORE = "parent.before.log"
"""What it printed the time before, if that was anything."""
QUEUE_LOG = "queue.log"

CARDS_VARIABLE = "SAPO_CARDS"
"""Tells an engine the cards (UUIDs, with commas) that the queue has placed its run on."""


def launch(store: Store, run_id: str, *, cards: Sequence[str] = (), from_queue: bool = False) -> None:
    """Start an engine for a queued, stopped, interrupted or failed run. Returns at once. Of several callers, in
    whatever process, one starts it and the others are refused.

    `cards`: UUIDs of those it is to work on, none to go by its configuration. `from_queue`: its turn has come in the
    queue; refused where somebody has taken it out, or paused the queue, since that was seen.

    Raises InputError where the run is running, being started or done, or the Python that its engine is to live in
    cannot run it; EngineError where no process can be started.
    """
    reconcile(store)
    folder = store.run_dir(run_id)
    python, note = _fitting_python(queries.get_config(store, run_id).runtime.engine_python)
    try:
        # One transaction from the look to the note: the next caller sees the process, and so does the engine itself,
        # which takes the run with another one. Nothing slow happens in here.
        with store.atomic():
            run = queries.get_run(store, run_id)
            _check_free(run)
            if from_queue:
                run_queue.check_turn(store, run_id)
            runs.mark_handled(store, [command.id for command in runs.open_commands(store, run_id)])
            identity = _start_engine(store, run_id, folder, python, cards)
            run_queue.mark_started(store, run_id, cards)
            if note:
                runs.add_log(store, run_id, "warning", note)
            # Written now, so that an engine that dies before it has the run is found out. The engine writes the same.
            runs.heartbeat(store, run_id, pid=identity.pid, pid_started=identity.started)
    except OSError as error:
        raise EngineError(
            "The engine could not be started", why=str(error), fix=f"Check that {folder} can be written to."
        ) from error


def refuse_import(run: RunSummary) -> None:
    """Raises InputError for an imported file: nothing can be done with it that engines do."""
    if run.imported:
        raise InputError(
            f"{run.id} is an imported file, not a run",
            why="No engine has ever worked on it.",
            fix="`sapo export` writes it, `sapo score` scores it by a verifier.",
        )


def _check_free(run: RunSummary) -> None:
    refuse_import(run)
    if run.binned_at is not None:
        raise InputError(f"{run.id} is in the bin", fix=f"Take it out first: sapo bin restore {run.id}")
    if not run.status.resumable:
        raise InputError(
            f"{run.id} is {run.status}",
            why="An engine works on it." if run.status.alive else "Nothing is left to do.",
            fix=f"Stop it first: sapo stop {run.id}" if run.status.alive else "Start a new run.",
        )
    if is_held(run):
        raise being_started(run)


def being_started(run: RunSummary) -> InputError:
    """What is said to who comes second to a run whose engine has only just begun."""
    return InputError(
        f"{run.id} is being started",
        why=f"Process {run.pid} is about to work on it.",
        fix="Wait a moment; it will show up as running.",
    )


def engine_python(chosen: str = "") -> Path:
    """The Python that the engine of a run lives in (`engines.python_of`). Another one than this process's is asked
    what it has first, which takes a second; InputError where that will not do, NoEngine where there is none at all.
    """
    return _fitting_python(chosen)[0]


def _fitting_python(chosen: str) -> tuple[Path, str]:
    """The same, and what is to be said of it."""
    python = engines.python_of(chosen)
    if engines.is_own(python):
        engines.check_own()
        return python, ""
    found = engines.look(python)
    engines.check(found, PROTOCOL)
    return python, engines.other_release(found, __version__)


def _start_engine(store: Store, run_id: str, folder: Path, python: Path, cards: Sequence[str]) -> ProcessIdentity:
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / PARENT_LOG
    if said.exists() and said.stat().st_size:  # what stands in it tells how this start goes, not how the last one went
        said.replace(folder / PARENT_LOG_BEFORE)
    command = [str(python), "-P", "-m", "sapo_engine", "run", run_id]
    return _detached(store, command, folder, PARENT_LOG, {CARDS_VARIABLE: ",".join(cards)})


def _detached(
    store: Store, command: list[str], folder: Path, log_name: str, more: Mapping[str, str] | None = None
) -> ProcessIdentity:
    with (folder / log_name).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(more or {}), paths.HOME_VARIABLE: str(store.path.parent)},
            cwd=folder,  # stays where it is; the folder we were started in may go during a run
            start_new_session=True,
            creationflags=processes.detached_flags(),
        )
    processes.remember(process)
    try:
        return processes.identify(process.pid)
    except ProcessLookupError:
        return ProcessIdentity(process.pid, 0.0)  # ended already: the next to look finds it gone and says why


def wake_queue(store: Store) -> bool:
    """Start the process that looks after the queue of runs, where it has something to do and there is none. Cheap.
    Returns whether one was started."""
    if store.only_reading is not None or not run_queue.has_work(store) or queue_process(store) is not None:
        return False
    try:
        with store.atomic():
            if not run_queue.has_work(store) or queue_process(store) is not None:
                return False
            command = [sys.executable, "-P", "-m", "sapo_studio.app.run_queue"]
            identity = _detached(store, command, store.path.parent, QUEUE_LOG)
            run_queue.set_process(store, identity.pid, identity.started)
            return True
    except OSError as error:
        raise EngineError(
            "The queue's process could not be started",
            why=str(error),
            fix=f"Check that {store.path.parent} can be written to.",
        ) from error


def queue_process(store: Store) -> ProcessIdentity | None:
    """The process that looks after the queue, if it lives."""
    told = run_queue.process(store)
    identity = None if told is None else ProcessIdentity(*told)
    return identity if identity is not None and processes.is_alive(identity) else None


def reconcile(store: Store) -> list[str]:
    """Mark runs whose engine is gone as interrupted (or failed, where it said why it cannot work on the run). Returns
    their ids. Cheap.

    Whoever looks at runs calls this. So after a reboot the queue of runs goes on as soon as somebody looks.

    Where that cannot be written down (a full disk, a read-only folder) or a run's row is damaged, runs stay as they
    are: who only wants to look shall not be kept from it.
    """
    processes.collect()
    changed: list[str] = []
    for run in queries.list_runs(store):
        if not _orphaned(run):
            continue
        try:
            moved = _mark_orphan(store, run.id)
        except StoreFault as fault:
            if fault.kind in ("full", "read-only", "row"):
                continue
            raise
        if moved:
            if run.pid is not None:
                processes.sweep_orphans(run.pid)
            changed.append(run.id)
    try:
        wake_queue(store)
    except StoreFault as fault:
        if fault.kind not in ("full", "read-only", "row"):
            raise
    return changed


def _mark_orphan(store: Store, run_id: str) -> bool:
    with store.atomic():
        run = queries.get_run(store, run_id)  # it may have moved on since
        if not _orphaned(run):
            return False
        trouble = None if run.status.alive else starting_trouble(store, run)
        if not run.status.alive and run.status is not RunStatus.QUEUED:
            runs.set_status(store, run.id, RunStatus.RUNNING)  # the way to both leads over it
        if trouble is None:
            runs.set_status(store, run.id, RunStatus.INTERRUPTED)
        else:
            runs.set_status(store, run.id, RunStatus.FAILED, ErrorText.of(trouble))
    return True


def _orphaned(run: RunSummary) -> bool:
    launched = run.status.resumable and run.pid is not None  # an engine was started that has not taken the run yet
    return (run.status.alive or launched) and not is_held(run)


def is_held(run: RunSummary) -> bool:
    """Whether the process that was last known to work on the run, or to be about to, still exists."""
    if run.pid is None:
        return False
    if processes.is_alive(ProcessIdentity(run.pid, run.pid_started or 0.0)):
        return True
    fresh = run.heartbeat_at is not None and 0 <= time.time() - run.heartbeat_at < SILENT_SECONDS
    return run.status.alive and fresh and processes.is_running(run.pid)


def engine_alive(store: Store, run_id: str) -> bool:
    """The same, looked up."""
    return is_held(queries.get_run(store, run_id))


def starting_trouble(store: Store, run: RunSummary) -> EngineError | None:
    """Why an engine ended before it had its run, by what it printed and how it ended. None where it was lost: killed,
    or gone with the machine, before it could say anything. Then nothing is known to be wrong with the run."""
    log = store.run_dir(run.id) / PARENT_LOG
    said = _last_lines(log)
    code = None if run.pid is None else processes.exit_code(run.pid)
    if not said and (code is None or code < 0):
        return None
    why = said or f"It ended with exit code {code} and said nothing."
    return EngineError("The engine exited during startup", why=why, fix=f"Its output is in {log}.")


def _last_lines(log: Path, count: int = 3) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line for line in lines if line.strip()][-count:])


def pause(store: Store, run_id: str, sender: str = "") -> None:
    """Ask the engine to wait at its next step boundary. Raises InputError where none runs."""
    _ask(store, run_id, Verb.PAUSE, sender)


def resume(store: Store, run_id: str, sender: str = "", settings: Sequence[str] = ()) -> None:
    """Let a paused engine go on; start one for a run that has none. Raises InputError for a run that is done.

    `settings`: `section.key=value` of what is to be another from now on (`config.changes`); it is written down who
    asked, and when. InputError where one may not change, or not while an engine works on the run.
    """
    reconcile(store)
    if settings:
        change_config(store, run_id, settings, sender)
    if queries.get_run(store, run_id).status.alive:
        _ask(store, run_id, Verb.RESUME, sender)
    else:
        check_cards(queries.get_config(store, run_id))
        launch(store, run_id)


def change_config(store: Store, run_id: str, settings: Sequence[str], sender: str = "") -> list[Change]:
    """Change the configuration of a run, and return what is now another. See `resume`. Where an engine works on it, it
    is told, and takes over what decides which labels are trained on."""
    with store.atomic():
        run = queries.get_run(store, run_id)
        works = run.status.alive and is_held(run)
        if not works:
            _check_free(run)
        phases = queries.phases(store, run_id)
        left = {phase.name for phase in phases if phase.status != "done"}
        done = {phase.name for phase in phases} - left
        config, changes = changed(queries.get_config(store, run_id), settings, done, works=works)
        if changes:
            runs.change_config(store, run_id, config, changes, sender, "Goes on with" if works else "Resumed with")
        if changes and works:
            runs.request(store, run_id, Verb.RECONFIGURE, sender)
        return changes


def stop(store: Store, run_id: str, sender: str = "") -> None:
    """Ask the engine to end at its next step boundary. A run that waits for an engine is stopped at once."""
    reconcile(store)
    with store.atomic():
        run = queries.get_run(store, run_id)
        refuse_import(run)
        if run.status is RunStatus.QUEUED and run.pid is None:
            runs.set_status(store, run_id, RunStatus.STOPPED)
            run_queue.forget(store, run_id)
            return
    _ask(store, run_id, Verb.STOP, sender)


def stop_after_phase(store: Store, run_id: str, sender: str = "") -> None:
    """Ask the engine to end when the phase under way is done. Raises InputError where none runs."""
    _ask(store, run_id, Verb.STOP_AFTER_PHASE, sender)


def checkpoint(store: Store, run_id: str, sender: str = "") -> None:
    """Ask the engine to save now what it would lose in a crash. Raises InputError where none runs."""
    _ask(store, run_id, Verb.CHECKPOINT, sender)


@dataclass(frozen=True, slots=True)
class CardBack:
    """A card that a killed engine worked on: bytes that it held, that it is still said to hold, and that are free."""

    number: int
    held: int
    still: int
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a killed engine: how many processes ended, of which none is left, and the cards they were on."""

    processes: int
    cards: tuple[CardBack, ...] = ()

    @property
    def words(self) -> str:
        """As sentences."""
        count = f"{self.processes} processes" if self.processes != 1 else "1 process"
        said = [f"{count} ended, none is left." if self.processes else "No process was left."]
        for card in self.cards:
            free = f"{card.free / 2**30:.1f} of {card.total / 2**30:.1f} GB are free"
            if card.still:
                said.append(f"Card {card.number} still shows {card.still / 2**30:.1f} GB as held; {free}.")
            else:
                said.append(f"Card {card.number} has {card.held / 2**30:.1f} GB back; {free}.")
        return " ".join(said)


def kill(store: Store, run_id: str) -> Ended:
    """End the engine of a run at once, with all its processes, and mark the run stopped. Returns what it was sure of:
    every process is looked for again, and the cards are asked until they show none of them.

    What was committed stays; the phase under way goes on from its last shard when the run is resumed.
    """
    run = queries.get_run(store, run_id)
    refuse_import(run)
    ended = Ended(0)
    if is_held(run) and run.pid is not None:
        identity = ProcessIdentity(run.pid, run.pid_started or 0.0)
        family = processes.family(identity)
        watch = CardWatch()
        try:
            before = watch.look()
            gone = processes.kill_tree(identity) and not any(processes.is_alive(one) for one in family)
            ended = Ended(len(family), _cards_back(watch, before, {one.pid for one in family}) if gone else ())
        finally:
            watch.close()
        if not gone:
            raise EngineError(
                f"The engine of {run_id} does not end",
                why=f"Process {run.pid} or one it started is stuck in the system, or belongs to another user.",
                fix="Try again in a moment, or restart the machine.",
            )
    elif not run.status.alive:
        raise InputError(f"{run_id} is {run.status}", why="No engine works on it.", fix="There is nothing to end.")
    with store.atomic():
        if queries.get_run(store, run_id).status in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED):
            runs.set_status(store, run_id, RunStatus.STOPPED)
            runs.add_log(store, run_id, "warning", f"Killed. {ended.words}")
    processes.collect()
    return ended


def _cards_back(watch: CardWatch, before: tuple[CardUse, ...], pids: set[int]) -> tuple[CardBack, ...]:
    """The cards that processes `pids` were on, once the driver shows none of them there, or `CARD_SECONDS` later: it
    takes a moment to notice that a process has ended."""
    held = {card.uuid: size for card in before if (size := sum(card.held.get(pid, 0) for pid in pids))}
    until = time.monotonic() + CARD_SECONDS
    while held:
        now = [card for card in watch.look() if card.uuid in held]
        still = {card.uuid: sum(card.held.get(pid, 0) for pid in pids) for card in now}
        if not any(still.values()) or time.monotonic() > until:
            return tuple(
                CardBack(card.number, held[card.uuid], still[card.uuid], card.free, card.total) for card in now
            )
        time.sleep(0.05)
    return ()


def _ask(store: Store, run_id: str, verb: Verb, sender: str) -> None:
    reconcile(store)
    with store.atomic():
        run = queries.get_run(store, run_id)
        refuse_import(run)
        if not run.status.alive and not is_held(run):
            raise InputError(
                f"{run_id} is {run.status}",
                why="No engine works on it.",
                fix=f"Start it with `sapo resume {run_id}`." if run.status.resumable else "There is nothing to do.",
            )
        runs.request(store, run_id, verb, sender)


def wait_until(
    store: Store, run_id: str, wanted: Callable[[RunSummary], bool], *, timeout: float = 40.0
) -> RunSummary | None:
    """Wait until a run is as `wanted`. None where it is not within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not engine_alive(store, run_id):
            reconcile(store)
        run = queries.get_run(store, run_id)
        if wanted(run):
            return run
        time.sleep(0.05)
    return None
