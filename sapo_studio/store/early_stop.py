"""Whether a run ends, or ended, before its last iteration: its rules, and the numbers that the store has of it."""

from __future__ import annotations

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.early_stop import Measured, reason_to_stop
from sapo_studio.store import queries
from sapo_studio.store.db import Store


def stopped_early(store: Store, run_id: str, config: RunConfig, iteration: int) -> str:
    """Why the run ends after `iteration`, as a part of a sentence. Empty where it goes on, or that is its last."""
    rules = config.early_stop.rules
    if not rules.any or not 0 < iteration < config.iterations:
        return ""
    history = {
        at: {name: Measured(value.value, value.low, value.high) for name, value in values.items()}
        for at, values in queries.metrics(store, run_id).items()
        if at <= iteration
    }
    return reason_to_stop(rules, history, iteration)
