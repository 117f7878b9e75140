"""Going through a file row by row: what would be kept of it, and what is refused, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sapo_studio.errors import InputError
from sapo_studio.files import read_lines
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.raw_rows import BrokenRowsError, RawRow, RawRows
from sapo_studio.formats.registry import KnownFormat
from sapo_studio.formats.rows import RowError, RowFormat
from sapo_studio.readable import cut


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not kept: where it stands (its line; in an array which of its rows) and why."""

    line: int
    why: str


def rows_of(known: KnownFormat) -> RowFormat:
    """How a format reads and writes rows. Raises InputError where it has none."""
    rows = known.load().rows
    if rows is None:
        raise InputError(
            f"{known.title} is no format of rows",
            why="Only rows can be given back as they were.",
            fix="It can be used as task.process_data of a run, and with `sapo evaluate`.",
        )
    return rows


@dataclass(slots=True)
class Scan:
    """The rows of a file that are kept, with their solutions, as they are gone through.

    `refused` and `frame` are complete when all were.
    """

    file: Path
    format: RowFormat
    read_as: ReadAs
    refused: list[Refused] = field(default_factory=list[Refused])
    frame: dict[str, Any] = field(default_factory=dict[str, Any])
    """How the rows stood in the file: `write_framed` gives them back by it."""
    _names: dict[str, int] = field(default_factory=dict[str, int], init=False)

    def __iter__(self) -> Iterator[tuple[RawRow, Sequence[LabeledSolution]]]:
        """Raises InputError where the file cannot be read to its end."""
        found = RawRows(read_lines(self.file, exact=True))
        before, gap, kept = "", "", 0
        others: dict[str, str] = {}
        try:
            for row in found:
                before = row.gap if row.number == 1 else before
                try:
                    solutions = self.format.solutions(row, self.read_as)
                    self._check_name(row, solutions)
                except RowError as fault:
                    self.refused.append(Refused(row.line, cut(fault.why)))
                    continue
                kept += 1
                if kept == 2:
                    gap = row.gap
                if kept > 1 and row.gap != gap:
                    others[str(row.number)] = row.gap
                yield row, solutions
        except BrokenRowsError as error:
            raise InputError(
                f"{self.file} is not {self.format.title}",
                why=f"From line {error.line} on: {error.why}" if not found.array else error.why,
                fix="Nothing was taken in. Correct the file, and try again.",
            ) from error
        self.frame = {"before": before, "gap": gap, "gaps": others, "tail": found.tail, "array": found.array}

    def _check_name(self, row: RawRow, solutions: Sequence[LabeledSolution]) -> None:
        if self.format.own_ids and not self.read_as.keep_odd:
            name = solutions[0].id
            if (first := self._names.setdefault(name, row.line)) != row.line:
                raise RowError(f"id: {name!r} is the name of row {first}, too", odd=True)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What is refused, as plain data."""
        return [asdict(one) for one in self.refused]


def write_framed(frame: dict[str, Any], rows: Iterator[tuple[int, str]]) -> Iterator[str]:
    """The text of a file, row by row: `rows` are numbers and texts, framed as `Scan` found it."""
    begun = False
    text = ""
    for number, raw in rows:
        if begun:
            yield text
        gap = frame["gaps"].get(str(number), frame["gap"]) if begun else frame["before"]
        text = gap + raw
        begun = True
    yield text + frame["tail"]
