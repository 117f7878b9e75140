"""What a run's code needs of the outside: phases with artefacts, shards, events out, orders in.

Of several processes the leader alone sends, listens and writes; whether to stop, pause or save, and what is done
already, is decided by it and shared, so that all ranks do the same.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sapo_engine.phases.control import BoundaryAction, CheckpointTimer, ControlState
from sapo_engine.phases.run_files import RunFiles
from sapo_engine.process_group import ALONE, Group
from sapo_engine.session import RunSession
from sapo_studio.config.changes import RATES, TRAINED_LABELS
from sapo_studio.config.schema import LabelingConfig, RunConfig
from sapo_studio.domain.ledger import EVALUATION_PHASES, Bill
from sapo_studio.domain.metrics import Share
from sapo_studio.domain.runs import PlannedPhase
from sapo_studio.errors import EngineError, Stopped
from sapo_studio.events.kinds import (
    Beat,
    ComputeRow,
    CurvePoint,
    Event,
    IterationEnded,
    Log,
    Metric,
    Paused,
    PhaseCompute,
    PhaseFinished,
    PhaseProgress,
    PhaseStarted,
)
from sapo_studio.files import read_manifest, write_atomic, write_folder

T = TypeVar("T")
TRAINED_LABEL_FIELDS = tuple(key.removeprefix("labeling.") for key in TRAINED_LABELS)
PROGRESS_SECONDS = 0.2
BEAT_SECONDS = 5.0
PARTS = 1000
"""A phase of several parts counts thousandths."""
PAUSE_SECONDS = 30.0
"""How often ranks that wait in a pause hear that it goes on."""


class TrainingDivergedError(EngineError):
    """A phase's training came to numbers that are none."""

    def __init__(self, phase: str, why: str) -> None:
        keys = [key for key, trains in RATES.items() if trains == phase]
        super().__init__(
            "Training diverged (non-finite loss)",
            why=why,
            fix="Resume with a lower learning rate, a third of it for example; the training begins anew with it: "
            + "sapo resume RUN"
            + "".join(f" --set {key}=..." for key in keys),
        )


class Codec(Protocol, Generic[T]):
    """How a phase's result is kept in its artefact folder."""

    def save(self, value: T, folder: Path) -> None:
        """Write `value` into the existing, empty `folder`."""
        ...

    def load(self, folder: Path) -> T:
        """Read it back."""
        ...


