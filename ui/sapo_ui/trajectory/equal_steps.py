"""How far two solutions are the same."""

from __future__ import annotations

from collections.abc import Sequence


def equal_steps(mine: Sequence[str], other: Sequence[str]) -> int:
    """How many of the first steps are the same, word for word."""
    count = 0
    for a, b in zip(mine, other, strict=False):
        if a != b:
            break
        count += 1
    return count
