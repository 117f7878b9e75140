"""What several people say about the items of a queue: the judgements that are compared, conflicts, gold items.

Compared is what stood when a person saved an item, whatever they judged elsewhere since: by then they may have seen
what others or the models think.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sapo_studio.domain.gold import GoldItem, GoldScore, gold_score
from sapo_studio.domain.people import Judged
from sapo_studio.store.db import Store
from sapo_studio.store.resolutions import Resolution


@dataclass(frozen=True)
class SavedByPeople:
    """An item of a queue that at least one person has saved, and what each of these says. `gold`: its known first
    error, 0 for none; None where it is no gold item."""

    item_id: int
    place: int
    trajectory_id: int
    question_id: int
    iteration: int
    sample: int
    gold: int | None
    judged: Judged


@dataclass(frozen=True)
class Conflict:
    """An item that two people have saved and judged differently. `resolution`: None while it is open."""

    item: SavedByPeople
    resolution: Resolution | None


def saved_by_people(store: Store, queue_id: int) -> list[SavedByPeople]:
    """The items that somebody has saved, in the queue's order, with what each of these people said at their save."""
    said: dict[tuple[int, str], dict[int, int]] = {}
    filled_in: dict[tuple[int, str], set[int]] = {}
    for item_id, annotator, step, judgement, filled in store.rows(
        "SELECT i.id, s.annotator, a.step, a.judgement, a.filled FROM queue_items i"
        " JOIN item_states s ON s.item_id = i.id AND s.status = 'saved'"
        " JOIN annotations a ON a.trajectory_id = i.trajectory_id AND a.annotator = s.annotator AND a.at <= s.at"
        "  AND (a.undone_at IS NULL OR a.undone_at > s.at)"
        " WHERE i.queue_id = ? ORDER BY a.id",
        (queue_id,),
    ):
        said.setdefault((item_id, annotator), {})[step] = judgement  # the last one stands
        behind = filled_in.setdefault((item_id, annotator), set())
        (behind.add if filled else behind.discard)(step)
    found: dict[int, SavedByPeople] = {}
    people: dict[int, dict[str, dict[int, int]]] = {}
    filled_by: dict[int, dict[str, frozenset[int]]] = {}
    for *facts, n_steps, annotator in store.rows(
        "SELECT i.id, i.place, i.trajectory_id, t.question_id, t.iteration, t.sample, i.gold, t.n_steps, s.annotator"
        " FROM queue_items i JOIN item_states s ON s.item_id = i.id AND s.status = 'saved'"
        " JOIN trajectories t ON t.id = i.trajectory_id WHERE i.queue_id = ? ORDER BY i.place, s.annotator",
        (queue_id,),
    ):
        item_id = facts[0]
        mine, filled = people.setdefault(item_id, {}), filled_by.setdefault(item_id, {})
        mine[annotator] = said.get((item_id, annotator), {})
        filled[annotator] = frozenset(filled_in.get((item_id, annotator), ()))
        if item_id not in found:
            found[item_id] = SavedByPeople(*facts, judged=Judged(n_steps, mine, filled))
    return list(found.values())


def conflicts(items: Iterable[SavedByPeople], resolved: Mapping[int, Resolution]) -> list[Conflict]:
    """Of `items` those on which people differ, in the first error or in a step: open ones first. `resolved`: by
    trajectory, as `resolutions_of` gives it."""
    found = [Conflict(item, resolved.get(item.trajectory_id)) for item in items if item.judged.differs]
    return sorted(found, key=lambda one: (one.resolution is not None, one.item.place))


def gold_item(item: SavedByPeople, who: str) -> GoldItem | None:
    """What this person said of a gold item; None where it is none, or they have not saved it."""
    said = item.judged.steps.get(who)
    return None if item.gold is None or said is None else GoldItem(item.gold, item.judged.n_steps, said)


def gold_scores(items: Iterable[SavedByPeople]) -> dict[str, GoldScore]:
    """By person: how they judged the gold items that they have saved."""
    found: dict[str, list[GoldItem]] = {}
    for item in items:
        for who in item.judged.steps:
            if (one := gold_item(item, who)) is not None:
                found.setdefault(who, []).append(one)
    return {who: gold_score(found[who]) for who in sorted(found)}
