"""Rollouts divided among the processes of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from itertools import islice

import numpy as np

from sapo_engine.process_group import Group, partition
from sapo_engine.rollouts.base import Completion, Request, RolloutBackend
from sapo_studio.domain.ledger import Usage


class ShardedBackend:
    """Each rank generates its share of the requests with its own `inner`, and all ranks get all completions.

    All ranks must ask for the same. A request's keys seed it, whoever generates it, so that the result does not depend
    on how many ranks there are (but for floating-point noise: what else is in a batch may change a sum's last bit).
    Implements RolloutBackend; `usage` is that of all ranks, on all ranks.
    """

    def __init__(self, inner: RolloutBackend, group: Group) -> None:
        self.inner = inner
        self.group = group
        self.usage = Usage()

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend. `tick` hears of the others' sequences as if they came as fast as this rank's."""
        # By what may have to be written. Of those alike each rank gets short prompts and long ones in turn: what begins
        # early in a solution goes on for longer.
        order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt))
        most = [len(requests[i].keys) * requests[i].max_new_tokens for i in order]
        shares = [[order[k] for k in part] for part in partition(most, self.group.size)]
        mine = [requests[i] for i in shares[self.group.rank]]
        own = sum(len(request.keys) for request in mine)
        total = sum(len(request.keys) for request in requests)
        told = done = 0

        def count(sequences: int) -> None:
            nonlocal told, done
            done += sequences
            if tick and total * done // own > told:
                tick(total * done // own - told)
                told = total * done // own

        before = self.inner.usage.copy()
        found = self.inner.generate(mine, temperature=temperature, tick=count) if mine else []
        spent = astuple(self.inner.usage - before)
        results: list[list[Completion]] = [[] for _ in requests]
        for share, (arrays, cost) in zip(shares, self.group.gather((_pack(found), spent)), strict=True):
            flat = iter(_unpack(arrays))
            for index in share:
                results[index] = [next(flat) for _ in requests[index].keys]
            self.usage = Usage(*(a + b for a, b in zip(astuple(self.usage), cost, strict=True)))
        if tick and told < total:
            tick(total - told)
        return results


def _pack(found: Sequence[Sequence[Completion]]) -> tuple[bytes, ...]:
    """Completions as bytes: a hundred thousand tuples of numbers would take long to send."""
    flat = [completion for completions in found for completion in completions]
    tokens = np.fromiter((token for completion in flat for token in completion.tokens), dtype=np.int32)
    lengths = np.array([len(completion.tokens) for completion in flat], dtype=np.int32)
    finished = np.array([completion.finished for completion in flat], dtype=np.bool_)
    told = np.array([bool(completion.log_probs) for completion in flat], dtype=np.bool_)
    log_probs = np.fromiter((value for completion in flat for value in completion.log_probs), dtype=np.float64)
    return tuple(array.tobytes() for array in (tokens, lengths, finished, told, log_probs))


def _unpack(arrays: tuple[bytes, ...]) -> list[Completion]:
    kinds = (np.int32, np.int32, np.bool_, np.bool_, np.float64)
    tokens, lengths, ends, told, log_probs = (
        iter(np.frombuffer(data, dtype=kind).tolist()) for data, kind in zip(arrays, kinds, strict=True)
    )
    return [
        Completion(tuple(islice(tokens, length)), finished, tuple(islice(log_probs, length if heard else 0)))
        for length, finished, heard in zip(lengths, ends, told, strict=True)
    ]
