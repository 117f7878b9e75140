"""What came out of a run, iteration by iteration: for programs as JSON, for people as a table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sapo_studio.app.reports.cells import cell, share_cell
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.benchmark_coverage import Coverage, coverage_of, note_of
from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.ledger import AT_LEAST, FLOPS, NOT_KNOWN, NOTHING_KNOWN, PARTS, Compute, IterationCompute, part
from sapo_studio.domain.metric_catalog import LABEL_COSTS, METRICS, MetricInfo, label_cost
from sapo_studio.domain.runs import RunStatus
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.alarms import RaisedAlarm, alarms_of
from sapo_studio.store.db import Store
from sapo_studio.store.early_stop import stopped_early
from sapo_studio.store.records import ConfigChange, ErrorText, MetricValue, RunSummary

if TYPE_CHECKING:
    from sapo_studio.app.reports.fitted_table import FittedTable

ALWAYS = (
    "greedy_accuracy",
    "sampled_accuracy",
    "verifier_step_accuracy",
    "first_error_accuracy",
    "mce",
    "gap",
    "self_verification_error",
    "label_accuracy",
)
"""Metrics that an iteration's report always names, null where they were not measured."""

ROWS = (
    "greedy_accuracy",
    "sampled_accuracy",
    "sound_accuracy",
    "false_positives",
    "verifier_step_accuracy",
    "first_error_accuracy",
    "process_f1",
    "error_accuracy",
    "correct_accuracy",
    "prm_score",
    "mcc",
    "tuned_f1",
    "mce",
    "gap",
    "self_verification_error",
    "label_accuracy",
    "search_ece_before",
    "search_ece_after",
    "search_confidence",
    "search_exact",
    "sampler_trainer_logprob_gap",
)
"""Metrics of the table, in order."""


LEGEND = "± is half of a 95 % interval; ~ is an estimate from the same trajectories"
"""What the marks in a table's cells mean."""

SET_ROWS = ("greedy_accuracy", "sampled_accuracy")
"""Rows of each evaluation set."""


@dataclass(frozen=True)
class LabelCost:
    """What labeling one iteration's trajectories cost, or would have cost with another labeler (`estimate`)."""

    rollouts: int
    tokens: int
    prefill_tokens: int
    flops: float
    estimate: bool


@dataclass(frozen=True)
class IterationReport:
    """One iteration's numbers. `values` holds every metric but the label costs."""

    iteration: int
    values: dict[str, MetricValue]
    label_cost: dict[str, LabelCost]
    compute: IterationCompute

    def as_json(self) -> dict[str, Any]:
        """See `Report.as_json`."""
        names = [*ALWAYS, *sorted(set(self.values) - set(ALWAYS))]
        return {
            "iteration": self.iteration,
            **{name: self.values[name].value if name in self.values else None for name in names},
            "label_cost": {name: vars(cost) for name, cost in self.label_cost.items()},
            "intervals": {
                name: [value.low, value.high] for name, value in sorted(self.values.items()) if value.low is not None
            },
            "n": {name: value.n for name, value in sorted(self.values.items()) if value.n is not None},
            "compute": compute_json(self.compute.method),
            "compute_complete": self.compute.method is not None and self.compute.method.complete,
            "compute_by_phase": {name: compute_json(bill) for name, bill in self.compute.phases.items()},
            "compute_warm_up": compute_json(self.compute.warm_up),
            "compute_evaluation": compute_json(self.compute.evaluation),
        }

    def as_json_of_set(self) -> dict[str, Any]:
        """The same of an evaluation set, which has no labels to pay."""
        told = self.as_json()
        names = [name for name in sorted(self.values) if name in told]
        return {key: told[key] for key in ("iteration", *names, "intervals", "n")}


