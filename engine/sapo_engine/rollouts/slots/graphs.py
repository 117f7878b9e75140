"""Steps one after the other; where there is something to capture them with, each shape is captured once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers import PreTrainedModel

from sapo_engine.rollouts.slots.step import Shape, step
from sapo_engine.rollouts.slots.table import SlotTable

Work = Callable[[], None]
Capture = Callable[[Work], Work]
"""Makes of a work what does it again: the same operations on the same memory, whatever lies there then. It may do the
work meanwhile."""


class CudaGraphs:
    """A Capture on a card: CUDA graphs that share their memory, since no two of them run at the same time."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool: Any = None

    def __call__(self, work: Work) -> Work:
        """`work` as one launch."""
        with torch.cuda.device(self.device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                work()  # so that libraries have made what they make at first use
            torch.cuda.current_stream().wait_stream(aside)
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                work()
        return graph.replay


class Steps:
    """Steps with `network` in `table`, captured by `capture` (None: done one operation after the other). What is
    captured is of use as long as these two stay where they are, whatever is written into them."""

    def __init__(self, network: PreTrainedModel, table: SlotTable, eos: int, capture: Capture | None) -> None:
        self.network, self.table, self.eos, self.capture = network, table, eos, capture
        self._captured: dict[Shape, Work] = {}

    def run(self, shape: Shape, times: int) -> None:
        """So many steps of this shape."""
        work = self._captured.get(shape) or self._work(shape)
        for _ in range(times):
            work()

    def _work(self, shape: Shape) -> Work:
        # Not a function of this object's: keys, values and graphs would be held in a circle when they are let go.
        work = partial(step, self.network, self.table, self.eos, shape)
        if self.capture is None:
            return work
        before = [state.clone() for state in self.table.changing]
        captured = self._captured[shape] = self.capture(work)
        for state, value in zip(self.table.changing, before, strict=True):
            state.copy_(value)
        return captured
