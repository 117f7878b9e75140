"""Reasoners and their adapters: what is one model's own, and what several share.

With full fine-tuning each M_i is a network of its own. With LoRA all M_i are adapters beside one frozen network, and
so is the verifier where it shares the reasoner's base. A `Reasoner` says which: the network, and the adapter that has
to be switched on.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.checks import check_tensors
from sapo_studio.config.schema import ModelConfig
from sapo_studio.model_files.safetensors_header import read_tensors

PREFIX = "base_model.model."
WEIGHTS = "adapter_model.safetensors"

_names = itertools.count(1)


@dataclass(frozen=True)
class Adapters:
    """How adapters are made (LoRA)."""

    rank: int
    alpha: float
    dropout: float

    @classmethod
    def of(cls, config: ModelConfig) -> Adapters:
        """As the configuration has them."""
        return cls(config.lora_rank, config.lora_alpha, config.lora_dropout)

    def peft_config(self) -> LoraConfig:
        """The same for peft: on every linear layer but the language head."""
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # pyright: ignore[reportArgumentType]  # peft divides by it; whole numbers it is not held to
            lora_dropout=self.dropout,
            target_modules="all-linear",
            bias="none",
            task_type="CAUSAL_LM",
        )


@dataclass(eq=False)
class Reasoner:
    """A causal language model at one moment of the run. `adapter` is "" where the network itself is what was trained.

    `key` is another for every set of weights: back ends tell by it whether they hold these already. Who trains a
    reasoner in place says so by `weights_changed`.
    """

    network: PreTrainedModel
    adapter: str = ""
    key: int = field(default_factory=lambda: next(_names))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.device

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """What has to be on the device. See `placement.Computes`."""
        return (self.network,)

    def weights_changed(self) -> None:
        """The weights are others than before: what holds a copy of them has to fetch them anew."""
        self.key = next(_names)

    def activate(self) -> PreTrainedModel:
        """The network with this reasoner's adapter on and all others off."""
        layers = adapted_layers(self.network)
        for layer in layers:
            layer.enable_adapters(bool(self.adapter))
            if self.adapter:
                layer.set_adapter(self.adapter)
        return self.network

    def trainable(self) -> PreTrainedModel:
        """The network, ready for training what is this reasoner's own: the adapter, or all of it."""
        network = self.activate()
        marker = f".{self.adapter}."
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(marker in name if self.adapter else ".lora_" not in name)
        return network

    def parameters_in_all(self) -> int:
        """Weights that a token goes through, adapters of others left out."""
        return _weights_in(self.network, {self.adapter} if self.adapter else set())


def parameters_at_work(module: nn.Module) -> int:
    """Weights that a token goes through in `module` as it is now: of adapters those that are switched on."""
    on = {
        str(name)
        for layer in module.modules()
        if isinstance(layer, BaseTunerLayer) and not layer.disable_adapters
        for name in layer.active_adapters
    }
    return _weights_in(module, on)


def own_weights_frozen(module: nn.Module) -> bool:
    """Whether a training leaves the network's own weights as they are, as one of adapters does."""
    return any(not p.requires_grad for name, p in module.named_parameters() if ".lora_" not in name)


def _weights_in(module: nn.Module, adapters: Set[str]) -> int:
    return sum(
        _weights(p)
        for name, p in module.named_parameters()
        if ".lora_" not in name or any(f".{adapter}." in name for adapter in adapters)
    )


def _weights(parameter: nn.Parameter) -> int:
    # A quantised weight is packed, two to a byte; what it was before stands beside it (bitsandbytes).
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else math.prod(state.shape)


def adapted_layers(network: PreTrainedModel) -> list[BaseTunerLayer]:
    """The layers that carry adapters; none in a network without any."""
    if not getattr(network, "_hf_peft_config_loaded", False):
        return []
    return [module for module in network.modules() if isinstance(module, BaseTunerLayer)]


def merged_weight(layer: nn.Module, adapter: str) -> torch.Tensor:
    """The weight of a linear layer, with what `adapter` changes in it where it carries this adapter."""
    base = layer.get_base_layer() if isinstance(layer, BaseTunerLayer) else layer
    weight = cast("torch.Tensor", base.weight)
    if not adapter or adapter not in getattr(layer, "lora_A", {}):
        return weight
    change = cast("torch.Tensor", cast("Any", layer).get_delta_weight(adapter))
    return weight.to(change) + change


def with_adapter(network: PreTrainedModel, adapters: Adapters, like: Reasoner | None = None) -> Reasoner:
    """A new reasoner on `network`: an adapter that changes nothing yet, or is a copy of `like`'s.

    Adapters are kept in fp32 whatever the network is in: they are what is trained.
    """
    name = f"a{next(_names)}"
    network.add_adapter(adapters.peft_config(), name)
    network.train(network.training)  # a new adapter's dropout is on, whatever the mode of its network
    own = adapter_weights(network, name)
    for parameter in own.values():
        parameter.data = parameter.data.float()
    if like is not None and like.adapter:
        theirs = adapter_weights(like.network, like.adapter)
        with torch.no_grad():
            for key, parameter in own.items():
                parameter.copy_(theirs[key])
    return Reasoner(network, name)