@dataclass(frozen=True)
class Report:
    """What came out of a run so far. Iteration 0 is the reasoner after its warm-up, with the first verifier."""

    run_id: str
    name: str
    status: RunStatus
    preset: str
    seed: int
    active_seconds: float
    error: ErrorText | None
    iterations: list[IterationReport]
    not_measured: dict[str, str]
    """Metrics that do not exist with this configuration, and why."""
    changes: list[ConfigChange]
    """What was changed when the run was resumed."""
    stopped_early: str
    """Why it was done before its last iteration (`early_stop`), as a part of a sentence. Empty where it was not."""
    sets: dict[str, list[IterationReport]]
    """What was measured on each evaluation set, iteration by iteration."""
    benchmark: Coverage | None
    """On how much of a supplied process benchmark MCE and gap are measured."""
    mce_note: str
    """What to know of MCE and gap, perhaps nothing."""
    alarms: list[RaisedAlarm]
    """What should not be missed (docs/alarms.md)."""

    def as_json(self) -> dict[str, Any]:
        """Plain data: shares as fractions; `intervals` are 95 % ones; `estimate` marks a cost that was not spent;
        `compute` is what the method needs, null where it was not counted."""
        return {
            "run_id": self.run_id,
            "name": self.name,
            "status": self.status.value,
            "preset": self.preset,
            "seed": self.seed,
            "active_seconds": round(self.active_seconds, 3),
            "error": self.error and {"what": self.error.what, "why": self.error.why, "fix": self.error.fix},
            "iterations": [iteration.as_json() for iteration in self.iterations],
            "not_measured": self.not_measured,
            "config_changes": [asdict(change) for change in self.changes],
            "stopped_early": self.stopped_early or None,
            "sets": {name: [one.as_json_of_set() for one in found] for name, found in self.sets.items()},
            "benchmark": None if self.benchmark is None else asdict(self.benchmark),
            "mce_note": self.mce_note,
            "alarms": [_alarm_json(alarm) for alarm in self.alarms],
        }


def report(store: Store, run_id: str) -> Report:
    """The report of a run as the store has it now. Raises InputError where there is no such run."""
    run = queries.get_run(store, run_id)
    compute = queries.compute(store, run_id)
    sets = queries.metrics_by_set(store, run_id)
    metrics = sets.pop("", {})
    found = [
        _iteration(iteration, values, compute.get(iteration, NOTHING_KNOWN)) for iteration, values in metrics.items()
    ]
    config = _config(store, run_id)
    none = config.labeling.no_self_verification if config is not None else ""
    return Report(
        run_id=run.id,
        name=run.name,
        status=run.status,
        preset=run.preset,
        seed=queries.get_seed(store, run_id),
        active_seconds=run.active_seconds,
        error=run.error,
        iterations=found,
        not_measured={"self_verification_error": none} if none else {},
        changes=queries.config_changes(store, run_id),
        stopped_early=_stopped_early(store, run, config, max(metrics, default=0)),
        sets={
            name: [_iteration(i, values, NOTHING_KNOWN) for i, values in rows.items()] for name, rows in sets.items()
        },
        benchmark=coverage_of(metrics),
        mce_note=note_of(metrics, supplied=config is not None and config.supplies_benchmark),
        alarms=alarms_of(store, run_id),
    )


def _alarm_json(alarm: RaisedAlarm) -> dict[str, Any]:
    """`raised_at` and `seen_at` in seconds since 1970; `seen_at` is null until somebody has seen it."""
    return {
        "iteration": alarm.iteration,
        "kind": alarm.kind,
        "message": alarm.message,
        "facts": dict(alarm.facts),
        "raised_at": alarm.at,
        "seen_at": alarm.seen_at,
    }


def _stopped_early(store: Store, run: RunSummary, config: RunConfig | None, iteration: int) -> str:
    if config is None or run.status is not RunStatus.DONE:
        return ""
    return stopped_early(store, run.id, config, iteration)


def _config(store: Store, run_id: str) -> RunConfig | None:
    """The run's configuration; None where it is another version's, with keys that this one does not know."""
    try:
        return queries.get_config(store, run_id)
    except InputError:
        return None


def compute_json(compute: Compute | None) -> dict[str, int | None]:
    """The four parts and FLOPs; null where nothing is known, which is not the same as 0."""
    return {name: part(compute, name) for name in (*PARTS, "flops")}


