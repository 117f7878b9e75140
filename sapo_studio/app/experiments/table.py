"""What the runs of a matrix come to: means over seeds, and paired comparisons at equal compute and equal iterations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sapo_studio.app.experiments.matrix_file import Matrix
from sapo_studio.app.experiments.runner import Placed
from sapo_studio.domain.ledger import PARTS, Compute, flops_until, until
from sapo_studio.domain.methods import PAPER
from sapo_studio.domain.statistics import Compared, Mean, compared, holm, mean
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
    """A finished run: its metrics by iteration, what its method had computed up to each (None: not known), and active
    seconds."""

    seed: int
    metrics: Mapping[int, Mapping[str, float]]
    compute: Mapping[int, Compute | None]
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
    def bill(self) -> Compute | None:
        """All that the method has computed; None where it was not counted, or not from the beginning."""
        found = self.compute.get(max(self.metrics))
        return found if found is not None and found.complete else None

    @property
    def iterations(self) -> int:
        """How many it has been through."""
        return max(self.metrics)

    def has(self, name: str) -> bool:
        """Whether a metric was measured in every iteration."""
        return all(name in values for values in self.metrics.values())

    def flops(self, iteration: int) -> float:
        """FLOPs up to and including an iteration, of a run whose bill is whole."""
        return flops_until(self.compute, iteration) or 0.0

    def at(self, name: str, flops: float) -> float:
        """A metric when so many FLOPs had been computed: between two iterations on the straight line."""
        points = [(self.flops(i), values[name]) for i, values in sorted(self.metrics.items())]
        return float(np.interp(flops, [x for x, _ in points], [y for _, y in points]))


@dataclass(frozen=True)
class Row:
    """A method on a task. `iterations`: of its longest run. `compute`: the four parts and FLOPs, None where a run did
    not count them; `tokens`: those generated and trained on. `share`: its FLOPs, as a share of the other's. `compared`:
    each run of a pair where it stood when both had computed as many FLOPs. `by_iteration`: each after as many
    iterations as both went through. `sets`: ON_SETS on each evaluation set, after the last iteration. `paper`: the
    paper's greedy accuracy."""

    method: str
    title: str
    seeds: tuple[int, ...]
    iterations: int
    final: Mapping[str, Mean]
    tokens: Mean | None
    share: float | None
    seconds: Mean
    compute: Mapping[str, Mean] | None = None
    compared: Mapping[str, Compared] = field(default_factory=dict[str, Compared])
    by_iteration: Mapping[str, Compared] = field(default_factory=dict[str, Compared])
    sets: Mapping[str, Mapping[str, Mean]] = field(default_factory=dict[str, Mapping[str, Mean]])
    paper: float | None = None


@dataclass(frozen=True)
class TaskTable:
    """All methods on one task, and the curves they are drawn from: (FLOPs, mean) by method and metric."""

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
    compute = until(queries.compute(store, placed.run_id))
    return Measured(placed.cell.seed, metrics, compute, run.active_seconds, sets)


def tabulate(store: Store, matrix: Matrix, found: Sequence[Placed]) -> list[TaskTable]:
    """The tables of all tasks, over the runs that are finished."""
    tables: list[TaskTable] = []
    for task in matrix.tasks:
        runs: dict[str, dict[int, Measured]] = {name: {} for name in matrix.methods}
        for placed in found:
            if placed.done and placed.cell.task == task:
                runs[placed.cell.method][placed.cell.seed] = read_run(store, placed)
        other = runs[matrix.against]
        rows = [_start(matrix, task, other)] if other else []
        curves: dict[str, Mapping[str, Sequence[tuple[float, Mean]]]] = {}
        for name, mine in runs.items():
            if mine:
                rows.append(_row(matrix, task, name, mine, other))
                all_of_it = list(mine.values())
                if all(run.bill is not None for run in all_of_it):
                    curves[name] = {
                        metric: _curve(metric, all_of_it) for metric in COMPARED if _all_have(metric, all_of_it)
                    }
        tables.append(TaskTable(task, corrected(rows), curves))
    return tables


