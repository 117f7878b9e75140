"""Attention inside the texts of a pack: causal, and no text sees another.

It is part of transformers' own "sdpa", which networks are loaded with: a call that brings `packed` is answered here,
all others as ever. So a layer whose activations are calculated a second time (gradient checkpointing) attends then as
it did the first time, whatever happens to its network in between.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

from sapo_engine.models.precision import product_dtype
from sapo_engine.training.packing import Rows

CAUSAL = (-1, 0)


def _find_varlen() -> Callable[..., Any] | None:
    """torch's attention over rows known by their ends; None before torch 2.11, which cannot scale scores."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    known = inspect.signature(varlen_attn).parameters
    return varlen_attn if {"scale", "window_size"} <= known.keys() else None


VARLEN = _find_varlen()
HALF = (torch.bfloat16, torch.float16)


def takes_ends(device: torch.device, dtype: torch.dtype, head_size: int) -> bool:
    """Whether attention in `dtype` on `device` can be told of rows by their ends: torch's flash attention can."""
    return (
        VARLEN is not None
        and device.type == "cuda"
        and dtype in HALF
        and torch.cuda.get_device_capability(device) >= (8, 0)
        and head_size % 8 == 0
        and head_size <= 256
    )


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    packed: Rows | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function: states of shape (1, heads, N, size) of the pack that `packed` describes, and an
    output of shape (1, N, heads, size)."""
    if packed is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    # Token by token: (N, heads, size).
    states = [state.transpose(1, 2)[0] for state in (query, key, value)]
    found = _by_ends(packed, *states, **more) if packed.ends is not None else _padded(module, packed, states, **more)
    return found[None], None


def _by_ends(
    rows: Rows, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, scaling: float | None = None, **_: Any
) -> torch.Tensor:
    if VARLEN is None or rows.ends is None:
        raise AssertionError("torch has no attention over rows known by their ends")
    dtype = product_dtype(query.device, value.dtype)
    query, key, value = (state.to(dtype) for state in (query, key, value))
    if rows.take is not None:
        query, key, value = (state.index_select(0, rows.take) for state in (query, key, value))
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        # Not every torch that has this attention lets query heads share keys.
        key, value = (repeat_kv(state.transpose(0, 1)[None], groups)[0].transpose(0, 1) for state in (key, value))
    longest = rows.longest
    found = VARLEN(query, key, value, rows.ends, rows.ends, longest, longest, scale=scaling, window_size=CAUSAL)
    return found if rows.back is None else found.index_select(0, rows.back)


def _padded(
    module: nn.Module, rows: Rows, states: list[torch.Tensor], *, is_causal: bool = True, **more: Any
) -> torch.Tensor:
    if not is_causal:
        raise AssertionError("texts are packed for causal attention alone")
    found: list[torch.Tensor] = []
    for block in rows.blocks:
        apart = states if rows.back is None else [state.index_select(0, block.take) for state in states]
        query, key, value = (
            state.reshape(block.rows, block.width, *state.shape[1:]).transpose(1, 2) for state in apart
        )
        # What is padded on the right needs no mask: a causal row's tokens do not see it.
        out, _ = sdpa_attention_forward(module, query, key, value, None, is_causal=True, **more)
        found.append(out.flatten(0, 1))
    whole = found[0] if len(found) == 1 else torch.cat(found)
    return whole if rows.back is None else whole.index_select(0, rows.back)


AttentionInterface.register("sdpa", attend)
