"""Writing what an engine worker reports.

One batch of events is one transaction, and every row is an upsert, so that a phase that is done again after a
crash meets its own rows. Only log lines are added each time they come.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from sapo_studio.domain.progress import PhaseClock, progress, remaining_seconds, smoothed
from sapo_studio.domain.runs import PHASE_LABELS, RunStatus
from sapo_studio.events import kinds
from sapo_studio.events.kinds import Event
from sapo_studio.readable import sentences
from sapo_studio.store import curve_blocks
from sapo_studio.store.codec import pack_scores, row_id
from sapo_studio.store.db import Store
from sapo_studio.store.runs import set_status, status_of


def _upsert(table: str, key: Sequence[str], columns: Sequence[str]) -> str:
    names = [*key, *columns]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )


_QUESTION = _upsert("questions", ["id"], ["run_id", "split", "text", "solution", "answer", '"set"'])
_TRAJECTORY = _upsert(
    "trajectories",
    ["id"],
    [
        *("run_id", "question_id", "iteration", "sample", "source", "steps", "n_steps", "correct"),
        *("answer", "truth", "tokens", "copies"),
    ],
)
_SCORE = _upsert("scores", ["trajectory_id", "verifier"], ["scores", "mean", "predicted"])
_LABEL = _upsert(
    "labels",
    ["trajectory_id", "source"],
    ["iteration", "labels", '"case"', "predicted", "verified", "rollouts", "tokens"],
)
_TRAINING_LABEL = _upsert("training_labels", ["trajectory_id", "verifier"], ["labels", "reasons", "beliefs"])
_ROLLOUT = _upsert("rollouts", ["id"], ["trajectory_id", "iteration", "prefix", "text", "correct", "tokens"])
_PAIR = _upsert("pairs", ["id"], ["run_id", "iteration", "question_id", "winner_id", "loser_id", "margin", "used"])
_METRIC = _upsert("metrics", ["run_id", '"set"', "iteration", "name"], ["value", "low", "high", "n", "estimate"])
_COMPUTE = _upsert(
    "compute",
    ["run_id", "ordinal", "purpose"],
    ["generated", "prefill", "scored", "trained_reasoner", "trained_verifier", "flops", "complete"],
)
_CURVE = _upsert("curves", ["run_id", "ordinal", "name", "step"], ["value"])
_PHASE = _upsert("phases", ["run_id", "ordinal"], ["name", "iteration", "weight"])


class Ingest:
    """Writes the events of one run into the store.

    One object for each worker process; `clock` gives seconds since 1970.
    """

    def __init__(self, store: Store, run_id: str, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._run_id = run_id
        self._clock = clock
        self._number = int(store.value("SELECT number FROM runs WHERE id = ?", (run_id,)) or 0)
        self._paused = status_of(store, run_id) is RunStatus.PAUSED
        self._shown: float | None = None
        self._ticked = clock()
        self._phases: dict[int, PhaseClock] = {}
        self._own: set[int] = set()  # phases that this worker has begun
        self._latest: int | None = None  # the phase last started: it may end in the batch that starts it
        self._done_phases: list[int] = []  # by the batch at hand
        self._load_phases()

    def apply(self, events: Sequence[Event]) -> None:
        """Write `events`, all or none of them, in order.

        Raises StoreError; the store and this object are then as before the call.
        """
        if not events:
            return
        now = self._clock()
        curves: list[tuple[object, ...]] = []
        log: list[tuple[object, ...]] = []
        self._done_phases = []
        shown, ticked, paused, latest = self._shown, self._ticked, self._paused, self._latest
        passed = 0.0 if paused else max(0.0, now - ticked)
        try:
            with self._store.atomic():
                for event in events:
                    self._tick(now)
                    match event:
                        case kinds.CurvePoint():
                            curves.append((self._run_id, event.ordinal, event.name, event.step, event.value))
                        case kinds.Log():
                            log.append((self._run_id, now, event.level, event.message))
                        case _:
                            line = self._write(event, now)
                            if line is not None:
                                log.append((self._run_id, now, *line))
                self._store.execute_many(_CURVE, curves)
                for ordinal in self._done_phases:
                    curve_blocks.pack(self._store, self._run_id, ordinal)
                self._store.execute_many("INSERT INTO events (run_id, at, level, message) VALUES (?, ?, ?, ?)", log)
                self._write_progress(now, passed)
        except BaseException:
            self._shown, self._ticked, self._paused, self._latest = shown, ticked, paused, latest
            self._load_phases()
            raise

    def skip_time(self) -> None:
        """The time since the last batch was no work: the run waited."""
        self._ticked = self._clock()

    def _load_phases(self) -> None:
        self._phases = {
            ordinal: PhaseClock(
                *(ordinal, name, weight, status == "done", False, done / total if total else 0.0, seconds or 0.0),
                earlier=status == "done" and ordinal not in self._own,
            )
            for ordinal, name, weight, status, done, total, seconds in self._store.rows(
                "SELECT ordinal, name, weight, status, done, total, seconds FROM phases"
                " WHERE run_id = ? ORDER BY ordinal",
                (self._run_id,),
            )
        }

    def _write(self, event: Event, now: float) -> tuple[str, str] | None:
        """Write one event; what it returns goes to the log as (level, message)."""
        run, store = self._run_id, self._store
        match event:
            case kinds.Hello():
                store.execute("UPDATE runs SET device = ? WHERE id = ?", (event.device, run))
                versions = ", ".join(f"{name} {version}" for name, version in event.versions.items())
                return "info", f"worker {event.pid} on {event.device}" + (f" ({versions})" if versions else "")
            case kinds.Plan():
                store.execute_many(_PHASE, [(run, p.ordinal, p.name, p.iteration, p.weight) for p in event.phases])
                for planned in event.phases:
                    known = self._phases.setdefault(planned.ordinal, PhaseClock(planned.ordinal, planned.name, 1.0))
                    known.name, known.weight = planned.name, planned.weight
            case kinds.PhaseStarted() | kinds.PhaseProgress() | kinds.PhaseFinished():
                return self._write_phase(event, now)
            case kinds.Questions():
                store.execute_many(
                    _QUESTION,
                    [(self._id(q.number), run, q.split, q.text, q.solution, q.answer, q.set) for q in event.rows],
                )
            case kinds.Trajectories():
                store.execute_many(_TRAJECTORY, [self._trajectory(row) for row in event.rows])
            case kinds.Scores():
                store.execute_many(
                    _SCORE,
                    [
                        (self._id(s.trajectory), event.verifier, pack_scores(s.scores), _mean(s.scores), s.predicted)
                        for s in event.rows
                    ],
                )
            case kinds.Labels():
                store.execute_many(
                    _LABEL,
                    [
                        (
                            *(self._id(r.trajectory), event.source, event.iteration, r.labels),
                            *(r.case, r.predicted, r.verified, r.rollouts, r.tokens),
                        )
                        for r in event.rows
                    ],
                )
                store.execute_many(
                    'UPDATE trajectories SET "case" = ?, verified = ? WHERE id = ?',
                    [(r.case, r.verified, self._id(r.trajectory)) for r in event.rows if r.case],
                )
            case kinds.TrainingLabels():
                store.execute_many(
                    _TRAINING_LABEL,
                    [
                        (
                            *(self._id(r.trajectory), event.verifier, r.labels, r.reasons),
                            pack_scores(r.beliefs) if r.beliefs else None,
                        )
                        for r in event.rows
                    ],
                )
            case kinds.Rollouts():
                store.execute_many(
                    _ROLLOUT,
                    [
                        (
                            *(self._id(r.number), self._id(r.trajectory), event.iteration),
                            *(r.prefix, r.text, r.correct, r.tokens),
                        )
                        for r in event.rows
                    ],
                )
            case kinds.Pairs():
                store.execute_many(
                    _PAIR,
                    [
                        (
                            *(self._id(p.number), run, event.iteration, self._id(p.question)),
                            *(self._id(p.winner), self._id(p.loser), p.margin, p.used),
                        )
                        for p in event.rows
                    ],
                )
            case kinds.Metric():
                store.execute(
                    _METRIC,
                    (
                        *(run, event.set, event.iteration, event.name),
                        *(event.value, event.low, event.high, event.n, event.estimate),
                    ),
                )
            case kinds.PhaseCompute():
                store.execute_many(
                    _COMPUTE,
                    [
                        (
                            *(run, event.ordinal, purpose, row.generated, row.prefill, row.scored),
                            *(row.trained_reasoner, row.trained_verifier, float(row.flops), row.complete),
                        )
                        for purpose, row in (("method", event.method), ("evaluation", event.evaluation))
                    ],
                )
            case kinds.Paused():
                self._paused = event.paused
                set_status(store, run, RunStatus.PAUSED if event.paused else RunStatus.RUNNING)
                return "info", "paused" if event.paused else "resumed"
            case kinds.Failed():
                return "error", sentences(event.what, event.why, event.fix)
            case kinds.IterationEnded() | kinds.Beat():
                return None
            case kinds.JudgementsWanted():
                return "info", f"what people say joins the labels of V_{event.verifier}"
            case kinds.Finished():
                return "info", "all phases are done" if event.complete else "stopped on request"
            case kinds.CurvePoint() | kinds.Log():
                raise AssertionError("written by apply")
        return None

    def _id(self, number: int) -> int:
        return row_id(self._number, number)

    def _trajectory(self, row: kinds.TrajectoryRow) -> tuple[object, ...]:
        steps = json.dumps(row.steps, ensure_ascii=False)
        place = (self._id(row.number), self._run_id, self._id(row.question), row.iteration, row.sample, row.source)
        return (*place, steps, len(row.steps), row.correct, row.answer, row.truth, row.tokens, row.copies)

    def _write_phase(
        self, event: kinds.PhaseStarted | kinds.PhaseProgress | kinds.PhaseFinished, now: float
    ) -> tuple[str, str] | None:
        """Progress of a phase that is done changes nothing; only a new start (its artefact was lost) opens it again."""
        phase = self._phases.get(event.ordinal)
        if phase is None:
            return "warning", f"an event about phase {event.ordinal}, which is not in the plan"
        if phase.done and not isinstance(event, kinds.PhaseStarted):
            return None
        where = (self._run_id, event.ordinal)
        match event:
            case kinds.PhaseStarted():
                self._latest = event.ordinal
                for other in self._phases.values():
                    other.running = False
                self._own.add(event.ordinal)
                phase.earlier = False
                phase.begun_before = phase.fraction > 0.0
                phase.done, phase.running, phase.seconds, phase.fraction, phase.resumed_at = (
                    False,
                    True,
                    0.0,
                    0.0,
                    0.0,
                )
                self._store.execute(
                    "UPDATE phases SET status = 'running', done = 0, total = ?, unit = ?, message = '', started_at = ?,"
                    " finished_at = NULL, seconds = NULL WHERE run_id = ? AND ordinal = ?",
                    (event.total, event.unit, now, *where),
                )
                return None
            case kinds.PhaseProgress():
                fraction = min(1.0, event.done / event.total) if event.total > 0 else 0.0
                if phase.begun_before and phase.fraction == 0.0 and phase.seconds < 1.0 and fraction > 0.1:
                    phase.resumed_at = fraction  # found done by an earlier attempt
                phase.fraction = fraction
                self._store.execute(
                    "UPDATE phases SET done = ?, total = ?, message = ? WHERE run_id = ? AND ordinal = ?",
                    (event.done, event.total, event.message, *where),
                )
                return None
            case kinds.PhaseFinished():
                phase.done, phase.running = True, False
                phase.seconds = event.seconds or phase.seconds
                self._store.execute(
                    "UPDATE phases SET status = 'done', done = total, artefact = ?, finished_at = ?, seconds = ?,"
                    " message = '' WHERE run_id = ? AND ordinal = ?",
                    (event.artefact, now, phase.seconds, *where),
                )
                self._done_phases.append(event.ordinal)
                return "info", f"{PHASE_LABELS.get(phase.name, phase.name)} done in {phase.seconds:.1f} s"

    def _tick(self, now: float) -> None:
        """Give the time since the last call to the phase under way, unless it is paused."""
        passed = max(0.0, now - self._ticked)
        self._ticked = now
        if self._paused:
            return
        for phase in self._phases.values():
            if phase.running:
                phase.seconds += passed

    def _write_progress(self, now: float, passed: float) -> None:
        phases = sorted(self._phases.values(), key=lambda phase: phase.ordinal)
        self._shown = smoothed(self._shown, passed, remaining_seconds(phases))
        self._store.execute(
            "UPDATE runs SET progress = ?, eta_seconds = ?, phase_ordinal = coalesce(?, phase_ordinal),"
            " heartbeat_at = ? WHERE id = ?",
            (progress(phases), self._shown, self._latest, now, self._run_id),
        )


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0
