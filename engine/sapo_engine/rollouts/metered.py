"""A back end whose work is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend
from sapo_studio.domain.ledger import Meter, Usage, rolled_out


class MeteredBackend:
    """Tells `meter` what `inner` writes and reads with a network of so many `parameters`. Implements RolloutBackend;
    `usage` begins with this object, whatever `inner` has done before."""

    def __init__(self, inner: RolloutBackend, meter: Meter, parameters: int) -> None:
        self.inner = inner
        self.meter = meter
        self.parameters = parameters
        self.usage = Usage()

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend."""
        before = self.inner.usage.copy()
        found = self.inner.generate(requests, temperature=temperature, tick=tick)
        spent = self.inner.usage - before
        self.usage += spent
        self.meter.add(rolled_out(spent, self.parameters))
        return found
