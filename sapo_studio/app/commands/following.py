"""Following a run from the terminal: a live picture for a person, JSON lines for a program. Both read the store."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from sapo_studio import supervisor
from sapo_studio.app.commands.printing import say, say_json
from sapo_studio.app.commands.run_view import RunSnapshot, View
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import EngineError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, RunSummary

LOOK_SECONDS = 0.25
_RECONCILE_SECONDS = 1.0


def follow(store: Store, run_id: str, *, as_json: bool, steer: bool = True) -> int:
    """Show a run until it ends; returns the exit code (0 done, 3 stopped). Raises EngineError where it failed,
    InputError where that was the input's fault.

    With `steer`, a first Ctrl+C asks the engine to stop and a second one ends it. Without, Ctrl+C ends the following.
    """
    view: View
    if as_json or not sys.stdout.isatty():
        view = LinesView()
    else:
        from sapo_studio.app.commands.live_view import LiveView  # rich is slow to load, and a program needs none of it

        view = LiveView()
    with Interrupts() as interrupts, view:
        snapshot = _watch(store, run_id, view, interrupts, steer=steer)
        view.finish(snapshot)
    return _exit_code(snapshot.run)


def _watch(store: Store, run_id: str, view: View, interrupts: Interrupts, *, steer: bool) -> RunSnapshot:
    heeded = 0
    note = ""
    last_line = 0
    was_alive = False
    version = -1
    next_reconcile = 0.0
    while True:
        if interrupts.count > heeded:
            heeded += 1
            note = _heed(store, run_id, heeded, steer=steer)
            version = -1
        now = time.monotonic()
        alive = supervisor.engine_alive(store, run_id)
        if not alive and now >= next_reconcile:
            next_reconcile = now + _RECONCILE_SECONDS
            supervisor.reconcile(store)
        current = store.data_version()
        run = queries.get_run(store, run_id)
        was_alive = was_alive or run.status.alive
        # A run that is being resumed keeps its old status until the new engine has it.
        ended = not run.status.alive and run.status is not RunStatus.QUEUED and (was_alive or not alive)
        if current != version or ended:
            version = current
            lines = queries.log(store, run_id, after_id=last_line, levels=["warning", "error"])
            last_line = lines[-1].id if lines else last_line
            sets = queries.metrics_by_set(store, run_id)
            own = sets.pop("", {})
            snapshot = RunSnapshot(run, queries.phases(store, run_id), own, lines, note, sets)
            if ended or (heeded and not steer):
                return snapshot
            view.show(snapshot)
        time.sleep(LOOK_SECONDS)


def _heed(store: Store, run_id: str, count: int, *, steer: bool) -> str:
    if not steer:
        return "The run goes on."
    run = queries.get_run(store, run_id)
    if not run.status.alive and not supervisor.engine_alive(store, run_id):
        return ""  # it has just ended by itself
    if count == 1:
        supervisor.stop(store, run_id, "Ctrl+C")
        return "Stopping at the next step. Ctrl+C again ends it at once."
    supervisor.kill(store, run_id)
    return "Ended at once."


def _exit_code(run: RunSummary) -> int:
    match run.status:
        case RunStatus.DONE:
            return 0
        case RunStatus.STOPPED:
            return 3
        case RunStatus.FAILED:
            raise run.error.error() if run.error else EngineError(f"{run.id} failed")
        case RunStatus.INTERRUPTED:
            raise EngineError(
                f"{run.id} was interrupted",
                why="Its engine was killed, or the machine went down.",
                fix=f"Go on with it: sapo resume {run.id}",
            )
        case _:
            return 0  # no longer followed; it goes on


class Interrupts:
    """Counts Ctrl+C instead of raising KeyboardInterrupt in the middle of something."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


def _metrics_of(snapshot: RunSnapshot) -> Iterator[tuple[str, int, str, MetricValue]]:
    """All numbers so far: set, iteration, name and value."""
    for of, metrics in (("", snapshot.metrics), *snapshot.sets.items()):
        for iteration, values in sorted(metrics.items()):
            for name, metric in values.items():
                yield of, iteration, name, metric


class LinesView:
    """JSON, one object a line: phases, metrics and warnings as they come; `run_finished` is the last."""

    def __init__(self) -> None:
        self._told: dict[object, object] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, snapshot: RunSnapshot) -> None:
        """Print what is new."""
        run = snapshot.run
        self._tell("run", str(run.status), {"kind": "run", "run_id": run.id, "status": str(run.status)})
        for phase in snapshot.phases:
            if phase.status != "pending":
                line: dict[str, Any] = {
                    "kind": "phase",
                    "ordinal": phase.ordinal,
                    "phase": phase.name,
                    "iteration": phase.iteration,
                    "status": phase.status,
                }
                if phase.status == "done":
                    line["seconds"] = phase.seconds
                self._tell(("phase", phase.ordinal), phase.status, line)
        for of, iteration, name, metric in _metrics_of(snapshot):
            line: dict[str, Any] = {"kind": "metric", "iteration": iteration, "name": name, "value": metric.value}
            if of:
                line["set"] = of
            if metric.low is not None and metric.high is not None:
                line |= {"low": metric.low, "high": metric.high}
            if metric.n is not None:
                line["n"] = metric.n
            if metric.estimate:
                line["estimate"] = True
            self._tell(("metric", of, iteration, name), metric, line)
        for entry in snapshot.log:
            emit({"kind": "log", "level": entry.level, "message": entry.message})

    def finish(self, snapshot: RunSnapshot) -> None:
        """Print what is left, and how the run ended."""
        self.show(snapshot)
        if snapshot.run.status.alive:
            return
        run = snapshot.run
        line: dict[str, Any] = {"kind": "run_finished", "run_id": run.id, "status": str(run.status)}
        if run.error is not None and run.status is RunStatus.FAILED:
            line["error"] = {"what": run.error.what, "why": run.error.why, "fix": run.error.fix}
        emit(line)

    def _tell(self, key: object, state: object, line: dict[str, Any]) -> None:
        if self._told.get(key) != state:
            self._told[key] = state
            emit(line)


def emit(line: dict[str, Any]) -> None:
    """Print one line of JSON, at once."""
    say_json(line)


def answer(run_id: str, status: str, sentence: str, *, as_json: bool) -> None:
    """Say what became of a request."""
    if as_json:
        emit({"kind": "run", "run_id": run_id, "status": status})
    else:
        say(f"{run_id}: {sentence}")


def detached(run_id: str, *, as_json: bool) -> int:
    """Say that a run keeps running in the background."""
    if as_json:
        emit({"kind": "run_started", "run_id": run_id})
    else:
        say(f"{run_id} keeps running in the background. Watch it: sapo follow {run_id}   Stop it: sapo stop {run_id}")
    return 0