def corrected(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with each p value corrected for all that stand in their table (`statistics.holm`)."""
    tests = {
        (place, part, metric): one.p
        for place, row in enumerate(rows)
        for part in ("compared", "by_iteration")
        for metric, one in getattr(row, part).items()
        if one.p is not None
    }
    by_test = dict(zip(tests, holm(list(tests.values())), strict=True))

    def of(place: int, part: str, found: Mapping[str, Compared]) -> dict[str, Compared]:
        return {metric: replace(one, p_holm=by_test.get((place, part, metric))) for metric, one in found.items()}

    return tuple(
        replace(
            row,
            compared=of(place, "compared", row.compared),
            by_iteration=of(place, "by_iteration", row.by_iteration),
        )
        for place, row in enumerate(rows)
    )


def _start(matrix: Matrix, task: str, other: Mapping[int, Measured]) -> Row:
    runs = list(other.values())
    final = {name: mean([run.metrics[0][name] for run in runs]) for name in WARM if _all_have(name, runs)}
    nothing = Mean(0.0, None, None, len(runs))
    sets = _on_sets([{of: found.get(0, {}) for of, found in run.sets.items()} for run in runs])
    paper = _paper(matrix, task, "SFT")
    return Row("", "warmed up (SFT)", tuple(other), 0, final, nothing, None, nothing, sets=sets, paper=paper)


def _row(matrix: Matrix, task: str, name: str, mine: Mapping[int, Measured], other: Mapping[int, Measured]) -> Row:
    runs = list(mine.values())
    final = {
        metric: mean([run.last[metric] for run in runs]) for metric in FINAL if all(metric in run.last for run in runs)
    }
    both = [(run, other[seed]) for seed, run in mine.items() if seed in other]
    against: dict[str, Compared] = {}
    by_iteration: dict[str, Compared] = {}
    share = None
    bills = [(a.bill, b.bill) for a, b in both]
    counted = [(float(a.flops), float(b.flops)) for a, b in bills if a is not None and b is not None]
    if both:
        if len(counted) == len(both) and (theirs := float(np.mean([b for _, b in counted]))):
            share = float(np.mean([a for a, _ in counted])) / theirs
        if name != matrix.against:
            measured = [metric for metric in COMPARED if _all_have(metric, [run for pair in both for run in pair])]
            for metric in measured if len(counted) == len(both) else ():
                at = [(a, b, min(flops)) for (a, b), flops in zip(both, counted, strict=True)]
                against[metric] = compared([(a.at(metric, flops), b.at(metric, flops)) for a, b, flops in at])
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
        tokens=_mean_of(runs, lambda bill: bill.generated + bill.trained),
        share=share,
        seconds=mean([run.seconds for run in runs]),
        compute=_compute(runs),
        compared=against,
        by_iteration=by_iteration,
        sets=_on_sets([{of: found[max(found)] for of, found in run.sets.items()} for run in runs]),
        paper=_paper(matrix, task, method.paper),
    )


def _on_sets(runs: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Mean]]:
    """Means over runs, by set and metric, of what all of them have."""
    found: dict[str, dict[str, Mean]] = {}
    for of in runs[0]:
        if all(of in run for run in runs):
            names = [name for name in ON_SETS if all(name in run[of] for run in runs)]
            found[of] = {name: mean([run[of][name] for run in runs]) for name in names}
    return found


def _compute(runs: Sequence[Measured]) -> dict[str, Mean] | None:
    found = {name: _mean_of(runs, lambda bill, name=name: getattr(bill, name)) for name in (*PARTS, "flops")}
    return {name: value for name, value in found.items() if value is not None} or None


def _mean_of(runs: Sequence[Measured], what: Callable[[Compute], float]) -> Mean | None:
    """Over the runs' bills; None where one is not known."""
    bills = [run.bill for run in runs]
    known = [float(what(bill)) for bill in bills if bill is not None]
    return mean(known) if len(known) == len(bills) else None


def _all_have(metric: str, runs: Sequence[Measured]) -> bool:
    return all(run.has(metric) for run in runs)


def _curve(metric: str, runs: Sequence[Measured]) -> list[tuple[float, Mean]]:
    iterations = set.intersection(*(set(run.metrics) for run in runs))
    return [
        (
            float(np.mean([run.flops(i) for run in runs])),
            mean([run.metrics[i][metric] for run in runs]),
        )
        for i in sorted(iterations)
    ]


def _paper(matrix: Matrix, task: str, name: str) -> float | None:
    """The paper's figure of a method, on the paper's own task alone: beside another it compares nothing."""
    return PAPER[matrix.paper].get(name) if matrix.has_paper(task) and name else None
