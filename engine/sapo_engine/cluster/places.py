"""Room for a run's ranks on a cluster: a place each, in one placement group."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sapo_engine.cluster.nodes import Node, living
from sapo_studio.errors import InputError
from sapo_studio.readable import counted

WAIT_SECONDS = 120.0
"""How long a run waits for what other programs hold on the cluster."""
RETURN_SECONDS = 15.0
"""How long a run that goes on waits for a node that was lost, before it does with fewer ranks."""
_LOOK_SECONDS = 1.0
_QUIET_SECONDS = 5.0
_TOUCH = 0.001
"""Of the resource that each node has one of, named after its address: what is placed by it lies there."""


@dataclass(frozen=True)
class Places:
    """`count` places, each with `cpus` cores and, `on_cards`, a card. `group` is Ray's placement group."""

    group: Any
    count: int
    cpus: int
    on_cards: bool

    def actor(self, ray: Any, kind: type, index: int, threads: int) -> Any:
        """An actor of class `kind` on place `index`, whose methods run in so many threads. It is not started again: its
        worker would be gone with it."""
        made = ray.remote(kind).options(
            num_cpus=self.cpus,
            num_gpus=int(self.on_cards),
            max_concurrency=threads,
            max_restarts=0,
            scheduling_strategy=ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(
                self.group, placement_group_bundle_index=index
            ),
        )
        return made.remote()


def on_cards(device: str, nodes: Sequence[Node]) -> bool:
    """Whether ranks work on cards: as `runtime.device` says, which leaves the choice where it is `auto`."""
    return device == "cuda" or (device == "auto" and any(node.cards for node in nodes))


def take_places(
    ray: Any,
    wanted: int,
    *,
    cpus: int,
    device: str,
    again: bool,
    tell: Callable[[str], None],
    stopped: Callable[[], bool],
) -> Places | None:
    """Places for `wanted` ranks, as near to each other as there is room; the first on this machine, where that can have
    one, since it writes the run's files.

    A run that goes on after a loss (`again`) takes fewer where there is no longer room for all, or others have taken
    it. None where `stopped` says so meanwhile. Raises InputError where the cluster has no such room at all, or not
    within WAIT_SECONDS.
    """
    began = asked = time.monotonic()
    told = False
    count, group, cards = wanted, None, False
    while not stopped():
        waited = time.monotonic() - began
        # Anew each time: it takes Ray a while to be sure that a node is gone, and another may come.
        nodes = living(ray)
        cards = cards or on_cards(device, nodes)
        room = _room(nodes, cpus, cards)
        if room < count and again and room and waited > RETURN_SECONDS:
            tell(f"The cluster has room for {room} of {wanted} workers now: the run goes on with {room}.")
            if group is not None:
                ray.util.remove_placement_group(group)
            count, group = room, None
        if room < count and not (again and waited <= RETURN_SECONDS):
            raise _too_small(wanted, room, cpus, cards, nodes)
        if waited > WAIT_SECONDS:
            raise _busy(ray, count, cards)
        if waited > _QUIET_SECONDS and not told and group is not None:
            told = True
            tell(f"Waiting for {counted(count, 'place')} on the Ray cluster: {_free(ray, cards)}.")
        if group is None and room >= count:
            asked = time.monotonic()
            group = ray.util.placement_group(_bundles(ray, nodes, count, cpus, cards), strategy="PACK")
        if group is None:
            time.sleep(_LOOK_SECONDS)
        elif group.wait(_LOOK_SECONDS):
            return Places(group, count, cpus, cards)
        elif again and waited > RETURN_SECONDS and time.monotonic() - asked > _QUIET_SECONDS:
            fewer = min(count - 1, _free_places(ray, cpus, cards))
            if fewer:
                tell(f"Others work on the Ray cluster ({_free(ray, cards)}): the run goes on with {fewer} of {wanted}.")
                ray.util.remove_placement_group(group)
                count, group = fewer, None
    return None


def bundle(cpus: int, cards: bool) -> dict[str, float]:
    """What a rank takes, as Ray names it."""
    return {"CPU": float(cpus)} | ({"GPU": 1.0} if cards else {})


def _bundles(ray: Any, nodes: Sequence[Node], count: int, cpus: int, cards: bool) -> list[dict[str, float]]:
    """What each rank takes; of the first also where it has to be, if there is room for it here."""
    each = bundle(cpus, cards)
    mine = ray.get_runtime_context().get_node_id()
    here = [f"node:{node.address}" for node in nodes if node.id == mine and node.ranks(cpus, int(cards))]
    return [each | dict.fromkeys(here, _TOUCH), *(each for _ in range(count - 1))]


def _room(nodes: Sequence[Node], cpus: int, cards: bool) -> int:
    return sum(node.ranks(cpus, int(cards)) for node in nodes)


def _free_places(ray: Any, cpus: int, cards: bool) -> int:
    """For how many ranks there are enough cores and cards that nobody holds, wherever these lie: perhaps for fewer."""
    free = ray.available_resources()
    by = [free.get("CPU", 0) // cpus] + ([free.get("GPU", 0)] if cards else [])
    return int(min(by))


def _too_small(wanted: int, room: int, cpus: int, cards: bool, nodes: Sequence[Node]) -> InputError:
    each = f"a card and {counted(cpus, 'core')}" if cards else counted(cpus, "core")
    there = "; ".join(f"{node.host} ({node.address}): {_has(node, cards)}" for node in nodes)
    return InputError(
        f"runtime.processes = {wanted}, but the Ray cluster has room for {room}",
        why=f"Each takes {each}. There are {there}.",
        fix=f"Set runtime.processes = {room}, or add nodes." if room else "Add nodes that have it.",
    )


def _has(node: Node, cards: bool) -> str:
    cores = counted(int(node.cpus), "core")
    return f"{counted(int(node.cards), 'card')}, {cores}" if cards else cores


def _free(ray: Any, cards: bool) -> str:
    key, name = ("GPU", "card") if cards else ("CPU", "core")
    free, there = ray.available_resources().get(key, 0), ray.cluster_resources().get(key, 0)
    return f"{free:g} of {counted(int(there), name)} free"


def _busy(ray: Any, count: int, cards: bool) -> InputError:
    return InputError(
        f"The Ray cluster had no room for {counted(count, 'worker')} within {WAIT_SECONDS:.0f} s",
        why=f"Others work on it: {_free(ray, cards)}.",
        fix="Resume the run later, or with a smaller runtime.processes.",
    )
