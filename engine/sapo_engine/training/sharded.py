"""A model whose weights, gradients and moments are divided among the ranks while it is trained (torch's FSDP2), for one
that does not fit a card with all of that.

What is trained is a stand-in: modules like the model's own, each rank holding its part of their weights. Those of a
block are put together while it is calculated with, and let go again. The model itself stays whole and as it was, until
it is given what the parts have become (`settle`); so whoever samples, scores or saves knows nothing of parts.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.distributed import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers.modeling_layers import GradientCheckpointingLayer

from sapo_engine.models.memory import network_in
from sapo_engine.models.placement import Placement
from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import own_weights_frozen
from sapo_engine.training.at_work import AtWork, Figures
from sapo_engine.training.reading import remember, way_of
from sapo_engine.training.working_copy import wants_fp32

if TYPE_CHECKING:
    from sapo_engine.training.trainer import Loss


def obstacle(model: nn.Module, precision: str) -> str:
    """Why a training of `model` in `precision` cannot be divided so, in words; "" where nothing speaks against it."""
    network = network_in(model)
    if network is None or not _blocks(network):
        return "it has no blocks whose weights could be put together one after the other"
    if own_weights_frozen(network):
        return "adapters are small, and the frozen weights beside them have to fit a card for sampling, too"
    if precision == "fp16":
        return "in fp16 losses are scaled by what each process has seen"
    if precision == "bf16" and wants_fp32(network):
        return "some of its weights have to be in fp32 while others are in bf16"
    return ""


class Shards(AtWork):
    """A stand-in for `model`, made for a training by `loss` in `precision` on the ranks of `mesh`. `placed`: somebody
    knows what is on the device, and takes the model there when it is needed again.

    In bf16 weights are so while they are together, as those of a WorkingCopy; gradients are summed in fp32. Autocast
    is not wanted: it would keep what it casts of all blocks at once.
    """

    cast = "fp32"

    def __init__(self, model: nn.Module, loss: Loss, mesh: DeviceMesh, precision: str, *, placed: bool) -> None:
        self._given, self.shards = model, mesh.size()
        # Modules of its own over the same weights: each rank takes its part of these, and leaves them as they are.
        self.model: nn.Module = copy.deepcopy(model, {id(value): value for value in model.parameters()})
        network, own = network_in(model), network_in(self.model)
        if network is None or own is None:
            raise TypeError(f"{type(model).__name__} has no transformers network")
        exact = within = MixedPrecisionPolicy(cast_forward_inputs=False)
        if precision == "bf16":
            within = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
        with autocast(network.device, precision):
            way = way_of(network)  # looked at where the weights are whole
        if way.head is not None:
            way = replace(way, head=replace(way.head, module=cast("nn.Module", own.get_output_embeddings())))
        remember(own, way)
        for block, given in reversed([*zip(_blocks(own), _blocks(network), strict=True)]):  # inner ones come first
            fully_shard(block, mesh=mesh, mp_policy=within)
            if placed:  # it leaves the device in the end; at once, there is room for the parts
                for value in given.parameters():
                    value.data = value.data.cpu()
        self._pass = _Pass(own, loss.over(self.model).part)
        fully_shard(self._pass, mesh=mesh, mp_policy=within, reshard_after_forward=False)
        beside = nn.ModuleList(part for part in self.model.children() if self.model is not own and part is not own)
        if beside:  # a verifier's head, which is in fp32
            self._pass = _Pass(beside, self._pass)
            fully_shard(self._pass, mesh=mesh, mp_policy=exact, reshard_after_forward=False)
        for module in self._pass.modules():
            if isinstance(module, FSDPModule):  # the loss is a sum over ranks; FSDP would take the mean
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(True)

    def part(self, indices: Sequence[int]) -> Figures:
        """See AtWork."""
        return self._pass(list(indices))

    def in_place(self, placement: Placement | None) -> AbstractContextManager[None]:
        """See AtWork. The model itself leaves the device."""
        return contextlib.nullcontext() if placement is None else placement.standing_in(self._move)

    def begin(self) -> None:
        """See AtWork: they are parts of one whole."""

    def sum_gradients(self) -> None:
        """See AtWork: FSDP does as they come, so that no rank ever has all of them."""

    def follow(self) -> None:
        """See AtWork: weights are put together anew for each pass."""

    @contextlib.contextmanager
    def looked_at(self) -> Generator[None]:
        """See AtWork."""
        for value in self.model.parameters():
            value.grad = None
        self.settle()
        yield

    def kept(self) -> AbstractContextManager[None]:
        """See AtWork."""
        return contextlib.nullcontext()

    @torch.no_grad()
    def settle(self) -> None:
        """See AtWork."""
        for value, part in zip(self._given.parameters(), self.model.parameters(), strict=True):
            if part.requires_grad:
                value.copy_(whole(part.detach()))

    def end(self) -> None:
        """See AtWork: it is as it was, but for what `settle` gave it."""

    def _move(self, device: torch.device) -> None:
        self._pass.to(device)


class _Pass(nn.Module):
    """A loss as a forward pass of the `model` that it reads: what is in none of its blocks (embeddings, language head)
    is put together from the beginning of the pass to the end of the backward one."""

    def __init__(self, model: nn.Module, part: Callable[[Sequence[int]], Figures]) -> None:
        super().__init__()
        self.model = model
        self._part = part

    def forward(self, indices: Sequence[int]) -> Figures:
        """See Loss.part."""
        return self._part(indices)


def whole(value: torch.Tensor) -> torch.Tensor:
    """All of a tensor that may be divided among the ranks, on each of them."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def own_bytes(value: torch.Tensor) -> int:
    """What this rank holds of a tensor that may be divided among the ranks."""
    return value.to_local().nbytes if isinstance(value, DTensor) else value.nbytes


def divided_like(value: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """`value`, which every rank has whole, divided among the ranks as `other` is, if it is."""
    if not isinstance(other, DTensor):
        return value
    return distribute_tensor(value.to(other.device), other.device_mesh, other.placements, src_data_rank=None)


def _blocks(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, GradientCheckpointingLayer)]
