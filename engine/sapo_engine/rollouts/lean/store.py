"""Keys and values of the lean pass: in one block of memory, and made smaller in place."""

from __future__ import annotations

import torch

from sapo_engine.rollouts.kept_memory import KeptMemory


class LeanStore:
    """Keys and values of `layers` layers, each (room, key heads, size, rows): what is filled lies together.

    One part of the block is free. To keep some rows of all parts, each is copied to the part that is free then, and
    leaves its own free for the next.
    """

    def __init__(self, memory: KeptMemory, layers: int, room: int, key_heads: int, size: int, rows: int) -> None:
        self._memory = memory
        self._shape = (room, key_heads, size)
        self._part = room * key_heads * size * rows
        self._block = memory.take((2 * layers + 1) * self._part)
        self._places = list(range(2 * layers))
        self._free = 2 * layers
        self._show(rows)

    def keep(self, rows: torch.Tensor, filled: int) -> None:
        """Go on with these rows, of which the first `filled` positions are filled."""
        for number, (place, old) in enumerate(zip(self._places, self._all, strict=True)):
            new = self._view(self._free, len(rows))
            torch.index_select(old[:filled], 3, rows, out=new[:filled])
            self._places[number], self._free = self._free, place
        self._show(len(rows))

    def close(self) -> None:
        """Give the block back."""
        self._memory.give(self._block)

    def _view(self, place: int, rows: int) -> torch.Tensor:
        shape = (*self._shape, rows)
        begin = place * self._part
        return self._block[begin : begin + _count(shape)].view(shape)

    def _show(self, rows: int) -> None:
        self._all = [self._view(place, rows) for place in self._places]
        self.keys, self.values = self._all[::2], self._all[1::2]


def _count(shape: tuple[int, ...]) -> int:
    return torch.Size(shape).numel()
