"""Tables as CSV: RFC 4180, UTF-8, a header line. Cells are written as they are.

A cell may begin with `=`, `+`, `-` or `@`, which spreadsheets take for a formula. A mark before it would change what
programs read (every step like `-3 + 5 = 2`), so there is none; the folder's README says how to open a file safely.
"""

from __future__ import annotations

import csv
from pathlib import Path

from sapo_studio.app.exports.tables.batches import Batch, Cells, moment, plain
from sapo_studio.app.exports.tables.columns import Column, TableSpec


class CsvFile:
    """A CSV file that rows are added to."""

    def __init__(self, path: Path, table: TableSpec) -> None:
        self._table = table
        # Half a surrogate pair is no UTF-8: a question mark, as in Parquet.
        self._stream = path.open("w", encoding="utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\r\n")
        self._writer.writerow(table.names)

    def add(self, batch: Batch) -> None:
        """Put rows behind those that are there."""
        columns = [_written(column, batch.columns[column.name]) for column in self._table.columns]
        self._writer.writerows(zip(*columns, strict=True))

    def close(self) -> None:
        """Write what is left."""
        self._stream.close()


def _written(column: Column, cells: Cells) -> list[object]:
    values = plain(cells)
    match column.kind:
        case "boolean":
            return [None if cell is None else "true" if cell else "false" for cell in values]
        case "time":
            return [iso(cell) for cell in values]
        case "real":
            return [None if cell is None or cell != cell else cell for cell in values]
        case _:
            return list(values)


def iso(seconds: float | None) -> str | None:
    """A time of the store as ISO 8601 in UTC."""
    found = moment(seconds)
    return None if found is None else found.isoformat(timespec="microseconds").replace("+00:00", "Z")