class RunContext:
    """A run at work: its `session`, the plan of its phases, events out and commands in.

    `emit` sends an event; `control` is what the parent asks for; `done` are the phases that the store has as finished.
    `clock` is what checkpoints go by, in seconds. `files` is for ranks that do not see the leader's folder.
    """

    def __init__(
        self,
        session: RunSession,
        plan: Sequence[PlannedPhase],
        emit: Callable[[Event], None],
        control: ControlState | None = None,
        done: Sequence[int] = (),
        checkpoint_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        files: RunFiles | None = None,
    ) -> None:
        self._files = files or RunFiles(session.run_dir, ALONE)
        self.session = session
        self.plan = plan
        self._emit = emit
        self.control = control or ControlState()
        self.done = frozenset(done)
        self._checkpoint_seconds = checkpoint_seconds
        self._clock = clock
        self._beaten = time.monotonic()
        self.sent_questions: set[int] = set()
        self._next = 0

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""
        return self.session.config

    def trained_labels(self) -> LabelingConfig:
        """What decides which labels are trained on, as it is now: it may change while the run goes on. All ranks ask
        together, and hear the same."""
        changed = self.group.share(self.control.label_settings)
        now = self.config.labeling
        return now if changed is None else now.model_copy(update={name: changed[name] for name in TRAINED_LABEL_FIELDS})

    @property
    def group(self) -> Group:
        """The processes that work on the run."""
        return self.session.group

    def emit(self, event: Event) -> None:
        """Send an event. Of several processes the leader does."""
        if self.group.leader:
            self._emit(event)

    def beat(self) -> None:
        """Say that the run gets on, every few seconds at most."""
        now = time.monotonic()
        if now - self._beaten >= BEAT_SECONDS:
            self._beaten = now
            self.emit(Beat())

    def goes_on(self, iteration: int) -> bool:
        """Whether the run goes on after `iteration`, or ends here by one of its rules (`early_stop`): the parent knows,
        which has the numbers of all iterations."""
        if not self.config.early_stop.rules.any:
            return True
        self.emit(IterationEnded(iteration=iteration))
        return bool(self.group.broadcast_int(self.group.leader and self.control.wait_for_go_on()))

    def phase(self, name: str, iteration: int, work: Callable[[PhaseContext], T], codec: Codec[T]) -> T:
        """The result of the next phase of the plan: read back where it is done, else worked out and kept.

        `work` gets the PhaseContext to report to. Raises Stopped where the run is to end.
        """
        planned = self.plan[self._next]
        if (planned.name, planned.iteration) != (name, iteration):
            raise AssertionError(f"the plan has {planned.name} {planned.iteration} here, the loop {name} {iteration}")
        self._next += 1
        folder = self._folder(planned)
        group = self.group
        meter = self.session.meter
        bill_file = self.session.run_dir / "compute" / f"{folder.name}.json"
        if group.share(planned.ordinal in self.done and read_manifest(folder) is not None):
            if (kept := read_bill(bill_file)) is not None:
                self._emit_bill(planned, kept)
            self._files.bring(folder)
            return codec.load(folder)
        timer = CheckpointTimer(self._checkpoint_seconds, self._clock)
        phase = PhaseContext(self, planned, folder.with_name(folder.name + ".shards"), timer)
        phase.poll_control()
        self.session.pool.heed = phase.heed
        self.emit(PhaseStarted(ordinal=planned.ordinal))
        began = time.monotonic()
        if group.leader:
            phase.shards.mkdir(parents=True, exist_ok=True)
        self._files.bring(phase.state_file)
        try:
            with meter.span() as bill, meter.measuring() if name in EVALUATION_PHASES else contextlib.nullcontext():
                value = work(phase)
        except FloatingPointError as error:
            raise TrainingDivergedError(name, str(error)) from error
        seconds = time.monotonic() - began
        if group.leader:
            # Before the artefact, so that none is without; beside it, so that its bytes are those of the result alone.
            bill_file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(bill_file, bill.to_json().encode())
            write_folder(folder, lambda part: codec.save(value, part), {"name": name, "iteration": iteration})
        self._emit_bill(planned, bill)
        self.emit(PhaseFinished(ordinal=planned.ordinal, artefact=folder.name, seconds=seconds))
        if group.leader:
            shutil.rmtree(phase.shards, ignore_errors=True)
        if group.share(self.control.stop_after_phase) and self._next < len(self.plan):
            raise Stopped("The run was stopped after the phase that was under way")
        return value

    def result_of(self, name: str, iteration: int, codec: Codec[T]) -> T:
        """What an earlier phase of this run has left, read from its artefact."""
        (planned,) = (p for p in self.plan if (p.name, p.iteration) == (name, iteration))
        self._files.bring(self._folder(planned))
        return codec.load(self._folder(planned))

    def _emit_bill(self, planned: PlannedPhase, bill: Bill) -> None:
        method, evaluation = (ComputeRow(**asdict(part)) for part in (bill.method, bill.evaluation))
        self.emit(PhaseCompute(ordinal=planned.ordinal, method=method, evaluation=evaluation))

    def _folder(self, planned: PlannedPhase) -> Path:
        return self.session.run_dir / "artefacts" / f"{planned.ordinal:03d}-{planned.name}-{planned.iteration}"


def read_bill(file: Path) -> Bill | None:
    """The bill in `file`; None where there is none, as earlier versions left none."""
    try:
        return Bill.from_json(file.read_bytes())
    except OSError:
        return None


