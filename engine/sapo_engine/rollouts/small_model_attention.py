"""Attention while one token a sequence is written, for small models on a CPU.

torch's fused attention there works head by head and row by row: with keys of a few kilobytes each, as a small model
has them, entering and leaving costs more than the arithmetic. Here the sequences of the batch are the innermost
dimension of keys and values, so that every operation goes over all of them at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any, cast

import torch
from transformers import AttentionInterface, DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from sapo_engine.rollouts.cache import RoomyLayer

NAME = "sapo_narrow"
MOST = 1200
"""Numbers in a head's keys up to which this is faster than torch's own attention,"""
LEAST_ROWS = 64
"""from so many sequences on."""
EXTRA = frozenset({"dropout", "scaling", "is_causal", "position_ids", "use_cache", "cache_position"})
"""What may be said about attention that this one heeds, or that says nothing about a single token's."""


class NarrowLayer(RoomyLayer):
    """Keys and values of at most `room` positions as (heads, size, positions, rows); seen from outside, they have
    transformers' shape (rows, heads, positions, size).
    """

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append the new positions; returns all so far."""
        if not self.is_initialized:
            # As they come: the prompt's rows are about to be multiplied by `batch_select_indices`.
            self.keys, self.values = key_states, value_states
            self.is_initialized = True
            return key_states, value_states
        if self._stores is None:
            self._store(cast("torch.Tensor", self.keys), cast("torch.Tensor", self.values))
        keys, values = cast("tuple[torch.Tensor, torch.Tensor]", self._stores)
        begin = self.get_seq_length()
        end = begin + key_states.shape[-2]
        keys[:, :, begin:end] = key_states.permute(1, 3, 2, 0)
        values[:, :, begin:end] = value_states.permute(1, 3, 2, 0)
        self._show(end)
        return cast("torch.Tensor", self.keys), cast("torch.Tensor", self.values)

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep (or repeat) these rows."""
        self._store(cast("torch.Tensor", self.keys), cast("torch.Tensor", self.values), indices)

    def _store(self, keys: torch.Tensor, values: torch.Tensor, rows: torch.Tensor | None = None) -> None:
        filled = keys.shape[-2]
        stores: list[torch.Tensor] = []
        for state in (keys, values):
            wide = state.permute(1, 3, 2, 0)
            store = state.new_empty(*wide.shape[:2], self.room, len(state) if rows is None else len(rows))
            store[:, :, :filled] = wide if rows is None else wide[..., rows]
            stores.append(store)
        self._stores = (stores[0], stores[1])
        self._show(filled)

    def _show(self, filled: int) -> None:
        keys, values = cast("tuple[torch.Tensor, torch.Tensor]", self._stores)
        self.keys = keys[:, :, :filled].permute(3, 0, 2, 1)
        self.values = values[:, :, :filled].permute(3, 0, 2, 1)


def is_faster(model: PreTrainedModel, positions: int, rows: int, precision: str) -> bool:
    """Whether `rows` sequences of `positions` tokens are better written this way: full attention in every layer, as
    many heads for keys as for queries, fp32 on a CPU, and little in each head.
    """
    config = model.config
    heads = int(getattr(config, "num_attention_heads", 0))
    if not heads or config is not config.get_text_config() or getattr(config, "num_key_value_heads", 0) != heads:
        return False
    size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    return (
        model.device.type == "cpu"
        and precision == "fp32"
        and model.dtype == torch.float32
        and config._attn_implementation == "sdpa"  # pyright: ignore[reportPrivateUsage]  # transformers has no public name
        and bool(getattr(model, "_supports_attention_backend", False))
        and size * positions <= MOST
        and rows >= LEAST_ROWS
        and all(type(layer) is DynamicLayer for layer in DynamicCache(config=config).layers)
    )


def narrow_cache(model: PreTrainedModel, positions: int) -> DynamicCache:
    """A cache of NarrowLayers with room for `positions`."""
    cache = DynamicCache(config=model.config)
    cache.layers = list[Any](NarrowLayer(positions) for _ in range(model.config.num_hidden_layers))
    return cache


@contextlib.contextmanager
def narrow_attention(model: PreTrainedModel) -> Generator[None]:
    """Have `model` attend this way inside."""
    config = model.config
    usual = config._attn_implementation  # pyright: ignore[reportPrivateUsage]
    config._attn_implementation = NAME  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        config._attn_implementation = usual  # pyright: ignore[reportPrivateUsage]


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function. What it does not know it leaves to torch's own."""
    odd = any(value is not None for name, value in more.items() if name not in EXTRA)
    if query.shape[2] != 1 or key.shape[1] != query.shape[1] or odd or more.get("dropout"):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    scaling = more.get("scaling")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    queries = query.permute(1, 3, 2, 0) * scale  # (heads, size, 1, rows)
    keys, values = key.permute(1, 3, 2, 0), value.permute(1, 3, 2, 0)
    rows, heads = len(query), query.shape[1]
    bias = None if attention_mask is None else _bias(attention_mask)
    found = query.new_empty(heads, value.shape[-1], rows)
    # Head by head and in the same memory, so that what is in between stays in the processor's cache.
    products = torch.empty_like(keys[0], memory_format=torch.contiguous_format)
    weighed = products if values.shape == keys.shape else torch.empty_like(values[0])
    for head in range(heads):
        scores = torch.mul(keys[head], queries[head], out=products).sum(dim=0)
        if bias is not None:
            scores += bias
        torch.sum(torch.mul(values[head], torch.softmax(scores, dim=0), out=weighed), dim=1, out=found[head])
    return found.permute(2, 0, 1)[:, None], None


def _bias(mask: torch.Tensor) -> torch.Tensor:
    """A mask of shape (rows, 1, 1, positions) as what is added to scores of shape (positions, rows)."""
    wide = mask[:, 0, 0].T
    if wide.dtype != torch.bool:
        return wide
    return torch.zeros(wide.shape).masked_fill_(~wide, torch.finfo(torch.float32).min)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
