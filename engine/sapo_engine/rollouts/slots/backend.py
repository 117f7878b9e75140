"""Rollouts by slots: texts are written side by side in a fixed table, and where one ends the next begins.

Every token step has the same shapes and waits for nothing (`step.py`); the host looks at what has been written every
few tokens (`schedule.py`). Weights are a copy at addresses that stay (`weights.py`), so that a card's graphs of steps
(`graphs.py`) outlive them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn.attention import sdpa_kernel
from transformers import PreTrainedModel

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.rollouts.base import Completion, Request, within
from sapo_engine.rollouts.batch_size import BatchSize
from sapo_engine.rollouts.hf import ATTENTION
from sapo_engine.rollouts.slots.graphs import Capture, CudaGraphs, Steps
from sapo_engine.rollouts.slots.schedule import Schedule
from sapo_engine.rollouts.slots.step import Reader, Shape
from sapo_engine.rollouts.slots.table import COLUMN_STEP, SlotTable
from sapo_engine.rollouts.slots.weights import Weights
from sapo_studio.config.engine_limits import ROLLOUT_ROWS
from sapo_studio.domain.ledger import Usage

LOOK_EVERY = 8
"""Tokens of a slot between two looks of the host."""
LEAST_ROWS = 8
"""Fewer slots are not worth a graph of their own."""
READ_TOKENS = 16_384
"""Tokens of prompts that are read at a time,"""
STRICT_PROMPTS = 8
"""and prompts, where the shape must be the same always."""


class SlotBackend:
    """Generates with a copy of a reasoner's weights on `device` (None: where they are), in at most `batch` slots: a
    number, or who says it for each call. Implements RolloutBackend. Only for networks without an `obstacle`.

    `strict`: one shape always, so that a text is bit for bit the same whatever else is written: as many slots as
    `batch` says and as many columns as a text of `positions` tokens needs. `graphs`: whether steps are captured, by
    `capture`; without one by CUDA graphs on a card, and elsewhere not at all.

    What it takes (weights, keys and values, graphs) it keeps from call to call, until `release`.
    """

    def __init__(
        self,
        model: Reasoner | PreTrainedModel,
        *,
        eos: int,
        pad: int,
        batch: int | BatchSize = ROLLOUT_ROWS,
        precision: str = "fp32",
        device: torch.device | None = None,
        look_every: int = LOOK_EVERY,
        strict: bool = False,
        positions: int = 0,
        graphs: bool = True,
        capture: Capture | None = None,
    ) -> None:
        self.reasoner = model if isinstance(model, Reasoner) else Reasoner(model)
        self.eos, self.pad, self.batch = eos, pad, batch
        self.look_every, self.strict, self.positions = look_every, strict, positions
        self.weights = Weights(device or self.reasoner.device, precision)
        self.graphs, self.capture = graphs, capture
        self.usage = Usage()
        self.slot_steps = 0
        """Tokens that were computed, wanted or not."""
        self._table: SlotTable | None = None
        self._steps: Steps | None = None
        self._most = 0

    def use(self, reasoner: Reasoner) -> None:
        """Write with the weights that `reasoner` has now. They are copied, so that it may go elsewhere."""
        self.reasoner = reasoner
        if self.weights.load(reasoner):
            self._drop_table()

    def release(self) -> None:
        """Give all memory back. What is asked for next takes it anew."""
        self._drop_table()
        self.weights.release()
        if self.weights.device.type == "cuda":
            torch.cuda.empty_cache()

    def close(self) -> None:
        """The end. It may be called twice."""
        self.release()

    @torch.inference_mode()
    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend. `tick` hears of what has ended at each look; what it raises ends the call."""
        requests = within(requests, int(getattr(self.reasoner.network.config, "max_position_embeddings", 1 << 20)))
        if not any(request.keys for request in requests):
            return [[] for _ in requests]
        self.use(self.reasoner)
        with sdpa_kernel(ATTENTION):
            return self._write(requests, temperature, tick)

    def _write(
        self, requests: Sequence[Request], temperature: float, tick: Callable[[int], None] | None
    ) -> list[list[Completion]]:
        rows, table, steps = self._reserve(requests)
        table.clear()
        schedule = Schedule(requests, rows, table.new)
        log_probs = any(request.log_probs for request in requests)
        fixed = (STRICT_PROMPTS, table.columns) if self.strict else None
        reader = Reader(self.weights.network, table, self.eos, self.pad, fixed)
        while schedule.waiting or schedule.seated:
            shape = Shape(rows, table.columns, temperature, log_probs)
            while (group := schedule.group(STRICT_PROMPTS if self.strict else rows, READ_TOKENS))[0]:
                prompts, entries = group
                reader.read(prompts, entries, shape)
                self.usage.prefill_tokens += sum(map(len, prompts))
                self.usage.prefix_hits += sum(len(prompts[e.prompt]) for e in entries) - sum(map(len, prompts))
            times = min(self.look_every, schedule.steps_left)
            if times:
                if not self.strict:
                    columns = min(table.columns, _up(schedule.longest + times - 1, COLUMN_STEP))
                    shape = Shape(rows, columns, temperature, log_probs)
                steps.run(shape, times)
                self.slot_steps += rows * times
            ended, unwanted = schedule.take(table.look(rows))
            table.stop(unwanted)
            self.usage.sequences += len(ended)
            self.usage.generated_tokens += sum(len(completion.tokens) for completion in ended)
            if tick and ended:
                tick(len(ended))
            rows = self._fewer(rows, table, schedule)
        return schedule.completions

    def _fewer(self, rows: int, table: SlotTable, schedule: Schedule) -> int:
        """How many slots go on: near the end, when nothing waits for those that are free, a power of two."""
        left = len(schedule.seated)
        fewer = max(LEAST_ROWS, _power_of_two(left))
        if self.strict or schedule.waiting or not left or 2 * fewer > rows:
            return rows
        table.compact(schedule.compact())
        return fewer

    def _reserve(self, requests: Sequence[Request]) -> tuple[int, SlotTable, Steps]:
        """How many slots this call writes in, and a table with at least as many, kept or new."""
        prompt = max(len(request.prompt) for request in requests)
        new = max(1, *(request.max_new_tokens for request in requests))
        columns = _up(max(self.positions, *(len(r.prompt) + r.max_new_tokens for r in requests)), COLUMN_STEP)
        useful = max(LEAST_ROWS, _power_of_two(sum(len(request.keys) for request in requests)))
        table, steps = self._table, self._steps
        if table is not None:
            enough = self._most if self.strict else min(self._most, useful)
            if steps is not None and table.rows >= enough and table.columns >= columns and table.new >= new:
                return enough, table, steps
            columns, new = max(columns, table.columns), max(new, table.new)
        # Given back first, or its own memory would seem to be somebody else's.
        self._drop_table()
        network = self.weights.network
        self._most = self.batch if isinstance(self.batch, int) else self.batch.of(network, prompt, columns - prompt)
        rows = self._most if self.strict else min(self._most, useful)
        self._table = SlotTable(network, rows, columns, new, self.look_every)
        self._steps = Steps(network, self._table, self.eos, self._how_to_capture() if self.graphs else None)
        return rows, self._table, self._steps

    def _how_to_capture(self) -> Capture | None:
        device = self.weights.device
        return self.capture or (CudaGraphs(device) if device.type == "cuda" else None)

    def _drop_table(self) -> None:
        self._steps = self._table = None


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _power_of_two(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()
