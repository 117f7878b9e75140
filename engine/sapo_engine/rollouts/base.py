"""What a rollout back end has to offer: continuations of token prefixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sapo_studio.domain.ledger import Usage
from sapo_studio.errors import InputError

CHECK_EVERY = 16
"""New tokens of a continuation between two looks at whether it has come to its end without an end-of-text token."""


class Watch(Protocol):
    """Follows one continuation while it is written."""

    def ended(self, new: Sequence[int]) -> bool:
        """Take in the tokens written since the last look; whether nothing that is written next can count."""
        ...


class Listener(Protocol):
    """Hears what is written while it is written. What it raises ends the call that writes."""

    def heard(self, sequences: Sequence[int], tokens: Sequence[int], going: Sequence[bool]) -> None:
        """Each of these sequences, counted over requests and keys, has got one more token; whether it goes on."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """Continue `prompt` once for each of `keys`. A key seeds its own continuation and nothing else, so a result does
    not depend on what else is in the batch, on its order, or on the process that computes it.

    `watch`, where there is one, makes a Watch for each continuation. It is asked every CHECK_EVERY tokens; once it says
    so the continuation ends there, without an end-of-text token. The others are written as if it had gone on.

    `log_probs`: completions are to come with log-probabilities of their tokens; what is written stays the same."""

    prompt: tuple[int, ...]
    keys: tuple[int, ...]
    max_new_tokens: int
    watch: Callable[[], Watch] | None = field(default=None, compare=False)
    log_probs: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """New token ids, the end-of-text token included if it was reached (`finished`). Without it a continuation has come
    to its limit, or its watch has ended it.

    `log_probs`, where the request asks for them: of each token the natural logarithm of its probability under the
    weights that wrote it, at temperature 1 whatever it was drawn at."""

    tokens: tuple[int, ...]
    finished: bool
    log_probs: tuple[float, ...] = ()


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


def within(requests: Sequence[Request], context: int) -> list[Request]:
    """The requests as far as a context length of `context` tokens lets a model fulfil them: what it writes ends there.

    Raises InputError where a prompt leaves no room at all.
    """
    for request in requests:
        if len(request.prompt) >= context:
            raise InputError(
                f"A prompt of {len(request.prompt)} tokens is too long to be continued",
                why=f"The context length is {context} tokens, prompt and continuation together.",
                fix="Leave the question out, shorten its prompt, or take a model with a longer context.",
            )
    return [
        replace(request, max_new_tokens=min(request.max_new_tokens, context - len(request.prompt)))
        for request in requests
    ]
