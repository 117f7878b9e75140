"""What the heatmap computes: which columns share a pixel column, their mean, and which mark stands for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MarkLayer:
    """One kind of mark: `rows` holds the 1-based row it sits in for each column, 0 for none.

    `shape` is triangle (hollow), square (filled) or ring. `always` keeps every mark when columns are merged, instead of
    those that most of the merged columns agree on.
    """

    name: str
    shape: str
    rows: Ints
    always: bool = False


@dataclass(frozen=True)
class Grid:
    """Columns of values in 0..1, NaN where a column has no such row; `groups` numbers what neighbouring columns
    belong to, and `names` has the whole and the short name of each."""

    values: Floats32
    groups: Ints
    marks: tuple[MarkLayer, ...] = ()
    names: Mapping[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return int(self.values.shape[0])

    @property
    def rows(self) -> int:
        """How many rows the longest column has."""
        return int(self.values.shape[1]) if self.values.ndim == 2 else 0


def empty_grid() -> Grid:
    """A grid without columns."""
    return Grid(np.zeros((0, 0), np.float32), np.zeros(0, np.int64))


def bin_edges(first: int, last: int, bins: int) -> Ints:
    """Where each of at most `bins` bins over the columns first..last (exclusive) begins, and the end."""
    count = max(0, min(bins, last - first))
    if count == 0:
        return np.array([first], np.int64)
    return first + (np.arange(count + 1, dtype=np.int64) * (last - first)) // count


def bin_means(values: Floats32, edges: Ints) -> Floats32:
    """Mean of each bin's columns, row by row, over those that have the row; NaN where none has it."""
    if len(edges) < 2:
        return np.zeros((0, values.shape[1] if values.ndim == 2 else 0), np.float32)
    part = values[edges[0] : edges[-1]]
    if len(edges) - 1 == len(part):
        return part
    starts = edges[:-1] - edges[0]
    there = ~np.isnan(part)
    total = np.add.reduceat(np.where(there, part, np.float32(0)), starts, axis=0)
    count = np.add.reduceat(there, starts, axis=0, dtype=np.int32)
    return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan)).astype(np.float32)


def bin_marks(layer: MarkLayer, edges: Ints, rows: int) -> list[tuple[int, int]]:
    """(bin, row) of each mark to draw: the most frequent row of a bin in which a quarter of the columns is marked,
    or every row for an `always` layer.
    """
    if len(edges) < 2 or rows < 1:
        return []
    part = layer.rows[edges[0] : edges[-1]]
    bins = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    marked = part > 0
    shape = (len(edges) - 1, rows + 1)
    cells = bins[marked] * shape[1] + np.minimum(part[marked], rows)
    table = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    if layer.always:
        found = np.argwhere(table > 0)
        return [(int(b), int(r)) for b, r in found]
    best = np.argmax(table, axis=1)
    enough = 4 * table.sum(axis=1) >= np.diff(edges)
    return [(int(b), int(best[b])) for b in np.flatnonzero(enough & (best > 0))]


def count_stretches(groups: Ints, first: int, last: int) -> int:
    """How many stretches of neighbouring columns of one group lie within first..last (exclusive)."""
    part = groups[first:last]
    return int(np.count_nonzero(part[1:] != part[:-1])) + 1 if len(part) else 0


def stretches(groups: Ints, first: int, last: int, most: int = 10_000) -> list[tuple[int, int, int]]:
    """(group, begin, end) of each stretch of neighbouring columns of one group within first..last (exclusive).

    Where there are more than `most`, only every n-th comes back: enough where several share a pixel.
    """
    part = groups[first:last]
    if not len(part):
        return []
    cuts = np.flatnonzero(part[1:] != part[:-1]) + 1
    begins = np.concatenate([[0], cuts])
    ends = np.concatenate([cuts, [len(part)]])
    every = max(1, -(-len(begins) // max(1, most)))
    begins, ends = begins[::every], ends[::every]
    found = (part[begins].tolist(), (begins + first).tolist(), (ends + first).tolist())
    return list(zip(*found, strict=True))


def to_rgba(values: Floats32, table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """An image (rows x columns x RGBA) of `values` (columns x rows) through a 256-entry colour table; NaN is
    transparent."""
    turned = values.T
    there = ~np.isnan(turned)
    index = (np.clip(np.where(there, turned, 0), 0, 1) * 255 + 0.5).astype(np.uint8)
    image = np.empty((*turned.shape, 4), np.uint8)
    image[..., :3] = table[index]
    image[..., 3] = there * np.uint8(255)
    return image
