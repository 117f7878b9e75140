"""A run that goes on with fewer ranks than it is to have, because a node was lost, grows again when there is room."""

from __future__ import annotations

from typing import Any

from sapo_engine.cluster.places import Places, bundle


class Growth:
    """Holds out for the ranks that `places` lacks of `wanted`: asks the cluster for them at once, and keeps what it
    gives until this process ends, so that nobody else takes them before the phase under way is over."""

    def __init__(self, ray: Any, places: Places, wanted: int) -> None:
        self._ray = ray
        self._group: Any = None
        if places.count < wanted:
            lacking = [bundle(places.cpus, places.on_cards)] * (wanted - places.count)
            self._group = ray.util.placement_group(lacking, strategy="PACK")

    @property
    def has_room(self) -> bool:
        """Whether they are there now."""
        if self._group is None:
            return False
        return bool(self._ray.util.placement_group_table(self._group).get("state") == "CREATED")
