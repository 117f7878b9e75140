"""What the store's queries give back: frozen dataclasses, one for each thing a view shows.

Step numbers are 1-based. A first error is 0 where no step is wrong and -1 where it is not known. Times are
seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.runs import RunStatus, Verb
from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.paths import BENCHMARK

UNKNOWN = -1
"""A first error that nobody has looked for."""


@dataclass(frozen=True)
class ErrorText:
    """Why a run failed, as told to the user. `bad_input`: because of what the user gave."""

    what: str
    why: str = ""
    fix: str = ""
    bad_input: bool = False

    @classmethod
    def of(cls, error: SapoError) -> ErrorText:
        """What `error` says."""
        return cls(error.what, error.why, error.fix, isinstance(error, InputError))

    def error(self) -> SapoError:
        """As an error again: exit code 2 where it is the input's."""
        kind = InputError if self.bad_input else EngineError
        return kind(self.what, why=self.why, fix=self.fix)


@dataclass(frozen=True, slots=True)
class UnseenAlarm:
    """An alarm of a run that nobody has seen yet, as a list or a notification tells it."""

    id: int
    iteration: int
    kind: str
    message: str


@dataclass(frozen=True)
class RunSummary:
    """One run as a list shows it, or an imported file (`kind`), which is kept like a run that is done.

    `phase` and `iteration` are those of the phase under way ('' and 0 before the first). `archived_at` and `binned_at`:
    since when it is out of the list, or in the bin. `waits_for`: why it waits in the queue of runs ('' until that is
    known), None where it is not in it. `alarms`: those that nobody has seen yet, the oldest first.
    """

    id: str
    number: int
    name: str
    preset: str
    status: RunStatus
    progress: float
    eta_seconds: float | None
    phase_ordinal: int | None
    phase: str
    iteration: int
    iterations: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    active_seconds: float
    pid: int | None
    pid_started: float | None
    heartbeat_at: float | None
    restarts: int
    device: str
    error: ErrorText | None
    headline: dict[str, float] = field(default_factory=dict[str, float])
    kind: Literal["run", "import"] = "run"
    notes: str = ""
    tags: tuple[str, ...] = ()
    archived_at: float | None = None
    binned_at: float | None = None
    waits_for: str | None = None
    alarms: tuple[UnseenAlarm, ...] = ()

    @property
    def imported(self) -> bool:
        """Whether this is an imported file: it has trajectories, and nothing that a run does."""
        return self.kind == "import"


@dataclass(frozen=True)
class Command:
    """A request to a running engine that it has not handled yet."""

    id: int
    verb: Verb
    at: float
    sender: str


@dataclass(frozen=True)
class PhaseInfo:
    """One phase of a run, as far as it is."""

    id: int
    run_id: str
    ordinal: int
    name: str
    iteration: int
    status: str
    weight: float
    done: int
    total: int
    unit: str
    message: str
    artefact: str
    started_at: float | None
    finished_at: float | None
    seconds: float | None


@dataclass(frozen=True)
class MetricValue:
    """A number of an iteration with its 95 % interval, where there is one. `estimate`: not measured."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """A value of a run's configuration that became another when it was resumed. `phase_ordinal`: the phase that was
    next, None before the first."""

    at: float
    phase_ordinal: int | None
    sender: str
    key: str
    before: Any
    after: Any


@dataclass(frozen=True, eq=False)
class CurvePoints:
    """A training curve of one phase (or the new part of it)."""

    ordinal: int
    phase: str
    iteration: int
    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class LogLine:
    """A line of a run's log."""

    id: int
    at: float
    level: str
    message: str


@dataclass(frozen=True)
class HeatmapQuery:
    """Which trajectories a heatmap shows, and in which order.

    `iteration` -1: of all iterations. `verifier`: whose scores; only scored trajectories are shown.
    `outcome`: all, right or wrong. `sort`: first_error, score, question, disagreement or length.
    """

    run_id: str
    iteration: int
    verifier: int
    source: str = "sample"
    outcome: str = "all"
    case: str = ""
    sort: str = "question"
    limit: int = 20_000


@dataclass(frozen=True, eq=False)
class HeatmapData:
    """Rows of a heatmap. `total` counts what the query matches, beyond its limit too."""

    ids: NDArray[np.int64]
    question_ids: NDArray[np.int64]
    n_steps: NDArray[np.int16]
    scores: NDArray[np.float32]
    predicted: NDArray[np.int16]
    verified: NDArray[np.int16]
    truth: NDArray[np.int16]
    human: NDArray[np.int16]
    correct: NDArray[np.bool_]
    case: list[str]
    total: int


