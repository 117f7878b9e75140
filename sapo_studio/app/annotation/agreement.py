"""How far the people of a queue agree, as numbers for a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sapo_studio.domain.agreement import Coefficient
from sapo_studio.domain.gold import GoldScore, gold_score
from sapo_studio.domain.people import Agreement, agreement
from sapo_studio.store.agreement import conflicts, gold_items, saved_by_people
from sapo_studio.store.db import Store


def agreement_of(store: Store, queue_id: int) -> Agreement:
    """The agreement over the items of a queue that two or more people have saved."""
    return agreement([item.judged for item in saved_by_people(store, queue_id)])


def gold_of(store: Store, queue_id: int) -> dict[str, GoldScore]:
    """By person: how they judged the gold items that they have saved."""
    return {who: gold_score(item for _, item in found) for who, found in gold_items(store, queue_id).items()}


def agreement_facts(store: Store, queue_id: int) -> dict[str, Any]:
    """All of it as JSON holds it: numbers that are not defined are null, with the reason beside them."""
    found = agreement_of(store, queue_id)
    differing = conflicts(store, queue_id)
    return {
        "people": list(found.people),
        "trajectories": found.trajectories,
        "steps": found.steps,
        "categories": {"first_error": "nominal", "steps": "nominal"},
        "alpha_first_error": _coefficient(found.alpha_first_error),
        "alpha_steps": _coefficient(found.alpha_steps),
        "same_first_error": _coefficient(found.same_first_error),
        "pairs": [
            {
                "people": [pair.first, pair.second],
                "trajectories": pair.trajectories,
                "steps": pair.steps,
                "kappa_first_error": _coefficient(pair.kappa_first_error),
                "kappa_steps": _coefficient(pair.kappa_steps),
                "same_first_error": _coefficient(pair.same_first_error),
                "table": {"order": ["incorrect", "neutral", "correct"], "counts": pair.table},
            }
            for pair in found.pairs
        ],
        "conflicts": {
            "open": sum(one.resolution is None for one in differing),
            "resolved": sum(one.resolution is not None for one in differing),
        },
        "gold": {
            who: {**asdict(score), "p": score.p, "bias": score.bias(who) or None}
            for who, score in gold_of(store, queue_id).items()
        },
    }


def _coefficient(found: Coefficient) -> dict[str, Any]:
    return {**asdict(found), "why": found.why or None}
