"""Steps one after the other; on a card as CUDA graphs, each shape captured once."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from sapo_engine.rollouts.slots.step import Shape, step
from sapo_engine.rollouts.slots.table import SlotTable


class Steps:
    """Steps with `network` in `table`. `capture`: as graphs, which read and write these two where they lie now: they
    are of use as long as both stay there, whatever is written into them."""

    def __init__(self, network: PreTrainedModel, table: SlotTable, eos: int, *, capture: bool) -> None:
        self.network, self.table, self.eos, self.capture = network, table, eos, capture
        self._graphs: dict[Shape, Any] = {}
        self._pool: Any = None

    def run(self, shape: Shape, times: int) -> None:
        """So many steps of this shape."""
        if not self.capture:
            for _ in range(times):
                step(self.network, self.table, self.eos, shape)
            return
        graph = self._graphs.get(shape) or self._captured(shape)
        for _ in range(times):
            graph.replay()

    def _captured(self, shape: Shape) -> Any:
        with torch.cuda.device(self.table.token.device):
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            before = [state.clone() for state in self.table.changing]
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                # Once in earnest, so that libraries have made what they make at first use.
                step(self.network, self.table, self.eos, shape)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                step(self.network, self.table, self.eos, shape)
            for state, value in zip(self.table.changing, before, strict=True):
                state.copy_(value)
        self._graphs[shape] = graph
        return graph
