"""What a device has free, and what the forecast's formulas have to know of a network that is loaded."""

from __future__ import annotations

import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.precision import DTYPES
from sapo_engine.models.reasoner import adapted_layers, checkpoints, own_weights_frozen
from sapo_studio.forecast.memory import Numerics
from sapo_studio.forecast.model_shape import ModelShape


def free_bytes(device: torch.device) -> int | None:
    """What of the device's memory this process may still take; None where nothing says (a CPU)."""
    if device.type != "cuda":
        return None
    # What torch holds and does not use is free for it as well.
    held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held


def all_bytes(device: torch.device) -> int:
    """The device's memory; 0 where nothing says (a CPU)."""
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0


def shape_of(network: PreTrainedModel) -> ModelShape | None:
    """The network's shape, None for a family that the forecast does not know."""
    try:
        return ModelShape.of(network.config.to_dict(), network.config.model_type)
    except (KeyError, TypeError, ValueError):
        return None


def network_in(model: nn.Module) -> PreTrainedModel | None:
    """The transformers network that `model` is or has (a verifier's backbone)."""
    return next((module for module in model.modules() if isinstance(module, PreTrainedModel)), None)


def numerics_of(network: PreTrainedModel, precision: str, shards: int = 1) -> Numerics:
    """How `network`, set up for training, is tuned and calculated with by this program's own training, `shards`
    processes dividing what is trained among them."""
    checkpointing = checkpoints(network)
    if not own_weights_frozen(network):
        return Numerics("full", 1, precision, checkpointing, copy=precision == "bf16", shards=shards)
    from peft.tuners.lora import LoraLayer  # half a second's import, which full fine-tuning does not need

    layers = [layer for layer in adapted_layers(network) if isinstance(layer, LoraLayer)]
    ranks = [layer.r[name] for layer in layers for name in layer.active_adapters if name in layer.r]
    frozen = next((name for name, dtype in DTYPES.items() if dtype == network.dtype), precision)
    tuning = "qlora" if getattr(network, "is_quantized", False) else "lora"
    return Numerics(tuning, max(ranks, default=1), precision, checkpointing, frozen)
