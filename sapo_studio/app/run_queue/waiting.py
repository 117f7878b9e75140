"""The waiting runs as `domain.scheduling` takes them: with the cards that people allow beside what the run needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sapo_studio.domain.scheduling import Need, WaitingRun
from sapo_studio.store import run_queue
from sapo_studio.store.db import Store
from sapo_studio.store.run_queue import QueuedRun


def waiting_runs(store: Store) -> list[WaitingRun]:
    """Those that wait, in their order."""
    return as_waiting(run_queue.list_queue(store))


def as_waiting(queue: Iterable[QueuedRun]) -> list[WaitingRun]:
    """Those of `queue` that wait, in its order."""
    return [WaitingRun(one.run_id, one.name, allowed_need(one.need, one.cards)) for one in queue if one.waits]


def allowed_need(need: Need, cards: Iterable[str]) -> Need:
    """`need` on `cards` alone (UUIDs; none: on any that the run may use)."""
    chosen = frozenset(cards)
    return replace(need, only=chosen) if chosen and need.cards else need
