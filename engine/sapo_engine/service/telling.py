"""Telling how far a request is, now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sapo_studio.requests.wire import write_progress

TOLD = 100
"""Times, at most, that it is told."""


class Told:
    """Tells of how many things of `of` are done. `hear`: who is told, with a fraction of 1; whoever has asked the
    engine unless it says otherwise."""

    def __init__(self, of: int, hear: Callable[[float], object] = write_progress) -> None:
        self.of = of
        self.done = self.last = 0
        self._hear = hear

    def tick(self, count: int) -> None:
        """So many more are."""
        self.done += count
        if self.done == self.of or self.done - self.last >= max(1, self.of // TOLD):
            self.last = self.done
            self._hear(self.done / self.of)


class Parts:
    """A request of several parts, done one after the other. `weights`: by name, in order, how long each takes beside
    the others, about."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._last = 0.0

    def hear(self, part: str) -> Callable[[float], None]:
        """What takes how far this part is, a fraction of 1."""
        names = [*self._weights]
        before = sum(self._weights[name] for name in names[: names.index(part)])
        whole = sum(self._weights.values())

        def heard(done: float) -> None:
            now = (before + self._weights[part] * done) / whole
            if now - self._last >= 1 / TOLD or (now == 1.0 and self._last < 1.0):
                self._last = now
                write_progress(now)

        return heard
