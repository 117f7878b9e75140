"""What a card says of a run: gathered from the store and from what the engine has written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sapo_studio.app.publishing.wanted import Base, Chosen, Wanted, base_of
from sapo_studio.app.reports.provenance import Origin, origins
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.domain.task_kinds import TASK_KINDS
from sapo_studio.store import queries
from sapo_studio.store.alarms import RaisedAlarm, alarms_of
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue

OF_A_REASONER = ("greedy_accuracy", "sampled_accuracy", "sound_accuracy", "false_positives")
OF_A_VERIFIER = (
    "verifier_step_accuracy",
    "first_error_accuracy",
    "process_f1",
    "error_accuracy",
    "correct_accuracy",
    "prm_score",
    "mcc",
    "verifier_ece",
    "mce",
    "gap",
)


@dataclass(frozen=True, slots=True)
class Number:
    """A metric of the published model, and `before`: the same of iteration 0. `of`: the evaluation set that it was
    measured on, "" for the run's own questions or benchmark."""

    name: str
    value: MetricValue
    before: MetricValue | None
    of: str = ""


@dataclass(frozen=True)
class Facts:
    """All that a card is made from. `answer` is the engine's (`PublishRequest`), empty before there is one."""

    name: str
    wanted: Wanted
    chosen: Chosen
    config: RunConfig
    base: Base
    origins: Sequence[Origin]
    numbers: Sequence[Number]
    alarms: Sequence[RaisedAlarm]
    answer: Mapping[str, Any]

    @property
    def code(self) -> bool:
        """Whether solutions are programs, as far as the kind of task says."""
        return TASK_KINDS[self.config.task.kind].solutions == "programs"


def facts_of(
    store: Store,
    name: str,
    wanted: Wanted,
    chosen: Chosen,
    answer: Mapping[str, Any],
    known: Sequence[Origin] | None = None,
) -> Facts:
    """Read them. Digests of the run's data and base are computed, which takes a while where they are large, unless its
    origins are `known`."""
    run_id = wanted.run_id
    config = queries.get_config(store, run_id)
    return Facts(
        name=name,
        wanted=wanted,
        chosen=chosen,
        config=config,
        base=base_of(config, store.run_dir(run_id)),
        origins=origins(config) if known is None else known,
        numbers=_numbers(store, run_id, wanted.verifier, chosen.iteration),
        alarms=[alarm for alarm in alarms_of(store, run_id) if alarm.iteration <= chosen.iteration],
        answer=answer,
    )


def _numbers(store: Store, run_id: str, verifier: bool, iteration: int) -> list[Number]:
    found: list[Number] = []
    names = OF_A_VERIFIER if verifier else OF_A_REASONER
    for of, by_iteration in queries.metrics_by_set(store, run_id).items():
        values, first = by_iteration.get(iteration, {}), by_iteration.get(0, {})
        for name in names:
            if name in METRICS and name in values and not values[name].estimate:
                found.append(Number(name, values[name], first.get(name) if iteration else None, of))
    return found
