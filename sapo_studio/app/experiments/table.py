"""What the runs of a matrix come to: means over seeds, and paired comparisons at equal compute and equal iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sapo_studio.app.experiments.matrix_file import Matrix
from sapo_studio.app.experiments.methods import PAPER
from sapo_studio.app.experiments.runner import Placed
from sapo_studio.domain.ledger import spent_until
from sapo_studio.domain.statistics import Compared, Mean, compared, mean
from sapo_studio.store import queries
from sapo_studio.store.db import Store

FINAL = (
    "sampled_accuracy",
    "greedy_accuracy",
    "sound_accuracy",
    "false_positives",
    "verifier_step_accuracy",
    "first_error_accuracy",
    "process_f1",
    "gap",
    "self_verification_error",
    "label_accuracy",
)
"""Metrics of a run's last iteration."""
WARM = ("sampled_accuracy", "greedy_accuracy", "sound_accuracy", "false_positives")
"""Those that the warmed-up reasoner has, too."""
COMPARED = ("sampled_accuracy", "greedy_accuracy", "sound_accuracy")
"""Compared at equal compute and drawn, where runs have them: not every task knows which steps are right."""
COMPARED_BY_ITERATION = ("sampled_accuracy",)
"""Compared after as many iterations."""


ON_SETS = ("sampled_accuracy", "greedy_accuracy")
"""Shown of each evaluation set."""


@dataclass(frozen=True)
class Measured:
    """A finished run: its metrics by iteration, tokens spent up to each, and active seconds."""

    seed: int
    metrics: Mapping[int, Mapping[str, float]]
    tokens: Mapping[int, float]
    seconds: float
    sets: Mapping[str, Mapping[int, Mapping[str, float]]] = field(
        default_factory=dict[str, Mapping[int, Mapping[str, float]]]
    )
    """What was measured on each evaluation set."""

    @property
    def last(self) -> Mapping[str, float]:
        """Metrics of the last iteration."""
        return self.metrics[max(self.metrics)]

    @property
    def spent(self) -> float:
        """All tokens."""
        return self.tokens[max(self.tokens)]

    @property
    def iterations(self) -> int:
        """How many it has been through."""
        return max(self.metrics)

    def has(self, name: str) -> bool:
        """Whether a metric was measured in every iteration."""
        return all(name in values for values in self.metrics.values())

    def at(self, name: str, tokens: float) -> float:
        """A metric when `tokens` had been spent: between two iterations on the straight line. M0 has spent nothing of
        its own, whatever the first labels cost."""
        points = [(self.tokens[i] if i else 0.0, values[name]) for i, values in sorted(self.metrics.items())]
        return float(np.interp(tokens, [x for x, _ in points], [y for _, y in points]))


@dataclass(frozen=True)
class Row:
    """A method on a task. `iterations`: of its longest run. `share`: its tokens, as a share of the other's. `compared`:
    each run of a pair where it stood when both had spent as many tokens. `by_iteration`: each after as many iterations
    as both went through. `sets`: ON_SETS on each evaluation set, after the last iteration. `paper`: the
    paper's greedy accuracy."""

    method: str
    title: str
    seeds: tuple[int, ...]
    iterations: int
    final: Mapping[str, Mean]
    tokens: Mean
    share: float | None
    seconds: Mean
    compared: Mapping[str, Compared] = field(default_factory=dict[str, Compared])
    by_iteration: Mapping[str, Compared] = field(default_factory=dict[str, Compared])
    sets: Mapping[str, Mapping[str, Mean]] = field(default_factory=dict[str, Mapping[str, Mean]])
    paper: float | None = None


@dataclass(frozen=True)
class TaskTable:
    """All methods on one task, and the curves they are drawn from: (tokens, mean) by method and metric."""

    task: str
    rows: tuple[Row, ...]
    curves: Mapping[str, Mapping[str, Sequence[tuple[float, Mean]]]]


def read_run(store: Store, placed: Placed) -> Measured:
    """A finished run's numbers from the store."""
    sets = {
        of: {
            iteration: {name: value.value for name, value in values.items() if not value.estimate}
            for iteration, values in found.items()
        }
        for of, found in queries.metrics_by_set(store, placed.run_id).items()
    }
    metrics = sets.pop("", {})
    run = queries.get_run(store, placed.run_id)
    return Measured(placed.cell.seed, metrics, spent_until(metrics), run.active_seconds, sets)


