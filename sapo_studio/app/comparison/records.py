"""What comparing runs gives back: frozen data, the same for the window, the command line and JSON.

Shares are fractions, times seconds, intervals 95 % ones. A *side* of a comparison is a group: runs of one configuration
that differ in nothing but their seed, in most cases a single run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sapo_studio.domain.ledger import Compute
from sapo_studio.domain.runs import RunStatus
from sapo_studio.domain.statistics import Mean
from sapo_studio.store.records import ConfigChange, MetricValue

Axis = Literal["iteration", "flops", "seconds"]
"""What curves go along: the iteration, what the method has computed up to it, or how long the run has worked."""

Test = Literal["mcnemar", "bootstrap", "seeds_paired", "seeds", "apart", ""]
"""How a difference was tested. `mcnemar`: exactly, over questions that one side alone answers. `bootstrap`: over
questions, paired. `seeds_paired`: the paired t test over seeds that both sides have. `seeds`: Welch's t test over the
seeds of each side. `apart`: two shares as if of different questions, where no single answers are kept. Empty: it was
not (`PairedDifference.refused` says why)."""

Outcome = Literal["both", "left", "right", "neither"]
"""Whose greedy answer is correct."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A run that is meant: its id, and the iteration to compare (None: the last one that was evaluated)."""

    run_id: str
    iteration: int | None = None

    def __str__(self) -> str:
        return self.run_id if self.iteration is None else f"{self.run_id}@{self.iteration}"


@dataclass(frozen=True, slots=True)
class Point:
    """A metric after an iteration. Iteration 0 is the reasoner after its warm-up.

    `flops`: what the method has computed up to there (0 at iteration 0: methods start from the same), None where nobody
    counted; `seconds`: how long the run has worked until it was measured, pauses and lost attempts left out, None where
    it is not known. `low`, `high`: the 95 % interval, None where there is none. `n`: of how many, None where unknown.
    """

    iteration: int
    flops: float | None
    seconds: float | None
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def x(self, axis: Axis) -> float | None:
        """Where it lies on the axis; None where that is not known."""
        return float(self.iteration) if axis == "iteration" else self.flops if axis == "flops" else self.seconds


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One of the runs, with what was measured on the chosen set.

    `key` is its id, with `@ITERATION` where one was picked: the same run may be there at two iterations. `label` tells
    it apart from the others in few words; `group` is the place of its side in `Comparison.groups`. `iteration`: the one
    that is compared, None where nothing has been evaluated yet; `going`: the run has not ended, so that its curve may
    go on. `values`: metrics of `iteration`; `curves`: of every iteration, by metric. `compute` and `seconds`: up to
    `iteration`. `questions`: how many questions of the set it keeps single answers to, 0 where it keeps none. `paper`:
    the paper's own greedy accuracies, as fractions by iteration, of the method that the run is: nothing where task,
    model or method is not the paper's; `paper_method`: the paper's name of it. `changes`: what was changed when it was
    resumed. `notes`: what to know, as sentences.
    """

    picked: Picked
    number: int
    name: str
    label: str
    group: int
    seed: int
    status: RunStatus
    going: bool
    iterations: int
    iteration: int | None
    values: Mapping[str, MetricValue]
    curves: Mapping[str, tuple[Point, ...]]
    compute: Compute | None
    seconds: float | None
    questions: int
    paper: Mapping[int, float] = field(default_factory=dict[int, float])
    paper_method: str = ""
    changes: tuple[ConfigChange, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.picked.run_id

    @property
    def key(self) -> str:
        """Tells it apart from all others of the comparison."""
        return str(self.picked)


@dataclass(frozen=True, slots=True)
class RunGroup:
    """A side: runs of one configuration, by seed. One run alone is a group as well.

    `label` tells it apart from the other sides. `runs`: their keys; `seeds` in the same order. `iteration`: the
    last one that all of them have been through, None where there is none. `values`: mean over the seeds after it, with
    its t interval (none with one seed), of the metrics that all of them have. `curves`: by metric,
    after every iteration that all of them have: of one run its own points, of several the mean with its t interval
    (`n` is then the number of seeds, `flops` and `seconds` are means).
    """

    label: str
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    iteration: int | None
    values: Mapping[str, Mean]
    curves: Mapping[str, tuple[Point, ...]]

    @property
    def several(self) -> bool:
        """Whether its intervals are over seeds."""
        return len(self.runs) > 1


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """A key of the configuration, as `section.key`, with its value in each run (in the order of `Comparison.runs`; as
    JSON has it). A set of evaluation, or a value in one, has a key such as `evaluation.sets.math.samples`; a run
    without that set has None there. `unlike`: which differ from the baseline's. `changes`: what was changed of this key
    when runs were resumed, by run key: `values` are those that hold now.
    """

    key: str
    values: tuple[Any, ...]
    unlike: tuple[bool, ...]
    changes: Mapping[str, tuple[ConfigChange, ...]] = field(default_factory=dict[str, tuple[ConfigChange, ...]])

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same, or one has had another before it was resumed."""
        return any(value != self.values[0] for value in self.values) or bool(self.changes)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a run stands on, and whether it is the same in all: the base model, the training questions, the test
    questions. `values`: what it is in each run, in few words; `by`: what was compared, the content's `digest` or, where
    one run has none, only the `name` (a path, a Hub name, the shape of a fresh model). `same` None: by name alike, but
    nobody can tell whether the content was. `note` says so, as a sentence."""

    what: str
    values: tuple[str, ...]
    by: Literal["digest", "name"]
    same: bool | None
    note: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Keys that differ, keys that are equal in all runs (name and seed are in neither), and what runs stand on."""

    different: tuple[ConfigRow, ...]
    equal: tuple[ConfigRow, ...]
    identities: tuple[Identity, ...]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """A side less another in one metric: `left` and `right` are places in `Comparison.groups`.

    `value` with its interval `low`..`high` (None where there is none), in the metric's own unit: fractions. `p`: of the
    two-sided test; `p_holm`: corrected for all that are told with it. `n`: of how many questions or seeds (`apart`: the
    smaller number behind the two). `wins`, `losses`: questions that left alone, or right alone, has correct (greedy),
    or has more often (sampled); None where seeds were compared. `n_left`, `n_right`, `n_common`: questions that each
    has an answer to, and both. `refused`: why there is no test, as a sentence; `common_helps`: whether comparing on the
    common questions alone would give one. `better`: 1 more is better, -1 less is, 0 neither. `notes`: what to know, as
    sentences.
    """

    left: int
    right: int
    metric: str
    test: Test
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    wins: int | None = None
    losses: int | None = None
    n_left: int = 0
    n_right: int = 0
    n_common: int = 0
    p_holm: float | None = None
    refused: str = ""
    common_helps: bool = False
    better: int = 0
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: the corrected p is below 0.05."""
        return self.p_holm is not None and self.p_holm < SIGNIFICANT

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `higher` or `lower` (where neither way is better), `no difference shown`; empty where
        nothing was tested."""
        if self.p_holm is None or self.value is None:
            return ""
        if not self.shown or self.value == 0.0:
            return "no difference shown"
        up = self.value > 0.0
        if self.better:
            return "better" if up == (self.better > 0) else "worse"
        return "higher" if up else "lower"


