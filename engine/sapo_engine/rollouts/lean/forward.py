"""The pass of a small Llama-like network on a CPU without its modules.

A small model's modules cost more than its arithmetic: a layer's token step is some hundred calls, each of which takes
new memory. Here it is thirty, on buffers that stay until sequences leave the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sapo_engine.rollouts.forward import padded
from sapo_engine.rollouts.kept_memory import KeptMemory
from sapo_engine.rollouts.lean.attention import RowAttention
from sapo_engine.rollouts.lean.reading import PromptAttention, over_padding
from sapo_engine.rollouts.lean.store import LeanStore, select
from sapo_engine.rollouts.lean.stream import Stream
from sapo_engine.rollouts.lean.weights import LeanWeights

READ = 4096
"""Tokens of prompts that are read at a time, or one prompt: what is in between then stays in the processor's cache."""


class LeanForward:
    """Implements Forward with `weights`; keys and values lie in `memory`. Prompts are padded on the left with `pad`."""

    def __init__(self, weights: LeanWeights, memory: KeptMemory, pad: int) -> None:
        self.weights, self.memory, self.pad = weights, memory, pad
        self._store: LeanStore | None = None

    def read(self, prompts: Sequence[tuple[int, ...]], counts: Sequence[int], more: int) -> torch.Tensor:
        """See Forward."""
        w = self.weights
        ids, pads = padded(prompts, self.pad, torch.device("cpu"))
        share = torch.repeat_interleave(torch.tensor(counts))
        self._filled = width = ids.shape[1]
        self._room = width + more
        self._cosines, self._sines = w.turns(self._room)
        self._store = LeanStore(self.memory, len(w.layers), self._room, w.key_heads, w.size, len(share))
        scores = torch.empty(len(share), len(w.head))
        group, begin = max(1, READ // width), 0
        for first in range(0, len(ids), group):
            mine = slice(first, first + group)
            end = begin + sum(counts[mine])
            self._read(ids[mine], pads[mine], share[begin:end] - first, slice(begin, end), scores)
            begin = end
        self._bias = over_padding(pads[share], width)
        # None where all prompts are of one length: then all tokens of a step are at the same position.
        self._positions = None if self._bias is None else (width - pads)[share]
        self._use(len(share))
        return scores

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """See Forward."""
        at = self._filled
        self._filled = end = at + 1
        positions = slice(at, end) if self._positions is None else self._positions
        cosines, sines = self._cosines[:, positions], self._sines[:, positions]
        stream, store = self._stream, self._kept()
        stream.begin(tokens)
        for layer, keys, values in zip(self.weights.layers, store.keys, store.values, strict=True):
            stream.project(layer, cosines, sines)
            keys[at], values[at] = stream.keys, stream.values
            self._attention.attend(stream.queries, keys[:end], values[:end], self._bias, stream.found)
            stream.end(layer)
        if self._positions is not None:
            self._positions += 1
        return stream.scores(len(tokens))

    def keep(self, sequences: torch.Tensor) -> None:
        """See Forward."""
        self._kept().keep(sequences, self._filled)
        if self._positions is not None and self._bias is not None:
            self._positions = self._positions[sequences]
            self._bias = self._bias[..., sequences]
        self._use(len(sequences))

    def close(self) -> None:
        """See Forward."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _read(
        self, ids: torch.Tensor, pads: torch.Tensor, share: torch.Tensor, rows: slice, scores: torch.Tensor
    ) -> None:
        """Read prompts, token by token and of each token prompt by prompt. `share` says which of them each of `rows`
        has: keys and values of these are written, and their `scores`."""
        w, store = self.weights, self._kept()
        prompts, width = ids.shape
        positions = (torch.arange(width)[:, None] - pads).clamp(min=0).flatten()
        cosines, sines = self._cosines[:, positions], self._sines[:, positions]
        stream = Stream(w, width * prompts)
        attention = PromptAttention(w, pads, width)
        queries, found = (part.unflatten(-1, (width, prompts)) for part in (stream.queries, stream.found))
        states = [part.unflatten(-1, (width, prompts)).permute(2, 0, 1, 3) for part in (stream.keys, stream.values)]
        stream.begin(ids.T.flatten())
        for layer, *stores in zip(w.layers, store.keys, store.values, strict=True):
            stream.project(layer, cosines, sines)
            keys, values = (part.contiguous() for part in states)
            for part, kept in zip((keys, values), stores, strict=True):
                select(part, share, kept[:width, ..., rows])
            attention.attend(queries, keys, values, found)
            stream.end(layer)
        torch.index_select(stream.scores(prompts), 0, share, out=scores[rows])

    def _use(self, rows: int) -> None:
        w = self.weights
        self._stream = Stream(w, rows)
        self._attention = RowAttention(w.heads // w.key_heads, w.key_heads, w.size, self._room, rows)

    def _kept(self) -> LeanStore:
        if self._store is None:
            raise RuntimeError("no prompts have been read")
        return self._store
