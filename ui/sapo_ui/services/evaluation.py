"""Evaluating verifiers from the window: what there is to measure and to measure on, what is asked, and what is written.

Everything here is called in a task, but for what an EvaluationJob says of itself.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sapo_studio.app.benchmarks.evaluating import Wanted, requests_for
from sapo_studio.app.comparison.configuration import configured
from sapo_studio.app.exports.checkpoints import checkpoints_of
from sapo_studio.app.reports import drawing
from sapo_studio.app.studies import evaluations, verifier_page
from sapo_studio.paths import user_path
from sapo_studio.requests.kinds import EvaluateRequest
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.records import BenchmarkInfo
from sapo_ui.services.benchmarks import read_frozen

Found = dict[str, Any]


@dataclass(frozen=True)
class Measurable:
    """Runs, by id, and the iterations whose verifier all of them have, the newest first."""

    runs: tuple[str, ...]
    verifiers: tuple[int, ...]


@dataclass(frozen=True)
class Offers:
    """What can be chosen. `alone`: the run (None: there is none); `seeds`: it and the others of its configuration,
    where there are some; `benchmarks`: those that are frozen."""

    alone: Measurable | None
    seeds: Measurable | None
    benchmarks: Sequence[BenchmarkInfo]


def read_offers(store: Store, run_id: str) -> Offers:
    """Look what there is; `run_id`: empty where there is no run."""
    benchmarks = read_frozen(store)
    if not run_id:
        return Offers(None, None, benchmarks)
    verifiers = {run_id: _verifiers(store, run_id)}
    for other in _seeds_beside(store, run_id) if verifiers[run_id] else ():
        if verifiers[run_id] & (found := _verifiers(store, other)):
            verifiers[other] = found
    return Offers(
        _measurable({run_id: verifiers[run_id]}), _measurable(verifiers) if len(verifiers) > 1 else None, benchmarks
    )


def _verifiers(store: Store, run_id: str) -> set[int]:
    return set(checkpoints_of(store, run_id).verifiers)


def _measurable(verifiers: dict[str, set[int]]) -> Measurable:
    return Measurable(tuple(verifiers), tuple(sorted(set.intersection(*verifiers.values()), reverse=True)))


def _seeds_beside(store: Store, run_id: str) -> list[str]:
    """The other runs of the same configuration that are not at work, a run a seed, the oldest first."""
    own, iterations = configured(store, run_id), queries.get_run(store, run_id).iterations
    seen, found = {own.seed}, list[str]()
    for run in reversed(queries.list_runs(store)):
        if run.imported or run.status.alive or run.binned_at is not None or run.iterations != iterations:
            continue
        other = configured(store, run.id)
        if other.same_but_seed == own.same_but_seed and other.seed not in seen:
            seen.add(other.seed)
            found.append(run.id)
    return found


class EvaluationJob:
    """One evaluation, for an `EngineStudy`, which calls `ask` and then `keep`, in a task, for each run in turn."""

    def __init__(self, wanted: Wanted, measured_on: str) -> None:
        """`measured_on`: what its benchmark is called."""
        self._wanted = wanted
        self.measured_on = measured_on
        self._requests: Sequence[EvaluateRequest] = ()
        self._answers: list[Found] = []
        self.found: Found | None = None
        """What came of it, all runs as one; None until all of them are measured."""

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that are measured, by id."""
        return self._wanted.runs

    @property
    def of(self) -> int:
        """How many measurements that are."""
        return max(1, len(self.runs))

    @property
    def done(self) -> int:
        """How many of them have been."""
        return len(self._answers)

    def ask(self, store: Store) -> EvaluateRequest:
        """What an engine is asked next. All that is wrong with any run is told before the first one."""
        if not self._requests:
            wanted = self._wanted
            if isinstance(wanted.verifier, Path):
                wanted = replace(wanted, verifier=user_path(str(wanted.verifier)).resolve())
            for run_id in wanted.runs:
                queries.get_run(store, run_id)  # by id: a name may mean another run, once this one is gone
            self._requests = requests_for(wanted, store).requests
        return self._requests[self.done]

    def keep(self, store: Store, answer: Found) -> None:
        """Take its answer; with the last one, keep what the runs keep."""
        del store
        self._answers.append(answer)
        if self.done == self.of:
            self.found = evaluations.keep(self._requests, self._answers)


def in_the_way(folder: Path) -> list[str]:
    """Which files `save` would replace: none that cannot be looked for, of which `save` says more."""
    return [name for name in verifier_page.FILES if os.path.exists(folder / name)]  # noqa: PTH110  # it never raises


def save(found: Found, folder: Path) -> list[Path]:
    """Write page, numbers and picture, as `sapo evaluate --out` does. Returns what was written. Raises InputError and
    StoreError."""
    drawing.prepare(folder)
    return verifier_page.write(folder, found)
