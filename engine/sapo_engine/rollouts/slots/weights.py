"""The weights that slots are written with: one copy at addresses that stay, whatever is trained meanwhile."""

from __future__ import annotations

import copy

import torch
from transformers import PreTrainedModel

from sapo_engine.models.precision import DTYPES
from sapo_engine.models.reasoner import Reasoner, adapted_layers, merged_weight, plain_state
from sapo_engine.rollouts.slots.attention import NAME


class Weights:
    """A copy of a reasoner's network on `device`, its adapter merged into it.

    Kept in the format in which the run calculates (`precision`), so that no step converts any. What a captured graph
    reads stays where it is: other weights of the same shapes are written over these."""

    def __init__(self, device: torch.device, precision: str) -> None:
        self.device = device
        self.precision = precision
        self._network: PreTrainedModel | None = None
        self._key = 0

    @property
    def network(self) -> PreTrainedModel:
        """The copy. Only after `load`."""
        if self._network is None:
            raise RuntimeError("no weights have been loaded")
        return self._network

    def load(self, reasoner: Reasoner) -> bool:
        """Have the weights of `reasoner`; whether the addresses are others than before."""
        if self._network is not None and self._key == reasoner.key:
            return False
        self._key = 0  # until all of them are there
        fresh = self._network is None or not _alike(self._network, reasoner.network)
        # Ordinary tensors, even if loaded in the midst of a call: what is made in inference mode is not to be changed
        # outside of it.
        with torch.inference_mode(False), torch.no_grad():
            if fresh:
                self._network = None  # before there is a second one
                self._network = self._made(reasoner.network)
            _copy(reasoner, self.network)
        self._key = reasoner.key
        return fresh

    def release(self) -> None:
        """Keep nothing."""
        self._network, self._key = None, 0

    def _made(self, like: PreTrainedModel) -> PreTrainedModel:
        config = copy.deepcopy(like.config)
        with torch.device("meta"):
            # All that it holds is copied: no weight is drawn at random first, which takes a large model its time.
            made = type(like)(config)
        made.config._attn_implementation = NAME  # pyright: ignore[reportPrivateUsage]  # transformers has no public name
        dtype = like.dtype if self.precision == "fp32" else DTYPES[self.precision]
        for parameter in made.parameters():
            # Parameters alone: the frequencies of positions are buffers and stay in fp32.
            parameter.data = parameter.data.to(dtype)
            parameter.requires_grad_(False)
        made.to_empty(device=self.device)
        made.tie_weights()
        return made.eval()


def _alike(copied: PreTrainedModel, network: PreTrainedModel) -> bool:
    state = plain_state(network)
    return type(copied) is type(network) and all(
        name in state and state[name].shape == value.shape for name, value in copied.named_parameters()
    )


def _copy(reasoner: Reasoner, target: PreTrainedModel) -> None:
    source = reasoner.network
    changed: dict[str, torch.Tensor] = {}
    if reasoner.adapter:
        layers = set(adapted_layers(source))
        for name, module in source.named_modules():
            if module in layers:
                changed[f"{name}.weight"] = merged_weight(module, reasoner.adapter)
    state = plain_state(source) | changed
    for name, parameter in target.named_parameters():
        parameter.copy_(state[name])
    buffers = dict(source.named_buffers())
    for name, buffer in target.named_buffers():
        buffer.copy_(buffers[name])
