"""What a format of step-labeled solutions is: what can be done with its files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.raw_rows import BrokenRowsError, RawRows
from sapo_studio.formats.rows import RowError, RowFormat

Reader = Callable[[Iterable[str], str], Iterator[LabeledSolution]]
"""The solutions in the lines of a file. The second argument is what the file is called; faults are InputErrors that
name it, the line and the field."""
Writer = Callable[[Iterable[LabeledSolution]], Iterator[str]]
"""Solutions as the lines of a file, line breaks included."""


@dataclass(frozen=True)
class Format:
    """What the program can do with a format. Its name, title and suffixes stand in `registry`."""

    read: Reader | None = None
    write: Writer | None = None
    rows: RowFormat | None = None
    """How single rows of JSON are read and written. Only files of rows can be imported and given back exactly."""


def format_of_rows(rows: RowFormat) -> Format:
    """The whole format: its reader stops at the first row that is not right."""

    def read(lines: Iterable[str], source: str = "the file") -> Iterator[LabeledSolution]:
        found = RawRows(lines)
        try:
            for row in found:
                try:
                    yield from rows.solutions(row, ReadAs())
                except RowError as fault:
                    where = f"{source} row {row.line}" if found.array else f"{source}:{row.line}"
                    raise InputError(
                        f"{where} is not {rows.title}", why=fault.why, fix=fault.fix or rows.shape
                    ) from fault
        except BrokenRowsError as error:
            raise InputError(f"{source}:{error.line} is not {rows.title}", why=error.why, fix=rows.shape) from error

    def write(solutions: Iterable[LabeledSolution]) -> Iterator[str]:
        return rows.lines(solutions)

    return Format(read=read, write=write, rows=rows)
