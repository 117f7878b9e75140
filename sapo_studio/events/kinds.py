"""Every kind of event. Rows are named by `number`, which counts within the run and is the same on every attempt,
so that a phase that is done again after a crash writes the same rows again instead of new ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sapo_studio.domain.runs import PlannedPhase
from sapo_studio.errors import InputError, SapoError

PROTOCOL = 2


# Checks are built when a kind is read or made for the first time: window and command line only know the kinds.
class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class Row(BaseModel):
    """A row inside an event."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class Hello(_Event):
    """The first line of a worker."""

    kind: Literal["hello"] = "hello"
    protocol: int = PROTOCOL
    pid: int
    device: str
    versions: dict[str, str] = {}


class Plan(_Event):
    """All phases of the run, in order."""

    kind: Literal["plan"] = "plan"
    phases: list[PlannedPhase]


class PhaseStarted(_Event):
    """A phase begins (or goes on after a restart)."""

    kind: Literal["phase_started"] = "phase_started"
    ordinal: int
    total: int = 0
    unit: str = ""


class PhaseProgress(_Event):
    """How far a phase is: `done` of `total` units."""

    kind: Literal["phase_progress"] = "phase_progress"
    ordinal: int
    done: int
    total: int
    message: str = ""


class PhaseFinished(_Event):
    """A phase is complete and its artefact, if it has one, lies in place. Everything sent before belongs to it."""

    kind: Literal["phase_finished"] = "phase_finished"
    ordinal: int
    artefact: str = ""
    seconds: float = 0.0


class QuestionRow(Row):
    """A question of the task. `split` is train, development, test or process. `set`: the evaluation set it belongs to,
    if it is one of those that the run names."""

    number: int
    split: str
    text: str
    solution: str
    answer: str
    set: str = ""


class Questions(_Event):
    """Questions that later rows refer to."""

    kind: Literal["questions"] = "questions"
    rows: list[QuestionRow]


class TrajectoryRow(Row):
    """A written solution, cut into steps. `source` is sample, solution (the task's own), expansion, process (the
    benchmark) or test (of an evaluation set; sample 0 is the greedy one).

    `truth` is the 1-based first wrong step where the task has a step oracle: 0 for none wrong, None where it is
    unknown. `copies` says how many equal samples this row stands for.
    """

    number: int
    question: int
    iteration: int
    sample: int
    source: str
    steps: list[str]
    correct: bool
    answer: str = ""
    truth: int | None = None
    tokens: int = 0
    copies: int = 1


class Trajectories(_Event):
    """New trajectories."""

    kind: Literal["trajectories"] = "trajectories"
    rows: list[TrajectoryRow]


class ScoreRow(Row):
    """v_1..v_n of one trajectory, and the predicted first error (1-based)."""

    trajectory: int
    scores: list[float]
    predicted: int


class Scores(_Event):
    """Scores by verifier V_`verifier`."""

    kind: Literal["scores"] = "scores"
    verifier: int
    rows: list[ScoreRow]


class LabelRow(Row):
    """Step labels of one trajectory: one character a step, `1` right, `0` wrong, `?` not labeled.

    `case` is how they came about. `right`: the answer is right, and so is every step. `confirmed`, `later`, `earlier`
    (`sapo`): where the first error lies, compared with the step that was suspected; what the paper calls noise (0, 1)
    is `later`, and `noise` is never written. `searched` (`omega`), `swept` (`shepherd`): found by the labeler's checks.
    `outcome`: no step was looked at. `expansion`: an expanded rollout. A labeler may bring further cases
    (`Labeler.cases`). `predicted` is the step that `sapo` suspected, the verifier's or (ablation) a random one,
    `verified` the first error as rollouts have it; both 1-based, 0 for none.
    """

    trajectory: int
    labels: str
    case: str = ""
    predicted: int = 0
    verified: int = 0
    rollouts: int = 0
    tokens: int = 0


class Labels(_Event):
    """Labels that a labeler wrote in an iteration."""

    kind: Literal["labels"] = "labels"
    iteration: int
    source: str
    rows: list[LabelRow]


class TrainingLabelRow(Row):
    """What a verifier was trained on where that is not the label as it was written. `labels`: one character a step, `?`
    where the step was left out. `reasons`: one character a step (domain/consensus.py). `beliefs`: the chance that each
    step is correct; empty where nobody reckoned it.
    """

    trajectory: int
    labels: str
    reasons: str
    beliefs: list[float] = []


