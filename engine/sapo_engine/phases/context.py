"""What a run's code needs of the outside: phases with artefacts, shards, events out, orders in.

Of several processes the leader alone sends, listens and writes; whether to stop, pause or save, and what is done
already, is decided by it and shared, so that all ranks do the same.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sapo_engine.phases.orders import Orders, Word
from sapo_engine.process_group import ALONE, Group
from sapo_studio.domain.metrics import (
    Share,
)
from sapo_studio.domain.runs import PlannedPhase
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
)
from sapo_studio.files import read_manifest, write_atomic, write_folder

T = TypeVar("T")
PROGRESS_SECONDS = 0.2
PAUSE_SECONDS = 30.0
"""How often ranks that wait in a pause hear that it goes on."""


class Codec(Protocol, Generic[T]):
    """How a phase's result is kept in its artefact folder."""

    def save(self, value: T, folder: Path) -> None:
        """Write `value` into the existing, empty `folder`."""
        ...

    def load(self, folder: Path) -> T:
        """Read it back."""
        ...


class Context:
    """The run's surroundings. `emit` sends an event; `done` are the phases that the store has as finished; `group` are
    the processes that work on the run.
    """

    def __init__(
        self,
        run_dir: Path,
        plan: Sequence[PlannedPhase],
        emit: Callable[[Event], None],
        orders: Orders | None = None,
        done: Sequence[int] = (),
        checkpoint_seconds: float = 30.0,
        group: Group = ALONE,
    ) -> None:
        self.run_dir = run_dir
        self.plan = plan
        self.group = group
        self._emit = emit
        self.orders = orders or Orders()
        self.done = frozenset(done)
        self.checkpoint_seconds = checkpoint_seconds
        self._next = 0

    def emit(self, event: Event) -> None:
        """Send an event. Of several processes the leader does."""
        if self.group.leader:
            self._emit(event)

    def phase(self, name: str, iteration: int, work: Callable[[Phase], T], codec: Codec[T]) -> T:
        """The result of the next phase of the plan: read back where it is done, else worked out and kept.

        `work` gets the Phase to report to. Raises Stopped where the run is to end.
        """
        planned = self.plan[self._next]
        if (planned.name, planned.iteration) != (name, iteration):
            raise AssertionError(f"the plan has {planned.name} {planned.iteration} here, the loop {name} {iteration}")
        self._next += 1
        folder = self.run_dir / "artefacts" / f"{planned.ordinal:03d}-{name}-{iteration}"
        group = self.group
        if group.share(planned.ordinal in self.done and read_manifest(folder) is not None):
            return codec.load(folder)
        phase = Phase(self, planned, folder.with_name(folder.name + ".shards"))
        phase.breathe()
        self.emit(PhaseStarted(ordinal=planned.ordinal))
        began = time.monotonic()
        if group.leader:
            phase.shards.mkdir(parents=True, exist_ok=True)
        value = work(phase)
        seconds = time.monotonic() - began
        if group.leader:
            write_folder(folder, lambda part: codec.save(value, part), {"name": name, "iteration": iteration})
        self.emit(PhaseFinished(ordinal=planned.ordinal, artefact=folder.name, seconds=seconds))
        if group.leader:
            shutil.rmtree(phase.shards, ignore_errors=True)
        if group.share(self.orders.stop_after_phase) and self._next < len(self.plan):
            raise Stopped("The run was stopped after the phase that was under way")
        return value


@dataclass(slots=True)
class Phase:
    """A phase at work. Implements `training.TrainingCallback`."""

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
        group = self.context.group
        word = group.broadcast_int(self._word(save is not None) if group.leader else Word.GO)
        if word == Word.PAUSE:
            if save:
                save()
            self.emit(Paused(paused=True))
            while group.broadcast_int(group.leader and self.context.orders.wait_while_paused(PAUSE_SECONDS)):
                pass
            self.emit(Paused(paused=False))
            word = group.broadcast_int(Word.STOP if group.leader and self.context.orders.stop else Word.GO)
        if save and word in (Word.SAVE, Word.STOP):
            save()
        if word == Word.STOP:
            raise Stopped("The run was stopped")

    def _word(self, can_save: bool) -> Word:
        """What is to happen now, as the leader sees it."""
        orders = self.context.orders
        if orders.paused:
            return Word.PAUSE
        if orders.stop:
            return Word.STOP
        now = time.monotonic()
        if self._last_save == 0.0:
            self._last_save = now
        if can_save and (orders.take_checkpoint() or now - self._last_save >= self.context.checkpoint_seconds):
            self._last_save = now
            return Word.SAVE
        return Word.GO

    @property
    def state_file(self) -> Path:
        """Where a training inside this phase keeps its position."""
        return self.shards / "training.safetensors"

    def shard(self, index: int, make: Callable[[], bytes]) -> bytes:
        """Shard `index` of this phase: what an earlier attempt left, or `make()`, kept at once."""
        self.breathe()
        group = self.context.group
        file = self.shards / f"{index:05d}"
        kept = group.share(file.read_bytes() if group.leader and file.exists() else None)
        if kept is not None:
            return kept
        data = make()
        if group.leader:
            write_atomic(file, data)
        # Everybody goes on with the same bytes, whatever there is in making them that time or chance decides.
        return group.share(data)


def send_share(phase: Phase, name: str, share: Share) -> None:
    """A share with its interval."""
    if share.n:
        phase.metric(name, share.value, low=share.low, high=share.high, n=share.n)
