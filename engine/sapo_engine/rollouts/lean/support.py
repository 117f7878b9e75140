"""Which networks the lean pass is for."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.reasoner import BaseTunerLayer
from sapo_engine.rollouts.support import obstacle

CLASSES = frozenset({"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"})
PLAIN_PROJECTIONS = ("o_proj", "gate_proj", "up_proj", "down_proj")
"""Linear layers that add nothing."""


def is_lean(network: PreTrainedModel, precision: str) -> bool:
    """Whether the lean pass computes what `network` does, in fp32 on a CPU, and sooner."""
    return (
        precision == "fp32"
        and type(network).__name__ in CLASSES
        and all(p.device.type == "cpu" and p.dtype == torch.float32 for p in network.parameters())
        and not obstacle(network)
        and _is_plain(network)
    )


def _is_plain(network: PreTrainedModel) -> bool:
    config = network.config
    rope = cast("dict[str, Any]", getattr(config, "rope_parameters", None) or {})
    if config.hidden_act != "silu" or rope.get("partial_rotary_factor", 1.0) != 1.0:
        return False
    if type(network.get_input_embeddings()) is not nn.Embedding:
        return False
    for name, module in network.named_modules():
        if not name.endswith("_proj") and module is not network.get_output_embeddings():
            continue
        linear = module.get_base_layer() if isinstance(module, BaseTunerLayer) else module
        if type(linear) is not nn.Linear:
            return False
        added = linear.bias is not None  # pyright: ignore[reportUnnecessaryComparison]  # torch's stubs leave None out
        if added and (name.endswith(PLAIN_PROJECTIONS) or not name.endswith("_proj")):
            return False
    return True
