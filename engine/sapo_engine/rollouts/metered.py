"""A back end whose work is counted, and looked up from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend
from sapo_studio.domain.ledger import Meter, Usage, rolled_out


class MeteredBackend:
    """Tells `meter` what `inner` writes and reads with a network of so many `parameters`. `heed` is called whenever
    texts have ended; what it raises ends the call. Implements RolloutBackend; `usage` begins with this object, whatever
    `inner` has done before."""

    def __init__(self, inner: RolloutBackend, meter: Meter, parameters: int, heed: Callable[[], object]) -> None:
        self.inner = inner
        self.meter = meter
        self.parameters = parameters
        self.heed = heed
        self.usage = Usage()

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend."""

        def ended(sequences: int) -> None:
            self.heed()
            if tick:
                tick(sequences)

        before = self.inner.usage.copy()
        found = self.inner.generate(requests, temperature=temperature, tick=ended)
        spent = self.inner.usage - before
        self.usage += spent
        self.meter.add(rolled_out(spent, self.parameters))
        return found