class TrainingLabels(_Event):
    """Labels that V_`verifier` is trained on and that are not as they were written."""

    kind: Literal["training_labels"] = "training_labels"
    verifier: int
    rows: list[TrainingLabelRow]


class JudgementsWanted(_Event):
    """The worker asks what people say of the run's trajectories, to train V_`verifier` on. The answer is
    `control.Judgements`."""

    kind: Literal["judgements_wanted"] = "judgements_wanted"
    verifier: int


class IterationEnded(_Event):
    """An iteration is measured, and the worker asks whether the run goes on. Sent only where a rule of `early_stop` is
    on. The answer is `control.GoOn`."""

    kind: Literal["iteration_ended"] = "iteration_ended"
    iteration: int


class Beat(_Event):
    """The worker is between two steps, and has nothing else to say: it does not hang."""

    kind: Literal["beat"] = "beat"


class RolloutRow(Row):
    """One rollout from the first `prefix` steps of a trajectory: what the reasoner wrote from there."""

    number: int
    trajectory: int
    prefix: int
    text: str
    correct: bool
    tokens: int


class Rollouts(_Event):
    """Rollouts of an iteration by reasoner M_`iteration`."""

    kind: Literal["rollouts"] = "rollouts"
    iteration: int
    rows: list[RolloutRow]


class PairRow(Row):
    """A preference pair: trajectory numbers, and r(winner) - r(loser). `used` where the margin reaches eta."""

    number: int
    question: int
    winner: int
    loser: int
    margin: float
    used: bool


class Pairs(_Event):
    """Candidate pairs of an iteration, the unused ones too, so that eta can be tried on them."""

    kind: Literal["pairs"] = "pairs"
    iteration: int
    rows: list[PairRow]


class Metric(_Event):
    """One number of an iteration. Shares are fractions. `low` and `high` are a 95 % interval, `estimate` marks
    what was not measured. `set` is the evaluation set that it was measured on; empty: the run itself.
    """

    kind: Literal["metric"] = "metric"
    iteration: int
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    estimate: bool = False
    set: str = ""


class ComputeRow(Row):
    """Tokens by part and FLOPs (domain/ledger.py). `complete` False: there was more, that nobody counted."""

    generated: int
    prefill: int
    scored: int
    trained_reasoner: int
    trained_verifier: int
    flops: int
    complete: bool = True


class PhaseCompute(_Event):
    """What a phase has computed over all attempts: for the method, and to measure it."""

    kind: Literal["compute"] = "compute"
    ordinal: int
    method: ComputeRow
    evaluation: ComputeRow


class CurvePoint(_Event):
    """A point of a training curve (loss, learning rate) at optimiser step `step` of a phase. A value that is no number
    (NaN) is a gap.
    """

    model_config = ConfigDict(ser_json_inf_nan="strings")
    kind: Literal["curve"] = "curve"
    ordinal: int
    name: str
    step: int
    value: float


class Log(_Event):
    """A line for the log. `level` is debug, info, warning or error."""

    kind: Literal["log"] = "log"
    level: str = "info"
    message: str


class Failed(_Event):
    """The worker cannot go on. `bad_input`: because of what the user gave, which the same program refuses again."""

    kind: Literal["failed"] = "failed"
    what: str
    why: str = ""
    fix: str = ""
    retry: bool = False
    bad_input: bool = False

    @classmethod
    def of(cls, error: SapoError) -> Failed:
        """What `error` says."""
        return cls(what=error.what, why=error.why, fix=error.fix, bad_input=isinstance(error, InputError))


class Paused(_Event):
    """The worker waits (`paused`) or goes on again."""

    kind: Literal["paused"] = "paused"
    paused: bool


class Finished(_Event):
    """The worker ends in good order. `complete` where all phases are done, else it was asked to stop. `again`: why it
    is to be started again at once, which is no restart after a loss."""

    kind: Literal["finished"] = "finished"
    complete: bool
    again: str = ""


Event = Annotated[
    Hello
    | Plan
    | PhaseStarted
    | PhaseProgress
    | PhaseFinished
    | Questions
    | Trajectories
    | Scores
    | Labels
    | TrainingLabels
    | JudgementsWanted
    | IterationEnded
    | Beat
    | Rollouts
    | Pairs
    | Metric
    | PhaseCompute
    | CurvePoint
    | Log
    | Failed
    | Paused
    | Finished,
    Field(discriminator="kind"),
]
