"""A small network's weights as the lean pass wants them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from sapo_engine.models.reasoner import Reasoner, merged_weight


@dataclass(frozen=True, slots=True)
class LeanLayer:
    """One block. The weights of norms are in the matrices behind them; what queries are scaled by is in theirs.

    Query heads are sorted by their place in a group of heads that share a key, then by key head.
    """

    project: torch.Tensor
    """To queries, keys and values, shape ((heads + 2 key heads) * size, hidden),"""
    bias: torch.Tensor | None
    """and what is added, shape (.., 1)."""
    norms: torch.Tensor | None
    """Weights of the norms of queries and keys (Qwen 3), shape (heads + key heads, size, 1)."""
    out: torch.Tensor
    """From what was found to the stream, shape (hidden, heads * size)."""
    gate_up: torch.Tensor
    """Shape (2 * intermediate, hidden)."""
    down: torch.Tensor
    """Shape (hidden, intermediate)."""


@dataclass(frozen=True, slots=True)
class LeanWeights:
    """A snapshot for one call, adapters merged: made anew for each, so that whatever has changed them is seen."""

    heads: int
    key_heads: int
    size: int
    eps: float
    layers: tuple[LeanLayer, ...]
    embedding: torch.Tensor
    head: torch.Tensor
    rotary: nn.Module
    """Gives cosines and sines of positions, the model's own."""

    @classmethod
    def of(cls, reasoner: Reasoner) -> LeanWeights:
        """The weights that `reasoner` has now. Its network is one that `is_lean`."""
        network = cast("Any", reasoner.network)
        config = network.config
        heads, key_heads = int(config.num_attention_heads), int(config.num_key_value_heads)
        size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        maker = _Maker(reasoner.adapter, heads, key_heads, size)
        body = network.model
        return cls(
            heads,
            key_heads,
            size,
            float(config.rms_norm_eps),
            tuple(maker.layer(block) for block in body.layers),
            network.get_input_embeddings().weight.detach(),
            merged_weight(network.get_output_embeddings(), reasoner.adapter).detach() * body.norm.weight.detach(),
            body.rotary_emb,
        )

    def turns(self, positions: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines, shape (size, positions), and sines, (size / 2, positions), of the first so many positions."""
        cosines, sines = self.rotary(self.embedding, torch.arange(positions)[None])
        return cosines[0].T.contiguous(), sines[0, :, : self.size // 2].T.contiguous()


@dataclass(frozen=True, slots=True)
class _Maker:
    adapter: str
    heads: int
    key_heads: int
    size: int

    def layer(self, block: Any) -> LeanLayer:
        attention, mlp = block.self_attn, block.mlp
        linears = (attention.q_proj, attention.k_proj, attention.v_proj)
        scale = self.size**-0.5
        normed = hasattr(attention, "q_norm")
        queries, keys, values = (self._weight(linear) for linear in linears)
        # Where queries are normed the scale would be lost in front of the norm.
        before = 1.0 if normed else scale
        bias = norms = None
        if attention.q_proj.bias is not None:
            parts = [linear.bias.detach()[:, None] for linear in linears]
            bias = torch.cat([self._sorted(parts[0]) * before, *parts[1:]])
        if normed:
            query = (attention.q_norm.weight.detach() * scale).expand(self.heads, -1)
            norms = torch.cat([query, attention.k_norm.weight.detach().expand(self.key_heads, -1)])[..., None]
        return LeanLayer(
            torch.cat([self._sorted(queries) * before, keys, values]) * block.input_layernorm.weight.detach(),
            bias,
            norms,
            self._sorted(self._weight(attention.o_proj).T).T.contiguous(),
            torch.cat([self._weight(mlp.gate_proj), self._weight(mlp.up_proj)])
            * block.post_attention_layernorm.weight.detach(),
            self._weight(mlp.down_proj),
        )

    def _weight(self, linear: nn.Module) -> torch.Tensor:
        return merged_weight(linear, self.adapter).detach()

    def _sorted(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows of query heads in the order of LeanLayer."""
        groups = self.heads // self.key_heads
        return rows.reshape(self.key_heads, groups, self.size, -1).transpose(0, 1).reshape(rows.shape)