def adapter_weights(network: PreTrainedModel, name: str) -> dict[str, torch.nn.Parameter]:
    """The adapter's parameters by a name that does not contain the adapter's."""
    marker = f".{name}."
    return {key.replace(marker, "."): value for key, value in network.named_parameters() if marker in key}


def plain_state(network: PreTrainedModel) -> dict[str, torch.Tensor]:
    """The network's own weights under their own names, whatever adapters it carries."""
    return {
        name.replace(".base_layer.", "."): value for name, value in network.state_dict().items() if ".lora_" not in name
    }


def load_adapter(network: PreTrainedModel, adapters: Adapters, folder: Path) -> Reasoner:
    """The reasoner that `save_adapter` wrote, beside `network`. Raises InputError where its weights are others."""
    file = folder / WEIGHTS
    read_tensors(file)
    saved = load_file(file)
    reasoner = with_adapter(network, adapters)
    own = {PREFIX + key: parameter for key, parameter in adapter_weights(network, reasoner.adapter).items()}
    check_tensors(file, saved, own)
    with torch.no_grad():
        for key, parameter in own.items():
            parameter.copy_(saved[key])
    return reasoner


def save_adapter(reasoner: Reasoner, adapters: Adapters, folder: Path) -> None:
    """Write the adapter as peft does (adapter_config.json, adapter_model.safetensors): peft and vLLM load it."""
    folder.mkdir(parents=True, exist_ok=True)
    adapters.peft_config().save_pretrained(str(folder))
    own = adapter_weights(reasoner.network, reasoner.adapter)
    save_file({PREFIX + key: value.detach().cpu().contiguous() for key, value in own.items()}, folder / WEIGHTS)


def clone(reasoner: Reasoner, adapters: Adapters, *, share: bool | None = None) -> Reasoner:
    """A reasoner with the same weights that can be trained while `reasoner` stays as it is.

    `share`: as a further adapter on the same network, or (False) on a network of its own. None: as `reasoner` itself
    is made.
    """
    if share or (share is None and reasoner.adapter):
        return with_adapter(reasoner.network, adapters, like=reasoner)
    network = own_network(reasoner)
    return with_adapter(network, adapters, like=reasoner) if reasoner.adapter else Reasoner(network)


def discard(reasoner: Reasoner) -> None:
    """Take the adapter of a reasoner that nobody needs any more off its network, which others may share."""
    if reasoner.adapter:
        reasoner.network.delete_adapter(reasoner.adapter)


def own_network(reasoner: Reasoner) -> PreTrainedModel:
    """A second network with the base weights of `reasoner`'s, in main memory, without adapters. A quantised one lies
    beside the first, on its card."""
    network = reasoner.network
    if getattr(network, "is_quantized", False):
        if adapted_layers(network):
            raise ValueError("a quantised network with adapters cannot be copied; share it")
        return copy.deepcopy(network)
    fresh = type(network)(network.config)
    _as_formatted(fresh, network)
    fresh.load_state_dict(plain_state(network))
    return as_set_up(fresh, network)


def _as_formatted(fresh: PreTrainedModel, like: PreTrainedModel) -> None:
    """Have each parameter and buffer of `fresh`, which is new and in fp32, in the format of that of `like`.

    Each by itself: a network in bf16 keeps in fp32 what needs it, such as the frequencies of its positions.
    """
    parts = [*like.named_parameters(), *like.named_buffers()]
    formats = {name.replace(".base_layer.", "."): value.dtype for name, value in parts}
    for name, value in [*fresh.named_parameters(), *fresh.named_buffers()]:
        value.data = value.data.to(formats[name])


def as_set_up(network: PreTrainedModel, like: PreTrainedModel) -> PreTrainedModel:
    """`network`, set up as `like` is in what no weight says: checkpointing, and how it writes by default."""
    set_checkpointing(network, checkpoints(like))
    network.generation_config = copy.deepcopy(like.generation_config)
    return network


def checkpoints(network: PreTrainedModel) -> bool:
    """Whether its training calculates activations a second time."""
    return any(getattr(module, "gradient_checkpointing", False) for module in network.modules())


def set_checkpointing(network: PreTrainedModel, on: bool) -> PreTrainedModel:
    """`network`; where `on`, its training calculates activations a second time instead of keeping them."""
    if on:
        # By its newer name where there is one; the older one warns then. Both take the arguments first.
        newer = getattr(network, "activation_checkpointing_enable", None)
        (newer or network.gradient_checkpointing_enable)({"use_reentrant": False})
    return network
