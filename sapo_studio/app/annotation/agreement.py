"""What the people of a queue say together: agreement, conflicts, gold items; the same as numbers for a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sapo_studio.domain.agreement import Coefficient
from sapo_studio.domain.gold import GoldScore
from sapo_studio.domain.people import Agreement, agreement
from sapo_studio.store.agreement import Conflict, SavedByPeople, conflicts, gold_scores, saved_by_people
from sapo_studio.store.db import Store
from sapo_studio.store.resolutions import resolutions_of


@dataclass(frozen=True)
class People:
    """What the people of a queue say, as it is now. `items`: those that somebody has saved; `gold`: by person."""

    items: tuple[SavedByPeople, ...]
    agreement: Agreement
    conflicts: tuple[Conflict, ...]
    gold: dict[str, GoldScore]

    @property
    def open(self) -> int:
        """Conflicts that nobody has resolved yet."""
        return sum(one.resolution is None for one in self.conflicts)


def people_of(store: Store, queue_id: int, known: People | None = None) -> People:
    """Read it. `known`: what was read before; where nobody has saved anything since, its numbers are still right."""
    items = tuple(saved_by_people(store, queue_id))
    if known is not None and known.items == items:
        found, gold = known.agreement, known.gold
    else:
        found, gold = agreement([item.judged for item in items]), gold_scores(items)
    return People(items, found, tuple(conflicts(items, resolutions_of(store, queue_id))), gold)


def open_conflicts(store: Store, queue_id: int) -> int:
    """How many conflicts nobody has resolved yet; nothing else is reckoned."""
    resolved = resolutions_of(store, queue_id)
    return sum(one.resolution is None for one in conflicts(saved_by_people(store, queue_id), resolved))


def people_facts(people: People) -> dict[str, Any]:
    """All of it as JSON holds it: numbers that are not defined are null, with the reason beside them."""
    found = people.agreement
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
            "open": people.open,
            "resolved": len(people.conflicts) - people.open,
        },
        "gold": {
            who: {**asdict(score), "p": score.p, "bias": score.bias(who) or None} for who, score in people.gold.items()
        },
    }


def _coefficient(found: Coefficient) -> dict[str, Any]:
    return {**asdict(found), "why": found.why or None}
