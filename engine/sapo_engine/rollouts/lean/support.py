"""What the lean pass is for: which networks, and how many sequences at a time."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.reasoner import base_layer
from sapo_engine.rollouts.support import obstacle

CLASSES = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})

PLAIN = ("o_proj", "gate_proj", "up_proj", "down_proj", "lm_head")
"""Linear layers that must add nothing."""

LARGEST = 16_000_000
"""Weights of a network whose modules cost as much as their arithmetic, so that leaving them out is felt; and that are
copied for a call at no price."""

STATES = 24 << 20
"""Bytes of keys and values at a time. More leave the processor's cache, and torch's attention passes over them once."""

MOST_ROWS = 256
LEAST_ROWS = 128
"""Fewer sequences at a time would cost more in calls than they save; unless there are no more of them."""


def lean_rows(network: PreTrainedModel, precision: str, positions: int, sequences: int) -> int:
    """How many of so many sequences, of `positions` tokens at most, the lean pass is to write at a time: 0 where it
    does not compute what `network` does, or not sooner."""
    if precision != "fp32" or not sequences or type(network).__name__ not in CLASSES or not _fits(network):
        return 0
    config = network.config
    heads = int(config.num_attention_heads)
    size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    states = 2 * 4 * int(config.num_hidden_layers) * int(config.num_key_value_heads) * size * positions
    rows = min(MOST_ROWS, STATES // states)
    return min(rows, sequences) if rows >= min(sequences, LEAST_ROWS) else 0


def _fits(network: PreTrainedModel) -> bool:
    weights = list(network.parameters())
    return (
        all(weight.device.type == "cpu" and weight.dtype == torch.float32 for weight in weights)
        and sum(weight.numel() for weight in weights) <= LARGEST
        and not obstacle(network)
        and _is_plain(network)
    )


def _is_plain(network: PreTrainedModel) -> bool:
    """Whether there is nothing in it that LeanWeights does not know."""
    config = network.config
    rope = cast("dict[str, Any]", getattr(config, "rope_parameters", None) or {})
    if config.hidden_act != "silu" or rope.get("partial_rotary_factor", 1.0) != 1.0:
        return False
    if type(network.get_input_embeddings()) is not nn.Embedding:
        return False
    return all(
        _is_linear(module, name.endswith(PLAIN))
        for name, module in network.named_modules()
        if name.endswith(("_proj", "lm_head"))
    )


def _is_linear(module: nn.Module, plain: bool) -> bool:
    linear = base_layer(module)
    return type(linear) is nn.Linear and not (plain and getattr(linear, "bias", None) is not None)
