"""Attention over slots: keys and values of all texts in one store, a column for each position of a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface
from transformers.cache_utils import DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "sapo_slots"


@dataclass
class Place:
    """Where the tokens of a step go, the same in every layer.

    `at`, shape (slots,): the column of each slot's token. `slots`, `heads`: 0, 1, 2, ... on the device. `columns`: how
    many are looked at, set before each step."""

    at: torch.Tensor
    slots: torch.Tensor
    heads: torch.Tensor
    columns: int = 0


class SlotLayer(DynamicLayer):
    """One layer's keys and values, shape (slots, heads, columns, size), at addresses that stay."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, place: Place) -> None:
        super().__init__()
        self.keys, self.values, self.place = keys, values, place
        self.stores = (keys, values)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write one token a slot to its column; returns what is looked at of the first slots, as many as there are
        tokens."""
        place, (keys, values) = self.place, self.stores
        rows = len(key_states)
        where = (place.slots[:rows, None], place.heads[None], place.at[:rows, None])
        keys.index_put_(where, key_states[:, :, 0])
        values.index_put_(where, value_states[:, :, 0])
        return keys[:rows, :, : place.columns], values[:rows, :, : place.columns]

    def take(self, slots: torch.Tensor, rows: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Begin `slots` with the rows `rows` of what a prompt's reading has left, shape (prompts, heads, columns,
        size)."""
        width = keys.shape[2]
        for store, states in zip(self.stores, (keys, values), strict=True):
            store[:, :, :width].index_copy_(0, slots, states.index_select(0, rows))

    def move(self, slots: torch.Tensor) -> None:
        """Put these slots first, in their order."""
        for store in self.stores:
            store[: len(slots)] = store.index_select(0, slots)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function. Without a mask a prompt is read, from its first token on: torch's own way.

    With one it is the bias of a step, shape (rows, 1, 1, columns): the heads that share keys become these keys' query
    rows, so that no key is copied."""
    if attention_mask is None:
        return sdpa_attention_forward(module, query, key, value, None, **more)
    rows, heads, _, size = query.shape
    shared = key.shape[1]
    found = functional.scaled_dot_product_attention(
        query.reshape(rows, shared, heads // shared, size),
        key,
        value,
        attn_mask=attention_mask,
        scale=more.get("scaling"),
    )
    return found.reshape(rows, 1, heads, size), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
