"""The blocks of a network compiled by torch (torch.compile), for a long training on a card.

A block is dozens of small operations that are started one by one; compiled, those between two products are one. What
is calculated is the same but for rounding. Compiling takes the better part of a minute, so it has to pay
(`sapo_studio.forecast.compiling`).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from transformers import AttentionInterface
from transformers.modeling_layers import GradientCheckpointingLayer

from sapo_engine.models.memory import network_in
from sapo_engine.training.packed_attention import attend
from sapo_engine.training.reading import way_of


class CompiledBody:
    """The blocks of `model`, compiled from `begin` to `end`. `tell` hears where that did not work.

    All blocks have the same code, so that it is compiled once; sizes differ from part to part, so that it is compiled
    for all of them. Attention is left out: it is one kernel as it is, and is told of texts by objects that a compiler
    would compile for one by one.
    """

    def __init__(self, model: nn.Module, tell: Callable[[str], None]) -> None:
        self._blocks = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
        self._network = network_in(model)
        self._tell = tell
        self._at_work = False

    def begin(self) -> None:
        """From here on blocks are compiled where they are first called."""
        self._at_work = True
        if self._network is not None:
            way_of(self._network)  # it is looked at without gradients, which would be compiled by itself
        AttentionInterface.register("sdpa", torch.compiler.disable(attend))
        for block in self._blocks:
            # In the object, over the class's: whatever wraps a call of the block (checkpointing, hooks) stays outside.
            block.forward = torch.compile(block.forward, dynamic=True)

    def end(self) -> None:
        """Blocks are as they were, and what was compiled is forgotten."""
        if not self._at_work:
            return
        self._at_work = False
        AttentionInterface.register("sdpa", attend)
        for block in self._blocks:
            vars(block).pop("forward", None)
        torch.compiler.reset()

    def give_up(self, error: RuntimeError) -> bool:
        """`error` came of a pass: whether it may be the compiler's, so that it is worth another try without it."""
        if not self._at_work:
            return False
        self.end()
        first = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        self._tell(
            f"The model's blocks could not be compiled ({first}). The training goes on without, which takes longer; "
            "runtime.compile = false spares the try."
        )
        return True