def _iteration(iteration: int, values: dict[str, MetricValue], compute: IterationCompute) -> IterationReport:
    costs: dict[str, LabelCost] = {}
    rest = dict(values)
    for labeler in COMPARED:
        stored = [rest.pop(label_cost(cost, labeler), None) for cost in LABEL_COSTS]
        parts = [one if one is not None and math.isfinite(one.value) else None for one in stored]
        known = [part for part in parts if part is not None]
        if known:
            rollouts, tokens, prefill, flops = (0.0 if part is None else part.value for part in parts)
            estimate = any(part.estimate for part in known)
            costs[labeler] = LabelCost(round(rollouts), round(tokens), round(prefill), flops, estimate)
    return IterationReport(iteration, rest, costs, compute)


def rows(report: Report) -> list[tuple[str, ...]]:
    """What a table of the run says: a metric with its unit, then a figure for each iteration, half an interval's width
    behind ±."""
    found: list[tuple[str, ...]] = []
    for name in ROWS:
        if any(name in iteration.values for iteration in report.iterations):
            cells = [cell(METRICS[name], iteration.values.get(name)) for iteration in report.iterations]
            found.append((_label(METRICS[name]), *cells))
        elif name in report.not_measured and report.iterations:
            found.append((_label(METRICS[name]), *("\u2014" for _ in report.iterations)))
    for of, measured in report.sets.items():
        by_iteration = {one.iteration: one for one in measured}
        for name in SET_ROWS:
            values = [
                by_iteration[i.iteration].values.get(name) if i.iteration in by_iteration else None
                for i in report.iterations
            ]
            if any(values):
                found.append((f"{METRICS[name].title} on {of}, %", *map(share_cell, values)))
    for labeler in COMPARED:
        if any(labeler in iteration.label_cost for iteration in report.iterations):
            costs = [_cost(iteration.label_cost.get(labeler)) for iteration in report.iterations]
            found.append((f"Tokens to label, {labeler}", *costs))
    for name, (heading, _) in PARTS.items():
        counts = [_part(iteration.compute.method, name) for iteration in report.iterations]
        found.append((f"{heading}, tokens", *counts))
    found.append((FLOPS[0], *(_part(iteration.compute.method, "flops") for iteration in report.iterations)))
    return found


def heads(report: Report) -> list[str]:
    """What the columns of `rows` are called behind the first."""
    return ["warm-up" if one.iteration == 0 else f"iteration {one.iteration}" for one in report.iterations]


def notes(report: Report) -> list[str]:
    """What stands below such a table."""
    told = [LEGEND]
    told += [f"{METRICS[name].title}: \u2014, since {why}" for name, why in report.not_measured.items()]
    told += [f"Resumed with {change.key} = {change.after} (it was {change.before})" for change in report.changes]
    if report.stopped_early:
        told.append(f"Ended early: {report.stopped_early}")
    if report.mce_note:
        told.append(report.mce_note)
    return told


def table(report: Report) -> FittedTable:
    """The table for a terminal."""
    from sapo_studio.app.reports.fitted_table import FittedTable

    title = f"{report.name} ({report.run_id}): {report.status.value}"
    return FittedTable(title, ("", *heads(report)), tuple(rows(report)), "\n".join(notes(report)))


def _label(metric: MetricInfo) -> str:
    return f"{metric.title}, {metric.shown_unit}" if metric.shown_unit else metric.title


def _part(compute: Compute | None, name: str) -> str:
    """A part of the bill. One that is not whole, of a run that an earlier version began, is a lower bound."""
    value = part(compute, name)
    if compute is None or value is None:
        return NOT_KNOWN
    return ("" if compute.complete else AT_LEAST) + (f"{value:.3g}" if name == "flops" else f"{value:,}")


def _cost(cost: LabelCost | None) -> str:
    return "-" if cost is None else f"{'~' if cost.estimate else ''}{cost.tokens:,}"