def tabulate(store: Store, matrix: Matrix, found: Sequence[Placed]) -> list[TaskTable]:
    """The tables of all tasks, over the runs that are finished."""
    tables: list[TaskTable] = []
    for task in matrix.tasks:
        runs: dict[str, dict[int, Measured]] = {name: {} for name in matrix.methods}
        for placed in found:
            if placed.done and placed.cell.task == task:
                runs[placed.cell.method][placed.cell.seed] = read_run(store, placed)
        other = runs[matrix.against]
        rows = [_start(matrix, other)] if other else []
        curves: dict[str, Mapping[str, Sequence[tuple[float, Mean]]]] = {}
        for name, mine in runs.items():
            if mine:
                rows.append(_row(matrix, name, mine, other))
                all_of_it = list(mine.values())
                curves[name] = {
                    metric: _curve(metric, all_of_it) for metric in COMPARED if _all_have(metric, all_of_it)
                }
        tables.append(TaskTable(task, tuple(rows), curves))
    return tables


def _start(matrix: Matrix, other: Mapping[int, Measured]) -> Row:
    runs = list(other.values())
    final = {name: mean([run.metrics[0][name] for run in runs]) for name in WARM if _all_have(name, runs)}
    nothing = Mean(0.0, None, None, len(runs))
    sets = _on_sets([{of: found.get(0, {}) for of, found in run.sets.items()} for run in runs])
    paper = _paper(matrix, "SFT")
    return Row("", "warmed up (SFT)", tuple(other), 0, final, nothing, None, nothing, sets=sets, paper=paper)


def _row(matrix: Matrix, name: str, mine: Mapping[int, Measured], other: Mapping[int, Measured]) -> Row:
    runs = list(mine.values())
    final = {
        metric: mean([run.last[metric] for run in runs]) for metric in FINAL if all(metric in run.last for run in runs)
    }
    both = [(run, other[seed]) for seed, run in mine.items() if seed in other]
    against: dict[str, Compared] = {}
    by_iteration: dict[str, Compared] = {}
    share = None
    if both:
        theirs = float(np.mean([b.spent for _, b in both]))
        share = float(np.mean([a.spent for a, _ in both])) / theirs if theirs else None
        if name != matrix.against:
            measured = [metric for metric in COMPARED if _all_have(metric, [run for pair in both for run in pair])]
            for metric in measured:
                at = [(a, b, min(a.spent, b.spent)) for a, b in both]
                against[metric] = compared([(a.at(metric, tokens), b.at(metric, tokens)) for a, b, tokens in at])
            for metric in [metric for metric in measured if metric in COMPARED_BY_ITERATION]:
                after = [(a, b, min(a.iterations, b.iterations)) for a, b in both]
                by_iteration[metric] = compared([(a.metrics[i][metric], b.metrics[i][metric]) for a, b, i in after])
    method = matrix.methods[name]
    return Row(
        method=name,
        title=method.title,
        seeds=tuple(mine),
        iterations=max(run.iterations for run in runs),
        final=final,
        tokens=mean([run.spent for run in runs]),
        share=share,
        seconds=mean([run.seconds for run in runs]),
        compared=against,
        by_iteration=by_iteration,
        sets=_on_sets([{of: found[max(found)] for of, found in run.sets.items()} for run in runs]),
        paper=_paper(matrix, method.paper),
    )


def _on_sets(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Mean]]:
    """Means over runs, by set and metric, of what all of them have."""
    found: dict[str, dict[str, Mean]] = {}
    for of in runs[0]:
        if all(of in run for run in runs):
            names = [name for name in ON_SETS if all(name in run[of] for run in runs)]
            found[of] = {name: mean([run[of][name] for run in runs]) for name in names}
    return found


def _all_have(metric: str, runs: Sequence[Measured]) -> bool:
    return all(run.has(metric) for run in runs)


def _curve(metric: str, runs: Sequence[Measured]) -> list[tuple[float, Mean]]:
    iterations = set.intersection(*(set(run.metrics) for run in runs))
    return [
        (
            float(np.mean([run.tokens[i] if i else 0.0 for run in runs])),
            mean([run.metrics[i][metric] for run in runs]),
        )
        for i in sorted(iterations)
    ]


def _paper(matrix: Matrix, name: str) -> float | None:
    return PAPER[matrix.paper].get(name) if matrix.paper and name else None
