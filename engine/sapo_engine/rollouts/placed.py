"""A back end that takes its place on the device before it writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend
from sapo_studio.domain.ledger import Usage


class PlacedBackend:
    """What `ready` returns, which is the same object each time: on the device, with the weights that are asked for.

    Whoever has this back end may have scored, trained or sampled with others since, and the device is no longer this
    one's then. Implements RolloutBackend; `usage` begins with this object.
    """

    def __init__(self, ready: Callable[[], RolloutBackend]) -> None:
        self._ready = ready
        self.inner = ready()
        self.usage = Usage()

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend."""
        self.inner = self._ready()
        before = self.inner.usage.copy()
        found = self.inner.generate(requests, temperature=temperature, tick=tick)
        self.usage += self.inner.usage - before
        return found
