"""One of the runs to be compared, as the store has it: its metrics, and where they lie on each axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from sapo_studio.app.comparison.metrics import SHOWN, by_question, with_reckoned
from sapo_studio.app.comparison.records import Picked, Point
from sapo_studio.domain.ledger import Compute, flops_until, until
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue, PhaseInfo, RunSummary

EVALUATED = ("greedy_accuracy", "sampled_accuracy")
"""An iteration that has one of these was evaluated."""
_OF_ANSWERS = ("false_positives",)
"""Metrics of answers to test questions, beside those that can be compared question by question."""


@dataclass(frozen=True)
class Measured:
    """A run with its metrics on one set, by iteration that was evaluated. `set` '' is its own test questions; what is
    not measured on answers (of the verifier, of labels) is the run's, whatever the set. `sets`: those it has."""

    picked: Picked
    run: RunSummary
    sets: tuple[str, ...]
    values: Mapping[int, Mapping[str, MetricValue]]
    compute: Mapping[int, Compute | None]
    seconds: Mapping[int, float | None]

    @property
    def iteration(self) -> int | None:
        """The one that is compared: the picked one, else the last."""
        if self.picked.iteration is not None:
            return self.picked.iteration
        return max(self.values, default=None)

    def point(self, iteration: int, metric: str) -> Point:
        """A metric that was measured."""
        value = self.values[iteration][metric]
        place = (iteration, flops_until(self.compute, iteration), self.seconds.get(iteration))
        return Point(*place, value.value, value.low, value.high, value.n)

    def curves(self) -> dict[str, tuple[Point, ...]]:
        """By metric."""
        names = dict.fromkeys(name for values in self.values.values() for name in values)
        return {
            name: tuple(self.point(i, name) for i in sorted(self.values) if name in self.values[i]) for name in names
        }


def measured(store: Store, picked: Picked, set: str, iteration: int | None = None) -> Measured:
    """A run that is there. `iteration`: the one to compare, where none was picked. Raises InputError where that one
    was not evaluated."""
    run = queries.get_run(store, picked.run_id)
    by_set = queries.metrics_by_set(store, run.id)
    phases = queries.phases(store, run.id)
    under_way = {p.iteration for p in phases if p.name == PhaseName.EVALUATE and p.status == "running"}
    own, chosen = by_set.get("", {}), by_set.get(set, {})
    values: dict[int, dict[str, MetricValue]] = {}
    for i, found in chosen.items():
        if i in under_way or not any(name in found for name in EVALUATED):
            continue
        rest = {name: value for name, value in with_reckoned(own.get(i, {})).items() if not (set and _of_answers(name))}
        merged = rest | with_reckoned(found)
        values[i] = {name: merged[name] for name in SHOWN if name in merged and math.isfinite(merged[name].value)}
    if picked.iteration is None and iteration is not None:
        picked = Picked(picked.run_id, iteration)
    if picked.iteration is not None and picked.iteration not in values:
        on = f" on {set}" if set else ""
        has = ", ".join(map(str, sorted(values))) or "none yet"
        raise InputError(
            f"Iteration {picked.iteration} of {run.id} was not evaluated{on}", fix=f"Evaluated iterations: {has}."
        )
    names = tuple(name for name in by_set if any(_evaluated(found) for found in by_set[name].values()))
    return Measured(picked, run, names, values, until(queries.compute(store, run.id)), _worked(phases))


def _evaluated(values: Mapping[str, MetricValue]) -> bool:
    return any(name in values for name in EVALUATED)


def _of_answers(name: str) -> bool:
    return by_question(name) or name in _OF_ANSWERS


def _worked(phases: list[PhaseInfo]) -> dict[int, float | None]:
    """How long the run has worked up to and including each iteration, in its phases: pauses and the time between two
    attempts are in none. None from a phase on whose time is not known."""
    found: dict[int, float | None] = {}
    total: float | None = 0.0
    for iteration, mine in itertools.groupby(sorted(phases, key=lambda p: (p.iteration, p.ordinal)), _iteration):
        for phase in mine:
            if phase.status == "done":
                total = None if total is None or phase.seconds is None else total + phase.seconds
        found[iteration] = total
    return found


def _iteration(phase: PhaseInfo) -> int:
    return phase.iteration
