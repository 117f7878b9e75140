"""Main memory that is kept from one call of the sampler to the next: fresh pages cost a small model more than its
arithmetic.
"""

from __future__ import annotations

import torch

MOST = 256 << 20
"""Bytes that are kept. What is larger is given back at once: there the pages are a small part of the work."""


class KeptMemory:
    """Lends one block of fp32 numbers at a time from what it keeps; whoever asks meanwhile gets a block of his own."""

    def __init__(self) -> None:
        self._kept: torch.Tensor | None = None

    @property
    def bytes(self) -> int:
        """What is kept now, and not lent."""
        return 0 if self._kept is None else self._kept.nbytes

    def take(self, count: int) -> torch.Tensor:
        """At least `count` numbers, whatever is in them."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.numel() >= count:
            return kept
        del kept  # before there is a second one
        return torch.empty(count)

    def give(self, block: torch.Tensor) -> None:
        """The borrower is done with it."""
        if self.bytes < block.nbytes <= MOST:
            self._kept = block

    def clear(self) -> None:
        """Keep nothing."""
        self._kept = None
