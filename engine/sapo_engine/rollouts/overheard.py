"""A back end that is listened to: a few of its completions come with log-probabilities, whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sapo_engine.rollouts.base import Completion, Request, RolloutBackend
from sapo_studio.domain.ledger import Usage


@dataclass(frozen=True, slots=True)
class Heard:
    """A completion as it was written, nothing cut off, with log-probabilities of its tokens."""

    prompt: tuple[int, ...]
    completion: Completion


@dataclass(slots=True)
class Listener:
    """Takes in completions until it has `most`."""

    most: int
    heard: list[Heard] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """How many it still takes."""
        return self.most - len(self.heard)


class OverheardBackend:
    """Has `listener` hear of the first completions of `inner`: of as many prompts as may be. Implements
    RolloutBackend; what is written and what it costs are as without it. `usage` begins with this object."""

    def __init__(self, inner: RolloutBackend, listener: Listener) -> None:
        self.inner = inner
        self.listener = listener
        self.usage = Usage()

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend."""
        count = self.listener.wanted
        asked = [replace(r, log_probs=True) for r in requests[:count]] + list(requests[count:])
        before = self.inner.usage.copy()
        found = self.inner.generate(asked, temperature=temperature, tick=tick)
        self.usage += self.inner.usage - before
        rows = list(zip(asked[:count], found, strict=False))
        by_turn = [
            Heard(request.prompt, row[turn])
            for turn in range(max((len(row) for _, row in rows), default=0))
            for request, row in rows
            if turn < len(row)
        ]
        self.listener.heard += by_turn[:count]
        return found
