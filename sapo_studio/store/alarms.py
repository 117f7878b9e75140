"""The alarms of runs: raised by a run's parent as soon as the figures behind them are final, and seen by people.

What raises one is a rule of `domain.alarms`; here they are kept, so that each is told once and stays until somebody has
seen it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sapo_studio.config.schema import PAIRED, RunConfig
from sapo_studio.domain.alarms import TITLES, Alarm, alarms
from sapo_studio.store import queries
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.runs import add_log

LOG_LINE = "Alarm of iteration "
"""How the log's warning of an alarm begins."""


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm as the store has it. `seen_at`: when somebody said that they know; None: nobody did yet."""

    id: int
    iteration: int
    kind: str
    at: float
    message: str
    facts: Mapping[str, float]
    seen_at: float | None

    @property
    def title(self) -> str:
        """What it is called on screen; a kind of another version by its name."""
        return TITLES.get(self.kind, self.kind)


def raise_alarms(store: Store, run_id: str, config: RunConfig) -> list[Alarm]:
    """Keep the alarms of the run, which has this `config`, whose figures are final by the phases that are done, with a
    warning in its log for each that is new. Returns those. Asking again changes nothing.
    """
    with store.atomic():
        done = {(phase.name, phase.iteration) for phase in queries.phases(store, run_id) if phase.status == "done"}
        if not done:
            return []
        known = {
            (iteration, kind)
            for iteration, kind in store.rows("SELECT iteration, kind FROM alarms WHERE run_id = ?", (run_id,))
        }
        new = [
            alarm
            for alarm in _due(store, run_id, config)
            if alarm.is_due(done) and (alarm.iteration, alarm.kind) not in known
        ]
        now = time.time()
        store.execute_many(
            "INSERT INTO alarms (run_id, iteration, kind, at, message, facts) VALUES (?, ?, ?, ?, ?, ?)",
            [(run_id, a.iteration, a.kind, now, a.message, json.dumps(dict(a.facts))) for a in new],
        )
        for alarm in new:
            add_log(store, run_id, "warning", f"{LOG_LINE}{alarm.iteration}: {alarm.title}. {alarm.message}")
        return new


def _due(store: Store, run_id: str, config: RunConfig) -> list[Alarm]:
    sets = queries.metrics_by_set(store, run_id)
    own, optimiser = sets.pop("", {}), config.optimiser
    return alarms(own, paired=lambda i: optimiser.kind_at(i) in PAIRED, eta=optimiser.eta, sets=sets)


def alarms_of(store: Store, run_id: str) -> list[RaisedAlarm]:
    """All alarms of a run, the oldest first."""
    found: list[RaisedAlarm] = []
    for identity, iteration, kind, at, message, told, seen_at in store.rows(
        "SELECT id, iteration, kind, at, message, facts, seen_at FROM alarms WHERE run_id = ? ORDER BY iteration, id",
        (run_id,),
    ):
        with reading(store.path, f"alarm {identity}"):
            facts: dict[str, float] = dict(json.loads(told))
        found.append(RaisedAlarm(identity, iteration, kind, at, message, facts, seen_at))
    return found


def mark_seen(store: Store, alarms: Sequence[int]) -> None:
    """Note that somebody has seen these alarms (by id). Those seen before keep their time."""
    now = time.time()
    with store.atomic():
        store.execute_many(
            "UPDATE alarms SET seen_at = ? WHERE id = ? AND seen_at IS NULL", [(now, identity) for identity in alarms]
        )
