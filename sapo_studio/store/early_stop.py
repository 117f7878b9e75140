"""Whether a run ends, or ended, before its last iteration: its rules, and the numbers that the store has of it."""

from __future__ import annotations

from sapo_studio.config.schema import PAIRED, RunConfig
from sapo_studio.domain.early_stop import reason_to_stop
from sapo_studio.store import queries
from sapo_studio.store.db import Store


def stopped_early(store: Store, run_id: str, config: RunConfig, iteration: int) -> str:
    """Why the run ends after `iteration`, as a part of a sentence. Empty where it goes on, or that is its last."""
    rules = config.early_stop.rules
    if not rules.any or not 0 < iteration < config.iterations:
        return ""
    paired = config.optimiser.kind_at(iteration) in PAIRED
    return reason_to_stop(rules, queries.metrics(store, run_id), iteration, paired=paired)
