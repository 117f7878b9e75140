"""What a small network's blocks do besides attention, on buffers that stay: features outermost, tokens innermost."""

from __future__ import annotations

import torch
from torch.nn import functional

from sapo_engine.rollouts.lean.weights import LeanLayer, LeanWeights


class Stream:
    """The residual stream of `columns` tokens that are computed together."""

    def __init__(self, weights: LeanWeights, columns: int) -> None:
        w = self.weights = weights
        hidden, wide = w.embedding.shape[1], w.layers[0].down.shape[1]
        groups, half = w.heads // w.key_heads, w.size // 2
        self._stream, self._normed, self._squares = (torch.empty(hidden, columns) for _ in range(3))
        self._mean = torch.empty(1, columns)
        projected = torch.empty(w.heads + 2 * w.key_heads, w.size, columns)
        self._projected = projected.flatten(0, 1)
        # Views are made once: to make one costs as much as to multiply with it.
        self._turning, self.values = projected[: -w.key_heads], projected[-w.key_heads :]
        self._low, self._high = self._turning[:, :half], self._turning[:, half:]
        turned = torch.empty(w.heads + w.key_heads, w.size, columns)
        self._turned, self._turned_low, self._turned_high = turned, turned[:, :half], turned[:, half:]
        self.queries = turned[: w.heads].unflatten(0, (groups, w.key_heads))
        self.keys = turned[w.heads :]
        self.found = torch.empty(groups, w.key_heads, w.size, columns)
        self._found = self.found.view(w.heads * w.size, columns)
        self._gate_up = torch.empty(2 * wide, columns)
        self._gate, self._up = self._gate_up[:wide], self._gate_up[wide:]

    def begin(self, tokens: torch.Tensor) -> None:
        """These tokens, shape (columns,)."""
        self._stream.copy_(self.weights.embedding[tokens].T)

    def project(self, layer: LeanLayer, cosines: torch.Tensor, sines: torch.Tensor) -> None:
        """Write `queries`, shape (groups, key heads, size, columns), and `keys` and `values`, shape (key heads, size,
        columns). `cosines`, shape (size, columns or 1), and `sines`, (size / 2, columns or 1), of their positions."""
        self._norm()
        torch.mm(layer.project, self._normed, out=self._projected)
        if layer.bias is not None:
            self._projected += layer.bias
        if layer.norms is not None:
            mean = torch.mean(self._turning * self._turning, 1, keepdim=True)
            self._turning *= mean.add_(self.weights.eps).rsqrt_() * layer.norms
        torch.mul(self._turning, cosines, out=self._turned)
        self._turned_low.addcmul_(self._high, sines, value=-1)
        self._turned_high.addcmul_(self._low, sines)

    def end(self, layer: LeanLayer) -> None:
        """Take in what attention has `found`, shape (groups, key heads, size, columns), and do the rest of the
        block."""
        self._stream.addmm_(layer.out, self._found)
        self._norm()
        torch.mm(layer.gate_up, self._normed, out=self._gate_up)
        functional.silu(self._gate, inplace=True).mul_(self._up)
        self._stream.addmm_(layer.down, self._gate)

    def scores(self, last: int) -> torch.Tensor:
        """Over the vocabulary, for what follows the last so many tokens, shape (last, vocabulary)."""
        self._norm()
        return torch.mm(self._normed[:, -last:].T, self.weights.head.T)

    def _norm(self) -> None:
        """RMSNorm without its weight: x / sqrt(mean(x^2) + eps)."""
        torch.mul(self._stream, self._stream, out=self._squares)
        torch.mean(self._squares, 0, keepdim=True, out=self._mean)
        self._mean.add_(self.weights.eps).rsqrt_()
        torch.mul(self._stream, self._mean, out=self._normed)