SIGNIFICANT = 0.05
"""A corrected p below this shows a difference."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs beside each other. `baseline`: the place of the side that others are compared with. `set`: the evaluation
    set, '' for the run's own test questions; `sets`: those that one of the runs was measured on, '' first. `metrics`:
    those that one of the runs has, in the order to show them; `tested`: those of `differences`. `differences`: every
    side against the baseline, then, where asked for, the others against each other. `questions`: whether all answer the
    same questions, as a sentence ("the same 1,319 questions"). `notes`: what to know of the whole, as sentences.
    """

    runs: tuple[ComparedRun, ...]
    groups: tuple[RunGroup, ...]
    baseline: int
    set: str
    sets: tuple[str, ...]
    metrics: tuple[str, ...]
    tested: tuple[str, ...]
    configuration: Configuration
    differences: tuple[PairedDifference, ...]
    questions: str
    notes: tuple[str, ...] = ()

    def run(self, key: str) -> ComparedRun:
        """One of the runs. KeyError where it is none of them."""
        found = next((run for run in self.runs if run.key == key), None)
        if found is None:
            raise KeyError(key)
        return found


# -- Question by question


@dataclass(frozen=True, slots=True)
class Side:
    """What one run says to a question: its greedy solution, and how many of its samples are correct.

    `trajectory`: the id of the greedy solution, to open. `answer`: what it ends in. `scores`: v_1..v_n by the newest
    verifier that scored it, empty where none did; `mean` None then. `samples` counts copies, 0 where none are kept.
    """

    question: int
    trajectory: int
    correct: bool
    answer: str
    scores: tuple[float, ...]
    mean: float | None
    samples_correct: int
    samples: int


@dataclass(frozen=True, slots=True)
class QuestionOutcome:
    """A question that both runs answered. `place`: its place in the left run's set, from 1 on. `reference`: the right
    answer. `gap`: by how much the sides differ: mean scores, where both were scored, else shares of correct samples;
    left less right, None where neither is there."""

    place: int
    text: str
    reference: str
    outcome: Outcome
    left: Side
    right: Side
    gap: float | None


@dataclass(frozen=True, slots=True)
class QuestionByQuestion:
    """Two runs question by question: `both`, `left_only`, `right_only` and `neither` count greedy answers that are
    correct, over the `n` questions that are compared. `rows`: a page of those that were asked for, from `offset` on, of
    `total`. `refused`: why they cannot be compared, as a sentence; no rows then, and `common_helps` says whether the
    common questions alone would do. `gap_by`: what gaps are of: `scores`, `samples`, or '' where there are none.
    """

    left: Picked
    right: Picked
    set: str
    n: int
    n_left: int
    n_right: int
    n_common: int
    both: int
    left_only: int
    right_only: int
    neither: int
    total: int
    offset: int
    rows: tuple[QuestionOutcome, ...]
    gap_by: Literal["scores", "samples", ""]
    refused: str = ""
    common_helps: bool = False
