"""The pass of a small Llama-like network on a CPU without its modules.

A small model's modules cost more than its arithmetic: a layer's token step is some hundred calls, each of which takes
new memory. Here it is thirty, on buffers that stay until sequences leave the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from sapo_engine.rollouts.forward import padded
from sapo_engine.rollouts.kept_memory import KeptMemory
from sapo_engine.rollouts.lean.attention import RowAttention
from sapo_engine.rollouts.lean.store import LeanStore
from sapo_engine.rollouts.lean.stream import Stream
from sapo_engine.rollouts.lean.weights import LeanWeights


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
        scores = self._read(self._store, ids, pads, share)
        # None where all prompts are of one length: then all tokens of a step are at the same position.
        self._positions = self._bias = None
        if bool(pads.any()):
            self._positions = (width - pads)[share]
            padding = torch.arange(width)[:, None] < pads[share]
            self._bias = torch.zeros(padding.shape).masked_fill_(padding, torch.finfo(torch.float32).min)[:, None]
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
        if self._positions is not None:
            self._positions = self._positions[sequences]
        if self._bias is not None:
            # On scores of the prompts' positions, shape (positions, 1, sequences).
            self._bias = self._bias[..., sequences]
        self._use(len(sequences))

    def close(self) -> None:
        """See Forward."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _read(self, store: LeanStore, ids: torch.Tensor, pads: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """Read prompts, token by token and of each token prompt by prompt; keys and values go to `store`."""
        w = self.weights
        prompts, width = ids.shape
        columns = torch.arange(width)
        positions = (columns[:, None] - pads).clamp(min=0).flatten()
        cosines, sines = self._cosines[:, positions], self._sines[:, positions]
        seen = _seen(pads, width)
        stream = Stream(w, width * prompts)
        stream.begin(ids.T.flatten())
        for layer, keys, values in zip(w.layers, store.keys, store.values, strict=True):
            stream.project(layer, cosines, sines)
            # (key heads, size, tokens of all) as (prompts, key heads, tokens, size), and groups in front of key heads.
            queries, key, value = (
                part.unflatten(-1, (width, prompts)) for part in (stream.queries, stream.keys, stream.values)
            )
            for states, target in ((key, keys), (value, values)):
                torch.index_select(states.permute(2, 0, 1, 3), 3, share, out=target[:width])
            groups = len(queries)
            found = functional.scaled_dot_product_attention(
                queries.permute(4, 0, 1, 3, 2).flatten(1, 2),
                key.permute(3, 0, 2, 1).repeat(1, groups, 1, 1),
                value.permute(3, 0, 2, 1).repeat(1, groups, 1, 1),
                attn_mask=seen,
                is_causal=seen is None,
                scale=1.0,
            )
            stream.found.unflatten(-1, (width, prompts)).copy_(
                found.unflatten(1, (groups, w.key_heads)).permute(1, 2, 4, 3, 0)
            )
            stream.end(layer)
        return stream.scores(prompts)[share]

    def _use(self, rows: int) -> None:
        w = self.weights
        self._stream = Stream(w, rows)
        self._attention = RowAttention(w.heads // w.key_heads, w.key_heads, w.size, self._room, rows)

    def _kept(self) -> LeanStore:
        if self._store is None:
            raise RuntimeError("no prompts have been read")
        return self._store


def _seen(pads: torch.Tensor, width: int) -> torch.Tensor | None:
    """Which tokens of a prompt each of them sees, shape (prompts, 1, width, width); None: all before it."""
    if not bool(pads.any()):
        return None
    columns = torch.arange(width)
    causal = columns[:, None] >= columns
    real = columns >= pads[:, None]
    # What pads a prompt sees itself: nothing at all would be no number.
    return (causal & real[:, None] | torch.eye(width, dtype=torch.bool))[:, None]