@dataclass(slots=True)
class PhaseContext:
    """A phase at work: what it reports goes out, what is asked of it comes in. Implements `TrainingCallback`."""

    context: RunContext
    planned: PlannedPhase
    shards: Path
    checkpoints: CheckpointTimer
    _last_progress: float = 0.0
    _behind: float = 0.0  # share of the phase's work in parts that are done
    _span: float = 1.0  # in the part under way
    _asked: bool = False  # for a checkpoint, and not answered yet

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
        set: str = "",
    ) -> None:
        """A number of this iteration, measured on the evaluation set `set`."""
        self.emit(
            Metric(
                iteration=self.iteration, name=name, value=value, low=low, high=high, n=n, estimate=estimate, set=set
            )
        )

    def share(self, name: str, share: Share, set: str = "") -> None:
        """A share of this iteration, with its interval; nothing where there was nothing to count."""
        if share.n:
            self.metric(name, share.value, low=share.low, high=share.high, n=share.n, set=set)

    @contextlib.contextmanager
    def part(self, share: float) -> Generator[None]:
        """What `progress` is told inside is that of a part of the phase, or of the part around it, with such a share of
        its work. Parts follow one another, and their shares sum up to 1."""
        begin, span = self._behind, self._span
        self._span = span * share
        yield
        self._behind, self._span = begin + span * share, span

    def progress(self, done: int, total: int, message: str = "") -> None:
        """`done` of `total` units; sent a few times a second at most."""
        now = time.monotonic()
        if self._span < 1.0 and total > 0:
            done, total = round(PARTS * (self._behind + self._span * min(1.0, done / total))), PARTS
        if done >= total or now - self._last_progress >= PROGRESS_SECONDS:
            self._last_progress = now
            self.emit(PhaseProgress(ordinal=self.planned.ordinal, done=done, total=total, message=message))

    def curve(self, name: str, step: int, value: float) -> None:
        """A point of a training curve."""
        self.emit(CurvePoint(ordinal=self.planned.ordinal, name=name, step=step, value=value))

    def poll_control(self, save: Callable[[], None] | None = None) -> None:
        """A step boundary: wait while paused, stop if asked to (after `save()`), `save()` when a checkpoint is due."""
        group = self.context.group
        self.context.beat()
        action = group.broadcast_int(self._action(save is not None) if group.leader else BoundaryAction.GO)
        if action == BoundaryAction.PAUSE:
            if save:
                self._write(save)
            self.emit(Paused(paused=True))
            while group.broadcast_int(group.leader and self.context.control.wait_while_paused(PAUSE_SECONDS)):
                pass
            self.emit(Paused(paused=False))
            action = group.broadcast_int(
                BoundaryAction.STOP if group.leader and self.context.control.stop else BoundaryAction.GO
            )
        if save and action in (BoundaryAction.SAVE, BoundaryAction.STOP):
            self._write(save)
        self._answer_checkpoint(written=save is not None)
        if action == BoundaryAction.STOP:
            raise Stopped("The run was stopped")

    def heed(self) -> None:
        """In the midst of a step, where texts are written: say that the run gets on, wait while paused, stop if asked
        to and the step's end is not near. What a step has come to by then is not kept.

        Several processes stop between two steps alone: the others would wait for what this one does not bring.
        """
        context = self.context
        if not context.group.leader:
            return
        context.beat()
        if context.control.paused:
            self.emit(Paused(paused=True))
            while context.control.wait_while_paused(PAUSE_SECONDS):
                pass
            self.emit(Paused(paused=False))
        if context.control.stop_now and context.group.size == 1:
            raise Stopped("The run was stopped")

    def _answer_checkpoint(self, *, written: bool) -> None:
        """Say what became of a checkpoint that somebody asked for."""
        if self._asked:
            self._asked = False
            done = (
                "a checkpoint is written" if written else "this phase keeps each part as it is done: nothing to write"
            )
            self.emit(Log(message=f"Checkpoint asked for: {done}"))

    def _write(self, save: Callable[[], None]) -> None:
        with self.checkpoints.writing():
            save()

    def _action(self, can_save: bool) -> BoundaryAction:
        """What is to happen now, as the leader sees it."""
        control = self.context.control
        if control.paused:
            return BoundaryAction.PAUSE
        if control.stop:
            return BoundaryAction.STOP
        due = self.checkpoints.due()
        self._asked = control.take_checkpoint()
        if can_save and (self._asked or due):
            return BoundaryAction.SAVE
        return BoundaryAction.GO

    @property
    def state_file(self) -> Path:
        """Where a training inside this phase keeps its position."""
        return self.shards / "training.safetensors"

    def shard(self, index: int, make: Callable[[], bytes]) -> bytes:
        """Shard `index` of this phase: what an earlier attempt left, or `make()`, kept at once with its bill."""
        self.poll_control()
        group, meter = self.context.group, self.context.session.meter
        file = self.shards / f"{index:05d}"
        bill_file = file.with_suffix(".compute")
        kept = group.share(file.read_bytes() if group.leader and file.exists() else None)
        if kept is not None:
            meter.include(group.share(read_bill(bill_file)))
            return kept
        with meter.span() as bill:
            data = make()
        if group.leader:
            write_atomic(bill_file, bill.to_json().encode())
            write_atomic(file, data)
        # Everybody goes on with the same bytes, whatever there is in making them that time or chance decides.
        return group.share(data)
