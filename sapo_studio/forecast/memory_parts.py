"""Sums that can be looked into: each part has its size and what it was reckoned from, in words."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """A share of a peak of memory, in bytes."""

    name: str
    bytes: float
    assumption: str


@dataclass(frozen=True, slots=True)
class Peak:
    """What one kind of work takes of one memory at its worst moment."""

    use: str
    parts: tuple[Part, ...]

    @property
    def bytes(self) -> float:
        """All parts together."""
        return sum(part.bytes for part in self.parts)


def size(count: float) -> str:
    """Bytes in binary units, three significant digits at most: `1.25 GiB`."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    digits = 0 if value >= 100 or unit == "B" else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}"