@dataclass(frozen=True)
class TraceFilter:
    """Which trajectories the trace table lists, and in which order. `sort`: id, mean, first_error, steps or
    disagreement.

    `text` is looked for in questions and steps. `verifier` None: the newest that scored a trajectory. `set`: an
    evaluation set (source `test`); empty: any.
    """

    run_id: str
    iteration: int | None = None
    source: str = "sample"
    outcome: str = "all"
    case: str = ""
    text: str = ""
    annotated: bool | None = None
    sort: str = "id"
    descending: bool = False
    verifier: int | None = None
    set: str = ""


@dataclass(frozen=True, eq=False)
class TraceRow:
    """A trajectory as a table shows it. `scores` is empty and `mean` None where no verifier scored it."""

    id: int
    question_id: int
    question: str
    iteration: int
    sample: int
    n_steps: int
    correct: bool
    case: str
    predicted: int
    verified: int
    truth: int
    mean: float | None
    scores: NDArray[np.float32]
    human: int


@dataclass(frozen=True)
class LabelInfo:
    """Step labels of a trajectory by one source: one character a step, `1` right, `0` wrong, `?` not
    labeled.
    """

    source: str
    iteration: int
    labels: str
    case: str
    predicted: int
    verified: int
    rollouts: int
    tokens: int


@dataclass(frozen=True)
class RolloutInfo:
    """What the reasoner wrote from the first `prefix` steps of a trajectory. `lender`: the trajectory that it was made
    for, where that is another one with an equal prefix; None: the trajectory's own.
    """

    id: int
    iteration: int
    prefix: int
    text: str
    correct: bool
    tokens: int
    lender: int | None = None


@dataclass(frozen=True)
class AnnotationInfo:
    """A person's judgement of a step that holds now: -1 wrong, 0 neutral, 1 right. `filled`: it follows from a
    judgement of another step.
    """

    annotator: str
    step: int
    judgement: int
    at: float
    filled: bool = False


@dataclass(frozen=True)
class CommentInfo:
    """What a person wrote beside a step and stands now. Step 0: beside the whole trajectory."""

    step: int
    annotator: str
    text: str
    at: float


@dataclass(frozen=True)
class SiblingInfo:
    """Another trajectory of the same question. `mean` is by the newest verifier that scored it."""

    id: int
    iteration: int
    sample: int
    source: str
    n_steps: int
    correct: bool
    mean: float | None


@dataclass(frozen=True, eq=False)
class SiblingSteps:
    """Another trajectory of the same question, step by step. `scores` by verifier."""

    id: int
    iteration: int
    sample: int
    source: str
    correct: bool
    steps: list[str]
    scores: dict[int, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class TraceDetail:
    """Everything about one trajectory.

    `answer` is what it ends in, `reference` what the question asks for. `rollouts` are those that were made for it;
    `shared` those that the run made for another trajectory of its iteration, from a prefix that this one begins with
    too: the run makes a prefix's rollouts once.
    """

    id: int
    run_id: str
    question_id: int
    question: str
    solution: str
    reference: str
    answer: str
    steps: list[str]
    correct: bool
    truth: int
    human: int
    iteration: int
    sample: int
    source: str
    tokens: int
    copies: int
    scores: dict[int, NDArray[np.float32]]
    labels: list[LabelInfo]
    rollouts: list[RolloutInfo]
    annotations: list[AnnotationInfo]
    siblings: list[SiblingInfo]
    shared: list[RolloutInfo] = field(default_factory=list[RolloutInfo])

    @property
    def evidence(self) -> list[RolloutInfo]:
        """All rollouts from its prefixes, its own and shared ones, by prefix."""
        return sorted([*self.rollouts, *self.shared], key=lambda one: (one.prefix, one.id))

    @property
    def predicted(self) -> int:
        """The first error that self-verification checked: the prediction that its case is about. 0: none."""
        return next((item.predicted for item in reversed(self.labels) if item.predicted > 0), 0)


@dataclass(frozen=True)
class PairInfo:
    """A preference pair; `margin` is r(winner) - r(loser), `used` whether it reached eta and was trained on."""

    id: int
    question_id: int
    winner_id: int
    loser_id: int
    margin: float
    used: bool


@dataclass(frozen=True, slots=True)
class BenchmarkInfo:
    """A version of a benchmark. `frozen_at` is None of a draft; `source` says how it was made; times are seconds since
    1970. `agreement` is the mean of the rows that have one, None where none has."""

    id: int
    name: str
    version: int
    created_at: float
    created_by: str
    frozen_at: float | None
    source: Mapping[str, Any]
    digest: str
    rows: int
    tuning: int
    erroneous: int
    agreement: float | None

    @property
    def title(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"

    @property
    def reference(self) -> str:
        """How configurations name it."""
        return BENCHMARK + self.title
