"""What a column and a table are. The tables themselves are in `schema`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "category", "integer", "real", "boolean", "time"]
"""`category` is text of which there are few different ones. A `time` is in UTC."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `about` says what it holds, without a full stop. `optional`: a cell may be empty."""

    name: str
    kind: Kind
    about: str
    unit: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """Columns that name a row of another table by its key, in the order of that key."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table. `row` says what a row is, without a full stop; `key` are the columns that no two rows have in common."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(column.name for column in self.columns)
