"""The nodes of a cluster: what each has, whether the program on it is this one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sapo_engine.cluster.host import Facts
from sapo_studio import __version__, engines
from sapo_studio.events import PROTOCOL

_KIND = "accelerator_type:"
COMPARED = ("torch", "transformers", "peft", "ray")
"""Packages whose version should be the same everywhere."""


@dataclass(frozen=True)
class Node:
    """A node as the cluster knows it. `cpus` and `cards` are what Ray may give away there, in use or not;
    `kinds` how Ray calls its kinds of cards."""

    id: str
    address: str
    host: str
    cpus: float
    cards: float
    kinds: tuple[str, ...] = ()

    def ranks(self, cpus: int, cards: int) -> int:
        """How many ranks it has room for that take so much each."""
        by = [self.cpus // cpus] if cpus else []
        if cards:
            by.append(self.cards // cards)
        return int(min(by)) if by else 0


def living(ray: Any) -> list[Node]:
    """The nodes that are there now, in a lasting order."""
    found = [
        Node(
            id=one["NodeID"],
            address=one["NodeManagerAddress"],
            host=one["NodeManagerHostname"],
            cpus=float(one["Resources"].get("CPU", 0)),
            cards=float(one["Resources"].get("GPU", 0)),
            kinds=tuple(sorted(key.removeprefix(_KIND) for key in one["Resources"] if key.startswith(_KIND))),
        )
        for one in ray.nodes()
        if one["Alive"]
    ]
    return sorted(found, key=lambda node: (node.address, node.id))


def name_of(found: Facts) -> str:
    """What a node is called to people."""
    return f"{found['host']} ({found['address']})"


def misfit(found: Facts) -> str:
    """Why the program on a node cannot work with this one; empty where it can."""
    where = name_of(found)
    told = found["told"]
    if told is None:
        return f"{found['python']} on node {where} says nothing: {found['why']}"
    if told["protocol"] is None:
        return f"Node {where} has no SAPO Studio engine: {told.get('why', '')}"
    if (told["release"], told["protocol"]) != (__version__, PROTOCOL):
        return (
            f"Node {where} has release {told['release']} (protocol {told['protocol']}), "
            f"this machine {__version__} (protocol {PROTOCOL})"
        )
    lacking = [name for name in engines.NEEDED if name not in told["packages"]]
    return f"Node {where} lacks {', '.join(lacking)}" if lacking else ""


def differences(found: Iterable[Facts]) -> list[str]:
    """Packages that are not of one version on all nodes, a sentence each: the last digits of numbers may differ."""
    said: list[str] = []
    for name in COMPARED:
        there = {one["host"]: one["told"]["packages"].get(name, "none") for one in found if one["told"]}
        if len(set(there.values())) > 1:
            versions = ", ".join(f"{version} on {host}" for host, version in there.items())
            said.append(f"{name} is not the same everywhere: {versions}.")
    return said
