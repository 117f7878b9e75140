"""The one training loop: AdamW, linear warm-up, cosine decay, clipped gradients; it can be stopped at any step
and goes on from there.

A batch may be divided among processes and, in each, done in parts: the gradients add up to those of the whole batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import nn

from sapo_engine.models.placement import Placement
from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import own_weights_frozen, parameters_at_work
from sapo_engine.process_group import ALONE, Group
from sapo_engine.training.batching import epoch_batches
from sapo_engine.training.optimiser_memory import hold
from sapo_engine.training.state import load_training_state, save_training_state, saved_bill
from sapo_studio.domain.ledger import UNCOUNTED, Bill, Meter, trained

WARMUP_SHARE = 0.06
CLIP_NORM = 1.0
CURVE_EVERY = 5
REPORT_SECONDS = 0.2


class TrainingCallback(Protocol):
    """Who hears of training and may stop it."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """`done` of `total` steps."""
        ...

    def curve(self, name: str, step: int, value: float) -> None:
        """A point of a training curve."""
        ...

    def poll_control(self, save: Callable[[], None] | None = None) -> None:
        """Called at each step boundary: waits while paused, raises Stopped after `save()` when asked to stop, and calls
        `save()` when a checkpoint is due."""
        ...


class NullCallback:
    """Nobody looks on: for measurements outside a run. Implements TrainingCallback."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """See TrainingCallback."""

    def curve(self, name: str, step: int, value: float) -> None:
        """See TrainingCallback."""

    def poll_control(self, save: Callable[[], None] | None = None) -> None:
        """See TrainingCallback."""


class Loss(Protocol):
    """What is minimised, as a mean that can be summed up in parts: sum of `part(...)` / `weigh(whole batch)`."""

    @property
    def sequences(self) -> int:
        """Sequences that an item puts through the model."""
        ...

    def weigh(self, indices: Sequence[int]) -> float:
        """What the sum over these items is divided by: how many tokens, pairs or trajectories they count as."""
        ...

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The summed loss of these items, and further sums for the curves. In fp32 under any autocast."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingArgs:
    """How to train. `epochs` may be fractional. `head_learning_rate` is for parameters named `head.*`.

    `micro_batch`, `precision` and `group` change memory and time and, beyond floating-point noise, nothing else: at
    most `micro_batch` sequences at a time in each process (0: all of its share), the `precision` of matrix products
    (weights and losses stay in fp32), and the processes that train together. `meter` counts what is trained on, as
    tokens of `who`. `placement` hears of what is held on the device beside the model.
    """

    learning_rate: float
    epochs: float
    batch_size: int
    seed: int
    head_learning_rate: float | None = None
    weight_decay: float = 0.01
    micro_batch: int = 0
    precision: str = "fp32"
    group: Group = ALONE
    meter: Meter = field(default_factory=Meter)
    placement: Placement | None = None
    who: Literal["reasoner", "verifier"] = "reasoner"


def train(
    model: nn.Module,
    lengths: Sequence[int],
    loss: Loss,
    args: TrainingArgs,
    callback: TrainingCallback,
    *,
    tokens: Sequence[int] | None = None,
    state_file: Path | None = None,
    enough: Callable[[int], bool] | None = None,
    check_every: int = 0,
    cool_down: int = 0,
) -> int:
    """Minimise `loss` over items 0..len(lengths)-1, batched by like `lengths`. Returns the number of steps made.

    Only parameters that require a gradient are trained. `tokens` are those of each item, where it has others than its
    length. `state_file` keeps weights, the optimiser, the position and what has been computed so far, so that a stopped
    training goes on at the same step with the same batches and comes to the same bill. Every `check_every` steps
    `enough(step)` is asked; once it says so, the learning rate falls to 0 over `cool_down` further steps and the
    training ends.
    """
    with args.meter.span() as bill, ExitStack() as held:
        return _train(
            model,
            lengths,
            loss,
            args,
            callback,
            bill,
            held,
            tokens=tokens or lengths,
            state_file=state_file,
            enough=enough,
            check_every=check_every,
            cool_down=cool_down,
        )


def _train(
    model: nn.Module,
    lengths: Sequence[int],
    loss: Loss,
    args: TrainingArgs,
    callback: TrainingCallback,
    bill: Bill,
    held: ExitStack,
    *,
    tokens: Sequence[int],
    state_file: Path | None,
    enough: Callable[[int], bool] | None,
    check_every: int,
    cool_down: int,
) -> int:
    group = args.group
    device = next(model.parameters()).device
    parameters_in_all, frozen = parameters_at_work(model), own_weights_frozen(model)
    per_epoch = math.ceil(len(lengths) / args.batch_size)
    total = max(1, round(args.epochs * per_epoch))
    head = [p for name, p in model.named_parameters() if name.startswith("head.") and p.requires_grad]
    body = [p for name, p in model.named_parameters() if not name.startswith("head.") and p.requires_grad]
    parameters = [*body, *head]
    groups = [{"params": body, "peak": args.learning_rate}]
    if head:
        groups.append({"params": head, "peak": args.head_learning_rate or args.learning_rate})
    optimiser = torch.optim.AdamW(
        groups, lr=args.learning_rate, weight_decay=args.weight_decay, betas=(0.9, 0.98), foreach=True
    )
    held.enter_context(hold(optimiser, args.placement))
    # fp16 loses small gradients: they are scaled up, and down again before the step.
    scaler = torch.amp.GradScaler(device.type, enabled=args.precision == "fp16")
    step, cooling_from = 0, 0
    if state_file is not None and group.share(state_file.exists()):
        step, cooling_from = load_training_state(state_file, model, optimiser, scaler)
    group.broadcast_parameters(parameters)

    def count(batch: Sequence[int]) -> None:
        args.meter.add(trained(sum(tokens[i] for i in batch), parameters_in_all, frozen=frozen, who=args.who))

    if step and state_file is not None:
        before = saved_bill(state_file)
        if before is not None:
            args.meter.include(before)
        else:  # of an earlier version: which batches there were is known, what `enough` took is not
            for number in range(math.ceil(step / per_epoch)):
                for batch in epoch_batches(lengths, args.batch_size, args.seed, number)[: step - number * per_epoch]:
                    count(batch)
            if enough is not None and step >= check_every:
                args.meter.add(UNCOUNTED)

    def save() -> None:
        if state_file is not None and group.leader:
            save_training_state(state_file, model, optimiser, step, cooling_from, scaler, bill)

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
            batches = epoch_batches(lengths, args.batch_size, args.seed, epoch)
        callback.poll_control(save)
        scale = scale_at(step)
        for parameter_group in optimiser.param_groups:
            parameter_group["lr"] = parameter_group["peak"] * scale
        optimiser.zero_grad(set_to_none=True)
        batch = batches[step - epoch * per_epoch]
        means = _gradients(loss, batch, args, scaler, device, step)
        count(batch)
        group.sum_gradients(parameters)
        scaler.unscale_(optimiser)
        norm = float(nn.utils.clip_grad_norm_(parameters, CLIP_NORM))
        scaler.step(optimiser)
        scaler.update()
        step += 1
        value = means.pop("loss")
        # With fp16 a gradient may be out of bounds: the step was left out then, and the next one is scaled less.
        if not math.isfinite(value) or not (math.isfinite(norm) or scaler.is_enabled()):
            raise FloatingPointError(
                f"the loss became {value} at step {step} (gradient norm {norm:.3g}, device {device}, "
                f"peak learning rate {args.learning_rate:g})"
            )
        if step % CURVE_EVERY == 0 or step == end:
            callback.curve("loss", step, value)
            for name, figure in means.items():
                callback.curve(name, step, figure)
            callback.curve("learning_rate", step, args.learning_rate * scale)
        now = time.monotonic()
        if now - reported > REPORT_SECONDS or step == end:
            reported = now
            callback.progress(step, end)
        if enough is not None and not cooling_from and step % check_every == 0 and step < end:
            if enough(step):
                cooling_from, end = step, min(end, step + cool_down)
            model.train()
    # As large as the weights, and of no use to whoever comes next.
    optimiser.zero_grad(set_to_none=True)
    model.eval()
    group.broadcast_parameters(parameters)
    return step


def _gradients(
    loss: Loss, batch: Sequence[int], args: TrainingArgs, scaler: torch.amp.GradScaler, device: torch.device, step: int
) -> dict[str, float]:
    """This process's part of the batch's gradient, scaled. Returns loss and curves' values of the whole batch."""
    group = args.group
    weight = loss.weigh(batch)
    mine = batch[group.rank :: group.size]  # like lengths lie side by side: every rank has some of each
    size = max(1, args.micro_batch // loss.sequences) if args.micro_batch else max(1, len(mine))
    sums: dict[str, torch.Tensor] = {}
    for number, at in enumerate(range(0, len(mine), size)):
        # What a dropout leaves out depends on the place in the training alone, so that a resumed one is the same.
        torch.manual_seed(int(np.random.SeedSequence([args.seed, step, group.rank, number]).generate_state(1)[0]))
        with autocast(device, args.precision):
            value, more = loss.part(mine[at : at + size])
        scaler.scale(value / weight).backward()
        for name, figure in {"loss": value.detach(), **more}.items():
            sums[name] = sums[name] + figure if name in sums else figure
    return {name: figure / weight for name, figure in group.total({n: float(v) for n, v in sums.items()}).items()}


def _schedule(step: int, total: int) -> float:
    """Share of the peak learning rate at `step` (0-based)."""
    warm = max(1, round(WARMUP_SHARE * total))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
