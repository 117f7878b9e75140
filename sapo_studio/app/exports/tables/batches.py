"""Rows of a table, some thousands at a time, column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sapo_studio.app.exports.tables.columns import TableSpec
from sapo_studio.errors import InputError

Cells = Sequence[Any] | NDArray[Any]
"""The cells of a column. A time is in seconds since 1970 here, an empty cell None."""

Where = Mapping[str, Any]
"""By column what its cells are to be: a value, or a list, tuple or set of values that are all taken. None: empty."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a table. `columns` are all of its columns, in its order. `share`: how much of the table of this run is
    read with it, 0 to 1."""

    columns: Mapping[str, Cells]
    share: float = 1.0

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a run are read: of an iteration, of questions of a split (None: all), and by cells. A table that
    has no such column, or no questions, is refused (`check`)."""

    iteration: int | None = None
    split: str | None = None
    where: Where = field(default_factory=dict[str, Any])

    def check(self, table: TableSpec) -> None:
        """Raises InputError for what the table has not."""
        wanted = {*self.where, *(() if self.iteration is None else ("iteration",))}
        if unknown := sorted(wanted - {*table.names}):
            raise InputError(
                f"The table {table.name} has no column {unknown[0]!r}", fix=f"It has: {', '.join(table.names)}."
            )
        if self.split is not None and "question" not in table.names:
            raise InputError(f"The table {table.name} is not of questions, which have a split", fix="Leave split out.")

    def filtered(self, batch: Batch) -> Batch:
        """The rows of it that `where` takes."""
        if not self.where:
            return batch
        keep = np.ones(len(batch), dtype=np.bool_)
        for name, wanted in self.where.items():
            taken = _values(wanted)
            keep &= np.fromiter((cell in taken for cell in plain(batch.columns[name])), np.bool_, len(batch))
        if keep.all():
            return batch
        kept = np.flatnonzero(keep)
        return Batch({name: _taken(cells, kept) for name, cells in batch.columns.items()}, batch.share)


def _values(wanted: object) -> frozenset[Any]:
    several = isinstance(wanted, list | tuple | set | frozenset)
    try:
        return frozenset(cast("Iterable[Any]", wanted)) if several else frozenset((wanted,))
    except TypeError as error:
        what = f"{wanted!r} is no value of a cell"
        raise InputError(what, fix="Give a text, a number, or a list of them.") from error


def _taken(cells: Cells, places: NDArray[np.int64]) -> Cells:
    return cells[places] if isinstance(cells, np.ndarray) else [cells[place] for place in places]


def plain(cells: Cells) -> Sequence[Any]:
    """The cells as Python's own values."""
    return cells.tolist() if isinstance(cells, np.ndarray) else cells


def rows_of(table: TableSpec, batch: Batch) -> Iterator[tuple[Any, ...]]:
    """Its rows, with times as `datetime` in UTC."""
    columns = [
        [moment(cell) for cell in plain(batch.columns[column.name])]
        if column.kind == "time"
        else plain(batch.columns[column.name])
        for column in table.columns
    ]
    return zip(*columns, strict=True)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(seconds: float | None) -> int | None:
    """A time of the store as whole microseconds: the same moment in every file."""
    return None if seconds is None else round(seconds * 1e6)


def moment(seconds: float | None) -> datetime | None:
    """A time of the store."""
    found = microseconds(seconds)
    return None if found is None else _EPOCH + timedelta(microseconds=found)


def transposed(table: TableSpec, rows: Sequence[Sequence[Any]], share: float = 1.0) -> Batch:
    """Rows as a batch; their cells are in the order of the table's columns."""
    columns: Sequence[Cells] = list(zip(*rows, strict=True)) if rows else [()] * len(table.columns)
    return Batch(dict(zip(table.names, columns, strict=True)), share)
