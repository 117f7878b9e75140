"""The one training loop: AdamW, linear warm-up, cosine decay, clipped gradients; it can be stopped at any step
and goes on from there.

A batch may be divided among processes and, in each, done in parts: the gradients add up to those of the whole batch.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from torch import nn

from sapo_engine.models.placement import Placement
from sapo_engine.models.precision import autocast
from sapo_engine.models.reasoner import own_weights_frozen, parameters_at_work
from sapo_engine.process_group import ALONE, Group, peers_at_work
from sapo_engine.training.at_work import AtWork, Whole
from sapo_engine.training.batching import epoch_batches
from sapo_engine.training.compiled_body import CompiledBody
from sapo_engine.training.micro_batches import MicroTokens, allocated, divided, micro_tokens
from sapo_engine.training.optimiser_memory import hold
from sapo_engine.training.sharded import Shards, obstacle, whole
from sapo_engine.training.state import load_training_state, save_training_state, saved_bill, training_facts
from sapo_studio.domain.ledger import UNCOUNTED, Bill, Meter, trained
from sapo_studio.forecast.compiling import compiling_pays

WARMUP_SHARE = 0.06
CLIP_NORM = 1.0
CURVE_EVERY = 5
REPORT_SECONDS = 0.2
AGAIN = "again"
"""Beside the sums of a batch: how many ranks have to do it once more."""


class TrainingCallback(Protocol):
    """Who hears of training and may stop it."""

    def progress(self, done: int, total: int, message: str = "") -> None:
        """`done` of `total` steps."""
        ...

    def curve(self, name: str, step: int, value: float) -> None:
        """A point of a training curve."""
        ...

    def log(self, message: str, level: str = "info") -> None:
        """A line for the log."""
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

    def log(self, message: str, level: str = "info") -> None:
        """See TrainingCallback."""

    def poll_control(self, save: Callable[[], None] | None = None) -> None:
        """See TrainingCallback."""


class Loss(Protocol):
    """What is minimised, as a mean that can be summed up in parts: sum of `part(...)` / `weigh(whole batch)`."""

    def over(self, model: nn.Module) -> Self:
        """The same loss of another model, which is built like its own. Only asked for where a training is sharded."""
        ...

    def positions(self, index: int) -> int:
        """Token positions that the model computes for an item: what a pair shares counts once, if it is read so. The
        memory of a part goes by their sum."""
        ...

    def weigh(self, indices: Sequence[int]) -> float:
        """What the sum over these items is divided by: how many tokens, pairs or trajectories they count as."""
        ...

    def part(self, indices: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The summed loss of these items, and further sums for the curves. In fp32 under any autocast. Any part of a
        batch may be asked for."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingArgs:
    """How to train. `epochs` may be fractional. `head_learning_rate` is for parameters named `head.*`.

    `micro_tokens`, `precision` and `group` change memory and time and, beyond floating-point noise, nothing else: at
    most `micro_tokens` token positions at a time in each process (0: what memory has room for), the `precision` of
    matrix products (weights and losses stay in fp32), whether to `compile` the network's blocks where that pays on a
    card, and the processes that train together: whether these divide what is trained among them (`sharded`), where that
    can be. `meter` counts what is trained on, as tokens of `who`.
    `placement` hears of what is held on the device beside the model.
    """

    learning_rate: float
    epochs: float
    batch_size: int
    seed: int
    head_learning_rate: float | None = None
    weight_decay: float = 0.01
    micro_tokens: int = 0
    precision: str = "fp32"
    compile: bool = False
    sharded: bool = False
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
    with args.meter.span() as bill:
        training = _Training(model, lengths, loss, args, callback, bill, tokens or lengths, state_file)
        with hold(training.optimiser, args.placement), training.at_work.in_place(args.placement), peers_at_work():
            try:
                return training.run(enough, check_every, cool_down)
            finally:
                training.close()


def adamw(groups: list[dict[str, Any]], args: TrainingArgs, device: torch.device) -> torch.optim.AdamW:
    """The optimiser of these groups of weights, which are on `device`; its state is the same either way.

    On a card one kernel does a step for all tensors, and makes no copy. On a CPU it would, too, in a third of the time,
    but that is a hundredth of a training, and every run would have other last bits than before (docs/decisions.md).
    """
    way = {"fused": True} if device.type == "cuda" else {"foreach": True}
    return torch.optim.AdamW(groups, lr=args.learning_rate, weight_decay=args.weight_decay, betas=(0.9, 0.98), **way)


def _at_work(model: nn.Module, loss: Loss, args: TrainingArgs, device: torch.device) -> AtWork:
    """What the steps are made on: parts of `model` where it is to be divided among the ranks and can be."""
    mesh = args.group.mesh(device) if args.sharded and not obstacle(model, args.precision) else None
    if mesh is None:
        return Whole(model, loss, args.group, args.precision)
    args.group.broadcast_parameters(model.parameters())
    return Shards(model, loss, mesh, args.precision, placed=args.placement is not None)


class _Training:
    """One training from where it begins, or was stopped, to its end."""

    def __init__(
        self,
        model: nn.Module,
        lengths: Sequence[int],
        loss: Loss,
        args: TrainingArgs,
        callback: TrainingCallback,
        bill: Bill,
        tokens: Sequence[int],
        state_file: Path | None,
    ) -> None:
        self.loss, self.args, self.callback, self.bill = loss, args, callback, bill
        self.lengths, self.tokens, self.state_file = lengths, tokens, state_file
        self.group = args.group
        self.device = next(model.parameters()).device
        self.weights, self.frozen = parameters_at_work(model), own_weights_frozen(model)
        self.model, self.at_work = model, _at_work(model, loss, args, self.device)
        self.per_epoch = math.ceil(len(lengths) / args.batch_size)
        self.total = max(1, round(args.epochs * self.per_epoch))
        trained = [(name, p) for name, p in self.at_work.model.named_parameters() if p.requires_grad]
        head = [p for name, p in trained if name.startswith("head.")]
        body = [p for name, p in trained if not name.startswith("head.")]
        self.parameters = [*body, *head]
        groups = [{"params": body, "peak": args.learning_rate}]
        if head:
            groups.append({"params": head, "peak": args.head_learning_rate or args.learning_rate})
        self.optimiser = adamw(groups, args, self.device)
        # fp16 loses small gradients: they are scaled up, and down again before the step.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=args.precision == "fp16")
        self.compiled = CompiledBody(model, lambda message: callback.log(message, "warning"))
        self.step, self.cooling_from = 0, 0
        self.micro = MicroTokens(args.micro_tokens, lambda message: callback.log(message, "warning"))

    def run(self, enough: Callable[[int], bool] | None, check_every: int, cool_down: int) -> int:
        """See `train`."""
        args, callback = self.args, self.callback
        self._go_on(enough is not None, check_every)
        reported = 0.0
        end = self.cooling_from + cool_down if self.cooling_from else self.total
        batches: list[list[int]] = []
        epoch = -1
        self.at_work.model.train()
        self.at_work.begin()
        # A scaler knows its scale from the first loss on: a rank that has no item in the first batch brings none.
        self.scaler.scale(torch.zeros((), device=self.device))
        if self._compiling_pays():
            self.compiled.begin()
        while self.step < end:
            if self.step // self.per_epoch != epoch:
                epoch = self.step // self.per_epoch
                batches = epoch_batches(self.lengths, args.batch_size, args.seed, epoch)
            callback.poll_control(self._save)
            scale = self._scale(cool_down)
            for parameter_group in self.optimiser.param_groups:
                parameter_group["lr"] = parameter_group["peak"] * scale
            batch = batches[self.step - epoch * self.per_epoch]
            means = self._gradients(batch)
            self._count(batch)
            self.at_work.sum_gradients()
            self.scaler.unscale_(self.optimiser)
            norm = float(whole(nn.utils.clip_grad_norm_(self.parameters, CLIP_NORM)))
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.at_work.follow()
            self.step += 1
            value = means.pop("loss")
            # With fp16 a gradient may be out of bounds: the step was left out then, and the next one is scaled less.
            if not math.isfinite(value) or not (math.isfinite(norm) or self.scaler.is_enabled()):
                raise FloatingPointError(
                    f"the loss became {value} at step {self.step} (gradient norm {norm:.3g}, device {self.device}, "
                    f"peak learning rate {args.learning_rate:g})"
                )
            if self.step % CURVE_EVERY == 0 or self.step == end:
                callback.curve("loss", self.step, value)
                for name, figure in means.items():
                    callback.curve(name, self.step, figure)
                callback.curve("learning_rate", self.step, args.learning_rate * scale)
            now = time.monotonic()
            if now - reported > REPORT_SECONDS or self.step == end:
                reported = now
                callback.progress(self.step, end)
            if enough is not None and not self.cooling_from and self.step % check_every == 0 and self.step < end:
                with self.at_work.looked_at():
                    reached = enough(self.step)
                if reached:
                    self.cooling_from, end = self.step, min(end, self.step + cool_down)
                self.at_work.model.train()
        self.at_work.settle()
        return self.step

    def close(self) -> None:
        """Leave the model as whoever comes next wants it, however the training has ended."""
        self.compiled.end()
        self.at_work.end()
        # As large as the weights, and of no use any more.
        self.optimiser.zero_grad(set_to_none=True)
        self.model.eval()

    def _go_on(self, checked: bool, check_every: int) -> None:
        """From the state that was kept, if there is one."""
        now, kept = self.args.micro_tokens, 0
        if self.state_file is not None and self.group.share(self.state_file.exists()):
            what = (self.at_work.model, self.optimiser, self.scaler)
            self.step, self.cooling_from = load_training_state(self.state_file, *what)
            if self.step:
                self._include_bill(self.state_file, checked, check_every)
                asked, had = json.loads(training_facts(self.state_file).get("micro_tokens", "[-1, 0]"))
                kept = had if asked == now else 0
        why = ""
        if not now:
            longest = max(self.lengths, default=1)
            there, shards = allocated(self.optimiser), self.at_work.shards
            now, why = micro_tokens(self.at_work.model, self.args.precision, longest, there, shards=shards)
        # What a dropout leaves out depends on how a batch is divided: a training goes on as it began, if there is room.
        self.micro.now = min(kept or now, now)
        if self.at_work.shards > 1:  # each rank has to know how many parts the others have
            self.micro.now = min(self.group.gather(self.micro.now))
        if why:
            said = f"Trained on at a time: {self.micro.now:,} token positions"
            self.callback.log(f"{said} ({why}; runtime.micro_tokens = 0).")

    def _include_bill(self, state_file: Path, checked: bool, check_every: int) -> None:
        """What the training had computed before it was stopped."""
        before = saved_bill(state_file)
        if before is not None:
            self.args.meter.include(before)
            return
        # Of an earlier version: which batches there were is known, what `enough` took is not.
        size, seed = self.args.batch_size, self.args.seed
        for number in range(math.ceil(self.step / self.per_epoch)):
            for batch in epoch_batches(self.lengths, size, seed, number)[: self.step - number * self.per_epoch]:
                self._count(batch)
        if checked and self.step >= check_every:
            self.args.meter.add(UNCOUNTED)

    def _compiling_pays(self) -> bool:
        """Whether the blocks are to be compiled: on a card, in bf16 throughout, without checkpointing (which calls them
        twice by ways of its own), and where the training is long enough."""
        if not self.args.compile or self.device.type != "cuda" or not self.at_work.compiles:
            return False
        if any(getattr(module, "gradient_checkpointing", False) for module in self.model.modules()):
            return False
        whole = sum(map(self.loss.positions, range(len(self.lengths)))) * self.args.epochs
        return compiling_pays(self.weights, whole / self.group.size)

    def _count(self, batch: Sequence[int]) -> None:
        tokens = sum(self.tokens[i] for i in batch)
        self.args.meter.add(trained(tokens, self.weights, frozen=self.frozen, who=self.args.who))

    def _save(self) -> None:
        if self.state_file is not None and (self.group.leader or self.at_work.shards > 1):
            more = {"micro_tokens": json.dumps([self.args.micro_tokens, self.micro.now])}
            state = (self.at_work.model, self.optimiser, self.step, self.cooling_from, self.scaler, self.bill, more)
            with self.at_work.kept():
                save_training_state(self.state_file, *state, write=self.group.leader)

    def _scale(self, cool_down: int) -> float:
        """Share of the peak learning rate at the step that comes now."""
        if not self.cooling_from:
            return _schedule(self.step, self.total)
        return _schedule(self.cooling_from, self.total) * (1 - (self.step - self.cooling_from) / cool_down)

    def _gradients(self, batch: Sequence[int]) -> dict[str, float]:
        """Put this process's part of the batch's gradient, scaled, in place. Returns loss and curves' values of the
        whole batch. Where memory runs out it is done again in smaller parts."""
        weight = self.loss.weigh(batch)
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            parts, company = self._parts(batch)
            sums: dict[str, torch.Tensor] = {}
            again = False
            try:
                for number, part in enumerate(parts):
                    self._add(part, number, weight, sums)
                for _ in range(company):
                    self._keep_company(batch)
            except torch.OutOfMemoryError:
                # Ranks that have parts of one model wait in the middle of a pass for the one that cannot go on.
                again = self.at_work.shards == 1 and self.micro.halve(parts, self.loss.positions)
                if not again:
                    raise
            except RuntimeError as error:  # dynamo, inductor and Triton have no narrower one in common
                again = self.compiled.give_up(error)
                if not again:
                    raise
            # All ranks do it again where one has to: the others' sums are of no use without its own.
            found = self.group.total({name: float(figure) for name, figure in sums.items()} | {AGAIN: float(again)})
            if not found.pop(AGAIN):
                return {name: figure / weight for name, figure in found.items()}
            self.optimiser.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _add(self, part: Sequence[int], number: int, weight: float, sums: dict[str, torch.Tensor]) -> None:
        """Add the gradient of part number `number` of the batch, and its figures to `sums`."""
        # What a dropout leaves out depends on the place in the training alone, so that a resumed one is the same.
        at = [self.args.seed, self.step, self.group.rank, number]
        torch.manual_seed(int(np.random.SeedSequence(at).generate_state(1)[0]))
        value, more = self._pass(part)
        self.scaler.scale(value / weight).backward()
        for name, figure in {"loss": value.detach(), **more}.items():
            sums[name] = sums[name] + figure if name in sums else figure

    def _parts(self, batch: Sequence[int]) -> tuple[list[list[int]], int]:
        """What this process does of the batch at a time. And how many times more others do something, whom it has to
        keep company where each has a part of the model."""
        # Like lengths lie side by side: every rank has some of each.
        each = [batch[rank :: self.group.size] for rank in range(self.group.size)]
        mine = divided(each[self.group.rank], self.loss.positions, self.micro.now)
        if self.at_work.shards == 1:
            return mine, 0
        return mine, max(len(divided(items, self.loss.positions, self.micro.now)) for items in each) - len(mine)

    def _pass(self, items: Sequence[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with autocast(self.device, self.at_work.cast):
            return self.at_work.part(items)

    def _keep_company(self, batch: Sequence[int]) -> None:
        """Pass over the batch's shortest item for nothing: other ranks need this one's part of the model for theirs."""
        value, _ = self._pass([min(batch, key=self.loss.positions)])
        (value * 0.0).backward()


def _schedule(step: int, total: int) -> float:
    """Share of the peak learning rate at `step` (0-based)."""
    warm = max(1, round(WARMUP_SHARE * total))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
