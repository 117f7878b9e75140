"""What state a run can be in, which changes of state are legal, and the phases that it goes through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    DONE = "done"

    @property
    def alive(self) -> bool:
        """Whether an engine process should exist for a run in this state."""
        return self in (RunStatus.RUNNING, RunStatus.PAUSED)

    @property
    def resumable(self) -> bool:
        """Whether `resume` may start an engine for a run in this state."""
        return self in (RunStatus.QUEUED, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED)


LEGAL: dict[RunStatus, frozenset[RunStatus]] = {
    # Failed or interrupted: by an engine that was started and never took the run.
    RunStatus.QUEUED: frozenset({RunStatus.RUNNING, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED}),
    RunStatus.RUNNING: frozenset(
        {RunStatus.PAUSED, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED, RunStatus.DONE}
    ),
    RunStatus.PAUSED: frozenset({RunStatus.RUNNING, RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED}),
    RunStatus.STOPPED: frozenset({RunStatus.RUNNING, RunStatus.QUEUED}),
    RunStatus.INTERRUPTED: frozenset({RunStatus.RUNNING, RunStatus.QUEUED}),
    RunStatus.FAILED: frozenset({RunStatus.RUNNING, RunStatus.QUEUED}),
    RunStatus.DONE: frozenset(),
}
"""From each state, the states that may follow."""


class Verb(StrEnum):
    """What a command row asks of a running engine."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP_AFTER_PHASE = "stop_after_phase"
    KEEP_GOING = "keep_going"
    """Takes `STOP_AFTER_PHASE` back."""
    RECONFIGURE = "reconfigure"
    """Says that the run's configuration is another now, in what may change while it runs."""
    STOP = "stop"
    CHECKPOINT = "checkpoint"


RESTARTED = "Starting it again"
"""How the log tells of a worker that died and is started again; what shows restarts looks for it."""


class PhaseName(StrEnum):
    """The phases of a run, in the order of Algorithm 1."""

    SFT = "sft"
    BENCHMARK = "benchmark"
    SAMPLE = "sample"
    SCORE = "score"
    LABEL = "label"
    VERIFIER = "verifier"
    RATE = "rate"
    PAIRS = "pairs"
    ALIGN = "align"
    EVALUATE = "evaluate"


PHASE_LABELS: dict[str, str] = {
    PhaseName.SFT: "Warm-up",
    PhaseName.BENCHMARK: "Benchmark",
    PhaseName.SAMPLE: "Sample",
    PhaseName.SCORE: "Score",
    PhaseName.LABEL: "Label",
    PhaseName.VERIFIER: "Verifier",
    PhaseName.RATE: "Rate",
    PhaseName.PAIRS: "Pair",
    PhaseName.ALIGN: "Align",
    PhaseName.EVALUATE: "Evaluate",
}
"""What a phase is called on screen."""


@dataclass(frozen=True, slots=True)
class PlannedPhase:
    """One phase that a run will go through. `weight` is its share of the run's forecast time (any unit).

    `name` is one of PhaseName, as text: the plan of a worker of another version may know others.
    """

    ordinal: int
    name: str
    iteration: int
    weight: float = 1.0
