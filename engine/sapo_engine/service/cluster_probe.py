"""What a Ray cluster is made of (`sapo doctor --cluster`). No torch here."""

from __future__ import annotations

from typing import Any

from sapo_engine.cluster.attach import attached
from sapo_engine.cluster.host import Facts, facts
from sapo_engine.cluster.nodes import Node, differences, living, misfit
from sapo_studio import engines
from sapo_studio.requests.kinds import ClusterProbeRequest

SECONDS = 90.0
"""How long a node may take to answer."""


def answer(request: ClusterProbeRequest) -> dict[str, Any]:
    """See ClusterProbeRequest. Raises InputError where there is no such cluster."""
    with attached(request.address) as ray:
        nodes = living(ray)
        ask = ray.remote(facts)
        affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        # It takes no core of any node, so that one that is fully at work answers, too.
        asked = [
            ask.options(num_cpus=0, max_retries=0, scheduling_strategy=affinity(node.id, soft=False)).remote(
                engines.PROBE
            )
            for node in nodes
        ]
        ray.wait(asked, num_returns=len(asked), timeout=SECONDS)
        told = [_answer(ray, reference) for reference in asked]
        return {
            "ray": ray.__version__,
            "nodes": [_node(node, found) for node, found in zip(nodes, told, strict=True)],
            "differences": differences([found for found in told if not isinstance(found, str)]),
        }


def _answer(ray: Any, reference: Any) -> Facts | str:
    """What a node said of itself, or why it said nothing."""
    try:
        return ray.get(reference, timeout=0)
    except ray.exceptions.GetTimeoutError:
        return f"It did not answer within {SECONDS:.0f} s"
    except ray.exceptions.RayError as error:
        return (str(error).strip() or type(error).__name__).splitlines()[-1]


def _node(node: Node, found: Facts | str) -> dict[str, Any]:
    told = {} if isinstance(found, str) else found["told"] or {}
    where = f"Node {node.host} ({node.address})"
    return {
        "host": node.host,
        "address": node.address,
        "cores": int(node.cpus),
        "cards": int(node.cards),
        "kinds": list(node.kinds),
        "release": told.get("release") or "none",
        "python": told.get("python", ""),
        "packages": told.get("packages", {}),
        "trouble": f"{where}: {found}" if isinstance(found, str) else misfit(found),
    }
