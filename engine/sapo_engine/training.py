"""The one training loop: AdamW, linear warm-up, cosine decay, clipped gradients; it can be stopped at any step
and goes on from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from sapo_engine.batching import epoch_batches
from sapo_engine.checkpoint import load_training_state, save_training_state

WARMUP_SHARE = 0.06
CLIP_NORM = 1.0
CURVE_EVERY = 5
REPORT_SECONDS = 0.2


class Watcher(Protocol):
    """Who hears of training and may stop it."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """`done` of `total` steps."""
        ...

    def curve(self, name: str, step: int, value: float) -> None:
        """A point of a training curve."""
        ...

    def breathe(self, save: Callable[[], None] | None = None) -> None:
        """Called at each step boundary: waits while paused, raises Stopped after `save()` when asked to stop, and calls
        `save()` when a checkpoint is due."""
        ...


class SilentWatcher:
    """Nobody looks on: for measurements outside a run. Implements Watcher."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """See Watcher."""

    def curve(self, name: str, step: int, value: float) -> None:
        """See Watcher."""

    def breathe(self, save: Callable[[], None] | None = None) -> None:
        """See Watcher."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. `epochs` may be fractional. `head_learning_rate` is for parameters named `head.*`."""

    learning_rate: float
    epochs: float
    batch_size: int
    seed: int
    head_learning_rate: float | None = None
    weight_decay: float = 0.01


def train(
    model: nn.Module,
    lengths: Sequence[int],
    loss_of: Callable[[list[int]], tuple[torch.Tensor, dict[str, float]]],
    recipe: Recipe,
    watcher: Watcher,
    *,
    state_file: Path | None = None,
    enough: Callable[[int], bool] | None = None,
    check_every: int = 0,
    cool_down: int = 0,
) -> int:
    """Minimise `loss_of(indices)` over items 0..len(lengths)-1, batched by like `lengths`. Returns the number
    of steps made.

    `loss_of` returns the loss and further values for the curves. `state_file` keeps model, optimiser and
    position, so that a stopped training goes on at the same step with the same batches. Every `check_every`
    steps `enough(step)` is asked; once it says so, the learning rate falls to 0 over `cool_down` further steps
    and the training ends.
    """
    device = next(model.parameters()).device
    per_epoch = math.ceil(len(lengths) / recipe.batch_size)
    total = max(1, round(recipe.epochs * per_epoch))
    head = [p for name, p in model.named_parameters() if name.startswith("head.") and p.requires_grad]
    body = [p for name, p in model.named_parameters() if not name.startswith("head.") and p.requires_grad]
    groups = [{"params": body, "peak": recipe.learning_rate}]
    if head:
        groups.append({"params": head, "peak": recipe.head_learning_rate or recipe.learning_rate})
    optimiser = torch.optim.AdamW(
        groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98), foreach=True
    )
    step, cooling_from = 0, 0
    if state_file is not None and state_file.exists():
        step, cooling_from = load_training_state(state_file, model, optimiser)

    def save() -> None:
        if state_file is not None:
            save_training_state(state_file, model, optimiser, step, cooling_from)

    def scale_at(step: int) -> float:
        if not cooling_from:
            return _schedule(step, total)
        return _schedule(cooling_from, total) * (1 - (step - cooling_from) / cool_down)

    reported = 0.0
    end = cooling_from + cool_down if cooling_from else total
    batches: list[list[int]] = []
    epoch = -1
    model.train()
    while step < end:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            batches = epoch_batches(lengths, recipe.batch_size, recipe.seed, epoch)
        watcher.breathe(save)
        scale = scale_at(step)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * scale
        loss, extra = loss_of(batches[step - epoch * per_epoch])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_([*body, *head], CLIP_NORM)
        optimiser.step()
        step += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the loss became {value} at step {step} (gradient norm {float(norm):.3g}, device {device}); "
                "lower the learning rate"
            )
        if step % CURVE_EVERY == 0 or step == end:
            watcher.curve("loss", step, value)
            for name, figure in extra.items():
                watcher.curve(name, step, figure)
            watcher.curve("learning_rate", step, recipe.learning_rate * scale)
        now = time.monotonic()
        if now - reported > REPORT_SECONDS or step == end:
            reported = now
            watcher.progress(step, end)
        if enough is not None and not cooling_from and step % check_every == 0 and step < end:
            if enough(step):
                cooling_from, end = step, min(end, step + cool_down)
            model.train()
    model.eval()
    return step


def _schedule(step: int, total: int) -> float:
    """Share of the peak learning rate at `step` (0-based)."""
    warm = max(1, round(WARMUP_SHARE * total))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
