"""What a run's code needs of the outside: phases with artefacts, shards, events out, orders in."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sapo_engine.checkpoint import read_manifest, write_atomic, write_folder
from sapo_studio.domain.runs import Verb
from sapo_studio.errors import Stopped
from sapo_studio.events.kinds import (
    CurvePoint,
    Event,
    Log,
    Metric,
    Paused,
    PhaseFinished,
    PhaseProgress,
    PhaseStarted,
    PlannedPhase,
)

T = TypeVar("T")
PROGRESS_SECONDS = 0.2


class Codec(Protocol, Generic[T]):
    """How a phase's result is kept in its artefact folder."""

    def save(self, value: T, folder: Path) -> None:
        """Write `value` into the existing, empty `folder`."""
        ...

    def load(self, folder: Path) -> T:
        """Read it back."""
        ...


class Orders:
    """What the parent has asked for. Set from the thread that listens, read at step boundaries."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = False
        self._stop = False
        self._after_phase = False
        self._checkpoint = False

    def take(self, verb: Verb) -> None:
        """Note an order."""
        with self._changed:
            match verb:
                case Verb.PAUSE:
                    self._paused = True
                case Verb.RESUME:
                    self._paused = False
                case Verb.STOP:
                    self._stop = True
                case Verb.STOP_AFTER_PHASE:
                    self._after_phase = True
                case Verb.CHECKPOINT:
                    self._checkpoint = True
            self._changed.notify_all()

    @property
    def stop(self) -> bool:
        """Whether to end at the next step boundary."""
        return self._stop

    @property
    def paused(self) -> bool:
        """Whether to wait at the next step boundary."""
        return self._paused and not self._stop

    @property
    def stop_after_phase(self) -> bool:
        """Whether to end when the phase under way is done."""
        return self._after_phase

    def take_checkpoint(self) -> bool:
        """Whether a checkpoint was asked for since the last call."""
        asked, self._checkpoint = self._checkpoint, False
        return asked

    def wait_while_paused(self) -> None:
        """Return once the run may go on, or is to stop."""
        with self._changed:
            self._changed.wait_for(lambda: not self.paused)


class Context:
    """The run's surroundings. `emit` sends an event; `done` are the phases that the store has as finished."""

    def __init__(
        self,
        run_dir: Path,
        plan: Sequence[PlannedPhase],
        emit: Callable[[Event], None],
        orders: Orders | None = None,
        done: Sequence[int] = (),
        checkpoint_seconds: float = 30.0,
    ) -> None:
        self.run_dir = run_dir
        self.plan = plan
        self.emit = emit
        self.orders = orders or Orders()
        self.done = frozenset(done)
        self.checkpoint_seconds = checkpoint_seconds
        self._next = 0

    def phase(self, name: str, iteration: int, work: Callable[[Phase], T], codec: Codec[T]) -> T:
        """The result of the next phase of the plan: read back where it is done, else worked out and kept.

        `work` gets the Phase to report to. Raises Stopped where the run is to end.
        """
        planned = self.plan[self._next]
        if (planned.name, planned.iteration) != (name, iteration):
            raise AssertionError(f"the plan has {planned.name} {planned.iteration} here, the loop {name} {iteration}")
        self._next += 1
        folder = self.run_dir / "artefacts" / f"{planned.ordinal:03d}-{name}-{iteration}"
        if planned.ordinal in self.done and read_manifest(folder) is not None:
            return codec.load(folder)
        phase = Phase(self, planned, folder.with_name(folder.name + ".shards"))
        phase.breathe()
        self.emit(PhaseStarted(ordinal=planned.ordinal))
        began = time.monotonic()
        phase.shards.mkdir(parents=True, exist_ok=True)
        value = work(phase)
        seconds = time.monotonic() - began
        write_folder(folder, lambda part: codec.save(value, part), {"name": name, "iteration": iteration})
        self.emit(PhaseFinished(ordinal=planned.ordinal, artefact=folder.name, seconds=seconds))
        shutil.rmtree(phase.shards, ignore_errors=True)
        if self.orders.stop_after_phase and self._next < len(self.plan):
            raise Stopped("The run was stopped after the phase that was under way")
        return value


@dataclass(slots=True)
class Phase:
    """A phase at work. Implements `training.Watcher`."""

    context: Context
    planned: PlannedPhase
    shards: Path
    _last_save: float = 0.0
    _last_progress: float = 0.0

    @property
    def iteration(self) -> int:
        """The iteration that the phase belongs to."""
        return self.planned.iteration

    def emit(self, event: Event) -> None:
        """Send an event."""
        self.context.emit(event)

    def log(self, message: str, level: str = "info") -> None:
        """A line for the log."""
        self.emit(Log(level=level, message=message))

    def metric(
        self,
        name: str,
        value: float,
        *,
        low: float | None = None,
        high: float | None = None,
        n: int | None = None,
        estimate: bool = False,
    ) -> None:
        """A number of this iteration."""
        self.emit(Metric(iteration=self.iteration, name=name, value=value, low=low, high=high, n=n, estimate=estimate))

    def progress(self, done: int, total: int, message: str = "") -> None:
        """`done` of `total` units; sent a few times a second at most."""
        now = time.monotonic()
        if done >= total or now - self._last_progress >= PROGRESS_SECONDS:
            self._last_progress = now
            self.emit(PhaseProgress(ordinal=self.planned.ordinal, done=done, total=total, message=message))

    def curve(self, name: str, step: int, value: float) -> None:
        """A point of a training curve."""
        self.emit(CurvePoint(ordinal=self.planned.ordinal, name=name, step=step, value=value))

    def breathe(self, save: Callable[[], None] | None = None) -> None:
        """A step boundary: wait while paused, stop if asked to (after `save()`), `save()` when a checkpoint is due."""
        orders = self.context.orders
        if orders.paused:
            if save:
                save()
            self.emit(Paused(paused=True))
            orders.wait_while_paused()
            self.emit(Paused(paused=False))
        if orders.stop:
            if save:
                save()
            raise Stopped("The run was stopped")
        now = time.monotonic()
        if self._last_save == 0.0:
            self._last_save = now
        if save and (orders.take_checkpoint() or now - self._last_save >= self.context.checkpoint_seconds):
            self._last_save = now
            save()

    @property
    def state_file(self) -> Path:
        """Where a training inside this phase keeps its position."""
        return self.shards / "training.safetensors"

    def shard(self, index: int, make: Callable[[], bytes]) -> bytes:
        """Shard `index` of this phase: what an earlier attempt left, or `make()`, kept at once."""
        self.breathe()
        file = self.shards / f"{index:05d}"
        if file.exists():
            return file.read_bytes()
        data = make()
        write_atomic(file, data)
        return data
