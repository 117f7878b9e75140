"""An adapter put into the weights beside it, so that one network is left that anybody can load."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from sapo_engine.models.reasoner import Reasoner, adapted_layers, plain_state
from sapo_studio.errors import InputError


def check_four_bits() -> None:
    """Raise InputError where weights of 4 bits cannot be read."""
    try:
        import bitsandbytes  # noqa: F401  # pyright: ignore[reportMissingImports, reportUnusedImport]
    except ImportError as error:
        raise InputError(
            "An adapter beside 4-bit weights cannot be merged without the package bitsandbytes",
            why=str(error),
            fix="Install it with `pip install 'sapo-studio[qlora]'`, or publish the adapter itself (--adapter).",
        ) from error


def merged(reasoner: Reasoner, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The weights of the reasoner's network with its adapter put in, in `dtype`, by an ordinary network's names.

    The network is another one afterwards: nothing is copied, but for weights of 4 bits.
    """
    if getattr(reasoner.network, "is_quantized", False):
        return _merged_four_bits(reasoner, dtype)
    network = reasoner.activate()
    for name, parameter in network.named_parameters():
        # First: added in a narrower format than is asked for, the change would be rounded twice.
        if parameter.is_floating_point() and ".lora_" not in name:
            parameter.data = parameter.data.to(dtype)
    for layer in adapted_layers(network):
        layer.merge(adapter_names=[reasoner.adapter])
    return plain_state(network)


def _merged_four_bits(reasoner: Reasoner, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """On the CPU, in `dtype` and not in 4 bits again: that would round the change that was trained into them by about
    as much as it is."""
    network = reasoner.activate()
    layers = {name: layer for name, layer in network.named_modules() if hasattr(_weight(layer), "quant_state")}
    adapters = {id(layer.get_base_layer()): layer for layer in adapted_layers(network)}
    dense: dict[str, torch.Tensor] = {}
    for name, layer in layers.items():
        weight = _dequantised(layer).float()
        if (beside := adapters.get(id(layer))) is not None:
            change: torch.Tensor = cast("Any", beside).get_delta_weight(reasoner.adapter)  # of peft's 4-bit layer
            weight += change.float()
        dense[f"{name.replace('.base_layer', '')}.weight"] = weight.to(dtype).cpu()
    packed = tuple(f"{name}." for name in dense)
    rest = {
        name: value.to(dtype if value.is_floating_point() else value.dtype).cpu()
        for name, value in plain_state(network).items()
        if name not in dense and not name.startswith(packed)
    }
    return rest | dense


def save_weights(state: dict[str, torch.Tensor], like: PreTrainedModel, dtype: torch.dtype, folder: Path) -> None:
    """Write `state` as a model's folder: of the architecture of `like`, whose own weights may be quantised."""
    with torch.device("meta"):
        shell = type(like)(plain_config(like))
    torch.nn.Module.to(shell, dtype)  # it is told in config.json
    twice = dict(getattr(shell, "all_tied_weights_keys", None) or {})  # written once, read for both
    shell.save_pretrained(
        folder, state_dict={n: v for n, v in state.items() if n not in twice}, safe_serialization=True
    )


def plain_config(network: PreTrainedModel) -> PreTrainedConfig:
    """A copy of a network's configuration that says nothing of quantised weights."""
    config = copy.deepcopy(network.config)
    vars(config).pop("quantization_config", None)
    return config


def _weight(layer: torch.nn.Module) -> Any:
    return getattr(layer, "weight", None)


def _dequantised(layer: torch.nn.Module) -> torch.Tensor:
    from bitsandbytes.functional import dequantize_4bit  # pyright: ignore[reportMissingImports]

    weight = _weight(layer)
    return dequantize_4bit(weight.data, weight.quant_state)
