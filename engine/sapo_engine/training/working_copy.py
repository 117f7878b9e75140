"""Weights in bf16 to calculate with, beside those in fp32 that are trained.

With autocast every product casts its weights and its inputs, and each cast is a call of its own and a copy that is kept
for the backward pass. Here the network is in bf16 while it is trained, as one that is loaded in bf16, and the fp32
weights (the masters) stand aside: the optimiser steps on them, and what they have become is copied into the network
after each step. So a step that is smaller than bf16 can tell is not lost.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterable

import torch
from torch import nn
from transformers import PreTrainedModel

from sapo_engine.models.memory import network_in
from sapo_engine.models.reasoner import own_weights_frozen


def works_on_a_copy(model: nn.Module, precision: str) -> bool:
    """Whether a training of `model` in `precision` calculates with a copy: all weights of the network are trained and
    kept in fp32, and products are in bf16. (fp16 needs its losses scaled; adapters stand beside weights that are in 16
    bits as they are.)"""
    network = network_in(model)
    return (
        precision == "bf16"
        and network is not None
        and not own_weights_frozen(network)
        and all(parameter.dtype == torch.float32 for parameter in network.parameters())
    )


def wants_fp32(network: PreTrainedModel) -> bool:
    """Whether the architecture wants some of its weights in fp32 whatever the others are in."""
    kept = _wanted_in_fp32(network)
    return any(kept(name) for name, _ in network.named_parameters())


class WorkingCopy:
    """The copy of the weights of the network in `model`, which takes their place in it from `begin` to `end`.

    Gradients go to the masters as they come, in fp32: those of the parts of a batch are added up there, and none stays
    in bf16. Buffers (the frequencies of rotary positions) stay as they are, and so do weights that their architecture
    wants in fp32, and a verifier's head.
    """

    def __init__(self, model: nn.Module) -> None:
        network = network_in(model)
        if network is None:
            raise TypeError(f"{type(model).__name__} has no transformers network")
        self._copies: dict[nn.Parameter, nn.Parameter] = {}
        self._places: list[tuple[nn.Module, str, nn.Parameter]] = []
        kept = _wanted_in_fp32(network)
        for path, module in network.named_modules():
            for name, master in module.named_parameters(recurse=False):
                if not kept(f"{path}.{name}"):
                    self._places.append((module, name, master))  # tied weights have several

    def begin(self) -> None:
        """Put the copy in the masters' place, as they are now."""
        for _, _, master in self._places:
            if master not in self._copies:
                copy = nn.Parameter(master.detach().to(torch.bfloat16))
                copy.register_post_accumulate_grad_hook(_handing_on(master))
                self._copies[master] = copy
        for module, name, master in self._places:
            setattr(module, name, self._copies[master])

    def end(self) -> None:
        """Put the masters back, and let the copy go."""
        self._put_back()
        self._copies.clear()

    @torch.no_grad()
    def follow(self) -> None:
        """The masters have made a step: the copy becomes what they are now."""
        for master, copy in self._copies.items():
            copy.copy_(master)

    @contextlib.contextmanager
    def masters(self) -> Generator[None]:
        """The network as it is without a copy, for whoever reads or writes its weights without moving them."""
        self._put_back()
        try:
            yield
        finally:
            self.begin()

    @contextlib.contextmanager
    def away(self) -> Generator[None]:
        """The same for whoever calculates with the network, or moves it to another device: there is no copy then."""
        self.end()
        try:
            yield
        finally:
            self.begin()

    def _put_back(self) -> None:
        for module, name, master in self._places:
            setattr(module, name, master)


def _handing_on(master: nn.Parameter) -> Callable[[torch.Tensor], None]:
    """What gives a copy's gradient to its master, in fp32, as soon as it is there."""

    def hand_on(copy: torch.Tensor) -> None:
        if copy.grad is None:
            return
        if master.grad is None:
            master.grad = copy.grad.float()
        else:
            master.grad += copy.grad
        copy.grad = None

    return hand_on


def _wanted_in_fp32(network: PreTrainedModel) -> Callable[[str], bool]:
    """Which weights an architecture wants in fp32 even where it is loaded in bf16, by transformers' own list."""
    strict: Iterable[str] = getattr(network, "_keep_in_fp32_modules_strict", None) or ()
    patterns = [re.compile(rf"(?:^|\.){re.escape(name)}(?:\.|$)") for name in strict]
    return lambda path: any(pattern.search(path) for pattern in patterns)
