"""What the steps of a training are made on: the model itself, perhaps by way of a copy in bf16, or parts of it that
stand in for it (`sharded`)."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import torch
from torch import nn

from sapo_engine.models.placement import Placement
from sapo_engine.process_group import Group
from sapo_engine.training.working_copy import WorkingCopy, works_on_a_copy

if TYPE_CHECKING:
    from sapo_engine.training.trainer import Loss

Figures = tuple[torch.Tensor, dict[str, torch.Tensor]]


class AtWork(ABC):
    """A model while it is trained on the ranks of a group, all of which call everything here together.

    `model`: whose weights the optimiser steps on. `cast`: the precision that products are to be cast to. `shards`:
    among how many ranks the weights are divided. `compiles`: whether blocks may be compiled.
    """

    model: nn.Module
    cast: str
    shards: int = 1
    compiles: bool = False

    @abstractmethod
    def part(self, indices: Sequence[int]) -> Figures:
        """See Loss."""

    @abstractmethod
    def in_place(self, placement: Placement | None) -> AbstractContextManager[None]:
        """What is trained is on the device inside."""

    @abstractmethod
    def begin(self) -> None:
        """All ranks train the same weights from here on."""

    @abstractmethod
    def sum_gradients(self) -> None:
        """Each rank has passed over its part of a batch: the gradients become those of all of it."""

    @abstractmethod
    def follow(self) -> None:
        """The optimiser has made a step."""

    @abstractmethod
    def looked_at(self) -> AbstractContextManager[None]:
        """The model that was given has what it has become inside, for whoever calculates with it."""

    @abstractmethod
    def kept(self) -> AbstractContextManager[None]:
        """`model` has the weights that are trained inside, for whoever writes them down."""

    @abstractmethod
    def settle(self) -> None:
        """Give the model that was given what it has become, bit by bit the same on all ranks."""

    @abstractmethod
    def end(self) -> None:
        """Leave the model as it was given, however the training has ended."""


class Whole(AtWork):
    """The model itself, all of it on each rank; where that can be, by way of a copy in bf16."""

    def __init__(self, model: nn.Module, loss: Loss, group: Group, precision: str) -> None:
        self.model, self._loss, self._group = model, loss, group
        self._trained = [value for value in model.parameters() if value.requires_grad]
        self._copy = WorkingCopy(model) if works_on_a_copy(model, precision) else None
        self.cast = precision if self._copy is None else "fp32"
        self.compiles = self._copy is not None

    def part(self, indices: Sequence[int]) -> Figures:
        """See AtWork."""
        return self._loss.part(indices)

    def in_place(self, placement: Placement | None) -> AbstractContextManager[None]:
        """See AtWork: whoever trains a model has placed it."""
        return contextlib.nullcontext()

    def begin(self) -> None:
        """See AtWork."""
        self._group.broadcast_parameters(self._trained)
        if self._copy is not None:
            self._copy.begin()

    def sum_gradients(self) -> None:
        """See AtWork."""
        self._group.sum_gradients(self._trained)

    def follow(self) -> None:
        """See AtWork."""
        if self._copy is not None:
            self._copy.follow()

    def looked_at(self) -> AbstractContextManager[None]:
        """See AtWork."""
        return contextlib.nullcontext() if self._copy is None else self._copy.away()

    def kept(self) -> AbstractContextManager[None]:
        """See AtWork."""
        return contextlib.nullcontext() if self._copy is None else self._copy.masters()

    def settle(self) -> None:
        """See AtWork."""
        self._group.broadcast_parameters(self._trained)

    def end(self) -> None:
        """See AtWork."""
        if self._copy is not None:
            self._copy.end()
