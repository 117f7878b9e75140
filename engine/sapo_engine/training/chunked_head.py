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
    return _through(head, states, targets, summed=False)


def log_prob_sum(head: Head, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The sum of these. All have the same weight in it, which saves making a trained head's logits a second time."""
    return _through(head, states, targets, summed=True)


def _through(head: Head, states: torch.Tensor, targets: torch.Tensor, *, summed: bool) -> torch.Tensor:
    module = head.module
    if type(module) is nn.Linear:
        training = torch.is_grad_enabled()
        found = _LogProbs.apply(states, module.weight, module.bias, targets, head, summed, training)
        return cast("torch.Tensor", found)
    # Another kind of layer (quantised, with adapters): by its own forward and backward.
    rows = chunk_rows(int(getattr(module, "out_features", 2**15)), states.device)
    parts = [
        checkpoint(_of_chunk, head, states[at : at + rows], targets[at : at + rows], use_reentrant=False)
        for at in range(0, max(1, len(targets)), rows)
    ]
    whole = torch.cat(cast("list[torch.Tensor]", parts))
    return whole.sum() if summed else whole


def _of_chunk(head: Head, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return next_log_probs(head.logits(states), targets)


class _Layer:
    """A plain linear layer as it is calculated with: in `dtype`, its weights' gradients summed up in fp32."""

    def __init__(self, head: Head, weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype) -> None:
        self.head, self.dtype = head, dtype
        self.weight, self.bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        self.of_weight: torch.Tensor | None = None
        self.of_bias: torch.Tensor | None = None

    def want_gradients(self) -> None:
        """Begin to sum them up."""
        self.of_weight = torch.zeros_like(self.weight, dtype=torch.float32)
        self.of_bias = None if self.bias is None else torch.zeros_like(self.bias, dtype=torch.float32)

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Shape (rows, vocabulary), in fp32, and nobody else's: to be changed in place."""
        return self.head.shaped(nn.functional.linear(states, self.weight, self.bias).float())

    def back(self, slope: torch.Tensor, states: torch.Tensor, out: torch.Tensor | None) -> None:
        """From the gradient of the layer's output to that of `states`, into `out`, and of the weights."""
        if self.of_bias is not None:
            self.of_bias += slope.sum(dim=0)
        slope = slope.to(self.dtype)
        if out is not None:
            torch.mm(slope, self.weight, out=out)
        if self.of_weight is None:
            return
        if self.dtype == torch.float32:
            self.of_weight.addmm_(slope.T, states)
        else:
            self.of_weight += slope.T @ states


class _LogProbs(torch.autograd.Function):
    """For a plain linear layer.

    Where it is known beforehand what a token's log-probability weighs, gradients are made at once, and logits only
    once: of a sum; and of the states alone (a frozen head), whose gradient each token has to itself. Of the rest, what
    fits into one chunk is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        head: Head,
        summed: bool,
        training: bool,
    ) -> torch.Tensor:
        ctx.dtype = product_dtype(states.device, states.dtype)
        rows = chunk_rows(len(weight), states.device)
        of_states = training and ctx.needs_input_grad[0]
        of_head = training and any(ctx.needs_input_grad[1:3])
        at_once = (of_states or of_head) and (summed or not of_head)
        found = torch.empty(len(targets), dtype=torch.float32, device=states.device)
        sums = torch.empty_like(found)
        kept: torch.Tensor | None = None
        with full_precision(states.device):
            layer = _Layer(head, weight, bias, ctx.dtype)
            own = states.to(ctx.dtype)
            grad = torch.empty_like(own) if of_states and at_once else None
            if of_head and at_once:
                layer.want_gradients()
            for at in range(0, len(targets), rows):
                part = slice(at, at + rows)
                logits = layer.logits(own[part])
                torch.logsumexp(logits, dim=-1, out=sums[part])
                found[part] = logits.gather(1, targets[part, None]).squeeze(1)
                if at_once:
                    slope = _slope(head, logits, sums[part], targets[part])
                    layer.back(slope, own[part], None if grad is None else grad[part])
                elif of_head and len(targets) <= rows:
                    kept = logits
            found -= sums
        ctx.head, ctx.summed, ctx.at_once = head, summed, at_once
        made = (grad, layer.of_weight, layer.of_bias)
        ctx.save_for_backward(states, weight, bias, targets, sums, kept, *made)
        return found.sum() if summed else found

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grads
        states, weight, bias, targets, sums, kept, *made = ctx.saved_tensors
        if ctx.at_once:
            if not ctx.summed:
                grad = grad[:, None]
            whole = [None if one is None else one * grad for one in made]
        else:
            rows = chunk_rows(len(weight), states.device)
            grad = grad.expand(len(targets))
            layer = _Layer(ctx.head, weight, bias, ctx.dtype)
            layer.want_gradients()
            own = states.to(ctx.dtype)
            of_states = torch.empty_like(own) if ctx.needs_input_grad[0] else None
            for at in range(0, len(targets), rows):
                part = slice(at, at + rows)
                logits = layer.logits(own[part]) if kept is None else kept.clone()
                slope = _slope(ctx.head, logits, sums[part], targets[part]).mul_(grad[part, None])
                layer.back(slope, own[part], None if of_states is None else of_states[part])
            whole = [of_states, layer.of_weight, layer.of_bias]
        formats = (states, weight, bias)
        of = [
            None if one is None or like is None else one.to(like.dtype)
            for one, like in zip(whole, formats, strict=True)
        ]
        return *of, None, None, None, None


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
