"""The slots themselves: what a device holds of each text that is being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel

from sapo_engine.rollouts.slots.attention import Place, SlotLayer

COLUMN_STEP = 64
"""Columns come in whole multiples of this many: each number that is looked at is a graph of its own."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the host learns at a look, an entry a slot: tokens since the last look (shape (slots, 1 + steps), the first
    of them the one that a prompt's reading has drawn), their log-probabilities, how many tokens its text has, whether
    it goes on, and whether it has come to its end-of-text token."""

    tokens: np.ndarray
    log_probs: np.ndarray
    done: np.ndarray
    alive: np.ndarray
    ended: np.ndarray


class SlotTable:
    """`rows` slots of `columns` positions each, for up to `new` tokens behind a prompt, looked at every `steps` tokens.

    A text's token at position p lies in column p, so that prompts are padded on the right and a slot is refilled by
    writing over it. Everything has one address as long as the table lives.
    """

    def __init__(self, network: PreTrainedModel, rows: int, columns: int, new: int, steps: int) -> None:
        config, device = network.config, network.device
        self.rows, self.columns, self.new, self.steps = rows, columns, new, steps
        heads = int(config.num_key_value_heads)
        size = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)

        def whole(*shape: int) -> torch.Tensor:
            return torch.zeros(*shape, dtype=torch.long, device=device)

        def states() -> torch.Tensor:
            return torch.zeros(rows, heads, columns, size, dtype=network.dtype, device=device)

        self.place = Place(whole(rows), torch.arange(rows, device=device), torch.arange(heads, device=device))
        self.cache = DynamicCache(config=config)
        self.layers = [SlotLayer(states(), states(), self.place) for _ in range(int(config.num_hidden_layers))]
        self.cache.layers = list[Any](self.layers)
        self.column = torch.arange(columns, device=device)
        self.token, self.length, self.done, self.limit = whole(rows), whole(rows), whole(rows), whole(rows)
        self.alive = torch.zeros(rows, dtype=torch.bool, device=device)
        self.ended = torch.zeros(rows, dtype=torch.bool, device=device)
        self.noise = torch.zeros(rows, new, device=device)
        self.turn = torch.ones(1, dtype=torch.long, device=device)
        self.outbox = torch.zeros(rows, 1 + steps, dtype=torch.int32, device=device)
        self.log_probs = torch.zeros(rows, 1 + steps, device=device)

    @property
    def changing(self) -> tuple[torch.Tensor, ...]:
        """What a step changes beside keys and values, which it would write anew just the same."""
        return (self.token, self.length, self.done, self.alive, self.ended, self.turn, self.outbox, self.log_probs)

    def index(self, numbers: Sequence[int] | Sequence[Sequence[int]]) -> torch.Tensor:
        """Numbers on the device."""
        return torch.tensor(numbers, dtype=torch.long, device=self.token.device)

    def clear(self) -> None:
        """Nothing is being written."""
        self.alive.zero_()

    def stop(self, slots: Sequence[int]) -> None:
        """Write no further in these."""
        if slots:
            self.alive.index_fill_(0, self.index(slots), False)

    def look(self, rows: int) -> Look:
        """What has been written in the first `rows` slots since the last look: one copy to the host, and the only wait
        of a round."""
        width = 1 + self.steps
        packed = torch.cat(
            [
                self.outbox[:rows],
                self.log_probs[:rows].view(torch.int32),
                torch.stack([self.done[:rows], self.alive[:rows], self.ended[:rows]], dim=1).int(),
            ],
            dim=1,
        )
        host = packed.cpu().numpy()
        self.turn.fill_(1)
        return Look(
            host[:, :width],
            np.ascontiguousarray(host[:, width : 2 * width]).view(np.float32),
            host[:, -3],
            host[:, -2].astype(bool),
            host[:, -1].astype(bool),
        )

    def compact(self, slots: Sequence[int]) -> None:
        """Put these slots first, in their order, and end all others."""
        index, count = self.index(slots), len(slots)
        for layer in self.layers:
            layer.move(index)
        for state in (self.token, self.length, self.done, self.limit, self.alive, self.ended, self.noise):
            state[:count] = state.index_select(0, index)
        self.alive[count:] = False
