"""log p of given tokens through a language head, whose logits are never there as a whole.

The vocabulary is wide: the logits of a batch take more memory than all that is below them. Here they are made a chunk
of positions at a time; forward keeps one number a token, and backward makes them again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from sapo_engine.models.precision import full_precision, product_dtype
from sapo_engine.training.losses import next_log_probs
from sapo_studio.config.engine_limits import CARD_HEAD_ENTRIES, HEAD_ENTRIES


@dataclass(frozen=True)
class Head:
    """A language head: logits are cap * tanh(scale * module(states) / cap), or scale * module(states) without a
    cap."""

    module: nn.Module
    scale: float = 1.0
    cap: float | None = None

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Of states (..., width), in fp32."""
        return self.shaped(self.module(states).float())

    def shaped(self, logits: torch.Tensor) -> torch.Tensor:
        """What becomes of the layer's own output, which may be changed in place where no gradient is taken of it."""
        if self.scale != 1.0:
            logits = logits * self.scale
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def chunk_rows(vocabulary: int, device: torch.device) -> int:
    """Positions whose logits are made at a time."""
    entries = HEAD_ENTRIES if device.type == "cpu" else CARD_HEAD_ENTRIES
    return max(1, entries // vocabulary)


def log_probs(head: Head, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """log p of `targets` (T,) by the head over `states` (T, width), in fp32, shape (T,)."""
    module = head.module
    if type(module) is nn.Linear:
        return cast(
            "torch.Tensor",
            _LogProbs.apply(states, module.weight, module.bias, targets, head, torch.is_grad_enabled()),
        )
    # Another kind of layer (quantised, with adapters): by its own forward and backward.
    rows = chunk_rows(int(getattr(module, "out_features", 2**15)), states.device)
    parts = [
        checkpoint(_of_chunk, head, states[at : at + rows], targets[at : at + rows], use_reentrant=False)
        for at in range(0, max(1, len(targets)), rows)
    ]
    return torch.cat(cast("list[torch.Tensor]", parts))


def _of_chunk(head: Head, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return next_log_probs(head.logits(states), targets)


class _LogProbs(torch.autograd.Function):
    """For a plain linear layer.

    A frozen head's gradient goes to the states alone, and there to each token by itself: it is made at once, and
    nothing twice. What fits into one chunk is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        head: Head,
        training: bool,
    ) -> torch.Tensor:
        device = states.device
        dtype = product_dtype(device, states.dtype)
        rows = chunk_rows(len(weight), device)
        count = len(targets)
        of_states = training and ctx.needs_input_grad[0]
        of_head = training and any(ctx.needs_input_grad[1:3])
        with full_precision(device):
            own = states.to(dtype)
            matrix = weight.to(dtype)
            offset = None if bias is None else bias.to(dtype)
            found = torch.empty(count, dtype=torch.float32, device=device)
            sums = torch.empty_like(found)
            at_once = torch.empty_like(own) if of_states and not of_head else None
            kept: torch.Tensor | None = None
            for at in range(0, count, rows):
                part = slice(at, at + rows)
                logits = _logits(head, own[part], matrix, offset)
                torch.logsumexp(logits, dim=-1, out=sums[part])
                found[part] = logits.gather(1, targets[part, None]).squeeze(1)
                if at_once is not None:
                    slope = _slope(head, logits, sums[part], targets[part])
                    torch.mm(slope.to(dtype), matrix, out=at_once[part])
                elif of_head and count <= rows:
                    kept = logits
            found -= sums
        ctx.head, ctx.dtype = head, dtype
        ctx.save_for_backward(states, weight, bias, targets, sums, at_once, kept)
        return found

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grads
        states, weight, bias, targets, sums, at_once, kept = ctx.saved_tensors
        if at_once is not None:
            return (at_once * grad[:, None].to(at_once.dtype)).to(states.dtype), None, None, None, None, None
        head, dtype = ctx.head, ctx.dtype
        rows = chunk_rows(len(weight), states.device)
        matrix = weight.to(dtype)
        offset = None if bias is None else bias.to(dtype)
        of_states = torch.empty_like(states) if ctx.needs_input_grad[0] else None
        # Summed up in fp32 whatever the products are in.
        of_weight = torch.zeros_like(weight, dtype=torch.float32)
        of_bias = None if bias is None else torch.zeros_like(bias, dtype=torch.float32)
        for at in range(0, len(targets), rows):
            part = slice(at, at + rows)
            own = states[part].to(dtype)
            logits = _logits(head, own, matrix, offset) if kept is None else kept.clone()
            slope = _slope(head, logits, sums[part], targets[part]).mul_(grad[part, None])
            if of_bias is not None:
                of_bias += slope.sum(dim=0)
            slope = slope.to(dtype)
            if of_states is not None:
                of_states[part] = slope @ matrix
            if dtype == torch.float32:
                of_weight.addmm_(slope.T, own)
            else:
                of_weight += slope.T @ own
        of_bias = None if of_bias is None or bias is None else of_bias.to(bias.dtype)
        return of_states, of_weight.to(weight.dtype), of_bias, None, None, None


def _logits(head: Head, states: torch.Tensor, matrix: torch.Tensor, offset: torch.Tensor | None) -> torch.Tensor:
    """Shape (rows, vocabulary), in fp32, and nobody else's: to be changed in place."""
    return head.shaped(nn.functional.linear(states, matrix, offset).float())


def _slope(head: Head, logits: torch.Tensor, sums: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """d log p(target) / d output of the layer, in place of `logits`."""
    bend = None if head.cap is None else 1 - (logits / head.cap) ** 2
    slope = logits.sub_(sums[:, None]).exp_().neg_()
    slope.scatter_add_(1, targets[:, None], slope.new_ones(len(targets), 1))
    if bend is not None:
        slope *= bend
    return slope if head.scale == 1.0 else slope.mul_(head.scale)


SCALES = (("logits_scaling", -1.0), ("logit_scale", 1.0))
"""Settings of architectures that scale their logits, by this power (Granite, Cohere)."""


def head_by_configuration(module: nn.Module, config: Any) -> Head:
    """The head that a network has by what its configuration says. Whether it is so, is to be looked at."""
    scale = math.prod(float(value) ** power for name, power in SCALES if (value := getattr(config, name, None)))
    return Head(module, scale, getattr(config, "final_logit_softcapping", None))
