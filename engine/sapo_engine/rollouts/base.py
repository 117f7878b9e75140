"""What a roll-out back end has to offer: continuations of token prefixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """Continue `prompt` once for each of `keys`. A key seeds its own continuation and nothing else, so a result does
    not depend on what else is in the batch, on its order, or on the process that computes it."""

    prompt: tuple[int, ...]
    keys: tuple[int, ...]
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """New token ids, the end-of-text token included if it was reached (`finished`)."""

    tokens: tuple[int, ...]
    finished: bool


@dataclass(slots=True)
class Usage:
    """What generating has cost so far."""

    sequences: int = 0
    generated_tokens: int = 0
    prefill_tokens: int = 0

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.sequences - other.sequences,
            self.generated_tokens - other.generated_tokens,
            self.prefill_tokens - other.prefill_tokens,
        )

    def copy(self) -> Usage:
        """A snapshot to subtract later."""
        return Usage(self.sequences, self.generated_tokens, self.prefill_tokens)


class RolloutBackend(Protocol):
    """Generates continuations with one reasoner's weights."""

    usage: Usage

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """For each request, one completion a key, in order. `temperature` 0 is greedy. `tick` hears of each
        finished batch, in sequences.
        """
        ...
