"""A batch in parts: how many token positions are trained on at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from sapo_engine.models.memory import free_bytes, network_in, numerics_of, shape_of
from sapo_engine.training.sharded import own_bytes
from sapo_studio.config.engine_limits import MICRO_TOKENS
from sapo_studio.forecast.memory import micro_tokens_on_cpu, micro_tokens_that_fit
from sapo_studio.forecast.memory_parts import size


def divided(items: Sequence[int], positions: Callable[[int], int], most: int) -> list[list[int]]:
    """`items`, in their order, in parts whose `positions` come to at most `most` together. An item that has more is a
    part of its own: it is never divided."""
    parts: list[list[int]] = []
    filled = 0
    for item in items:
        more = positions(item)
        if not parts or filled + more > most:
            parts.append([])
            filled = 0
        parts[-1].append(item)
        filled += more
    return parts


def micro_tokens(
    model: nn.Module, precision: str, longest: int, there: float = 0.0, *, plain: bool = False, shards: int = 1
) -> tuple[int, str]:
    """How many token positions `model`, set up for training, may be trained on at a time where nobody says, and what
    that rests on ("" on a CPU, where it is always the same). `longest` texts; `there`: bytes that the training's
    optimiser has allocated already. `plain`: by another trainer, which casts and makes scores over the vocabulary for
    all positions at once. `shards`: processes that divide what is trained among them."""
    network = network_in(model)
    shape = shape_of(network) if network is not None else None
    free = free_bytes(next(model.parameters()).device)
    if network is None or shape is None:
        known = "" if network is None else network.config.model_type
        return MICRO_TOKENS, f"the shape of {known or 'the model'} is not known" if free is not None else ""
    how = numerics_of(network, precision, shards)
    if plain:
        how = replace(how, copy=False, whole_scores=True)
    if free is None:
        return micro_tokens_on_cpu(shape, how, longest), ""
    fitting = micro_tokens_that_fit(shape, how, longest, free, there=there)
    return fitting, f"{size(free)} are free, for texts of up to {longest}"


class MicroTokens:
    """Most token positions that one process trains on at a time: `now`. Half of it, whenever they turn out to be too
    many. `tell` hears of that."""

    def __init__(self, now: int, tell: Callable[[str], None]) -> None:
        self.now = now
        self._tell = tell

    def halve(self, parts: Sequence[Sequence[int]], positions: Callable[[int], int]) -> bool:
        """Memory ran out at one of `parts`: take half of what the largest has. False where each has one item alone,
        so that nothing can be less."""
        if all(len(part) < 2 for part in parts):
            return False
        largest = max(sum(map(positions, part)) for part in parts)
        self.now = max(1, largest // 2)
        self._tell(
            f"The device ran out of memory with {largest:,} token positions at a time. From here on {self.now:,} are "
            "trained on at a time; the result is the same. runtime.micro_tokens sets it from the start."
        )
        return True


def allocated(optimiser: torch.optim.Optimizer) -> float:
    """Bytes of the moments that `optimiser` has so far."""
    states = optimiser.state.values()
    return float(sum(own_bytes(value) for state in states for value in state.values() if torch.is_tensor(value)))
