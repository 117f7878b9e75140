"""Attention while one token a sequence is written, for small models on a CPU.

torch's own works head by head and row by row: with keys of a few kilobytes each, as a small model has them, entering
and leaving costs more than the arithmetic. Here sequences are the innermost dimension, every operation goes over all of
them, and what is in between stays in the processor's cache.
"""

from __future__ import annotations

import torch

BLOCK = 160 << 10
"""Products of numbers that are made at a time."""


class RowAttention:
    """softmax(q k) v for `rows` queries a head, each with keys and values of its own, of up to `room` positions. Every
    `groups` query heads share a key head."""

    def __init__(self, groups: int, key_heads: int, size: int, room: int, rows: int) -> None:
        self._block = min(room, max(1, BLOCK // (key_heads * size * rows)))
        self._products = torch.empty(self._block, key_heads, size, rows)
        self._scores = torch.empty(groups, room, key_heads, rows)
        self._part = torch.empty(key_heads, size, rows)

    def attend(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        bias: torch.Tensor | None,
        found: torch.Tensor,
    ) -> None:
        """`queries`, scaled, and `found`, which is written: shape (groups, key heads, size, rows); `keys`, `values`:
        (positions, key heads, size, rows); `bias` on the scores of the first positions: (those, 1, rows)."""
        positions = len(keys)
        scores = self._scores[:, :positions]
        for begin in range(0, positions, self._block):
            end = min(positions, begin + self._block)
            products = self._products[: end - begin]
            for query, out in zip(queries, scores, strict=True):
                torch.mul(keys[begin:end], query, out=products)
                torch.sum(products, 2, out=out[begin:end])
        if bias is not None:
            scores[:, : len(bias)] += bias
        weights = torch.softmax(scores, 1)[:, :, :, None]
        for begin in range(0, positions, self._block):
            end = min(positions, begin + self._block)
            products = self._products[: end - begin]
            for weight, out in zip(weights, found, strict=True):
                torch.mul(values[begin:end], weight[begin:end], out=products)
                torch.sum(products, 0, out=self._part if begin else out)
                if begin:
                    out += self._part
