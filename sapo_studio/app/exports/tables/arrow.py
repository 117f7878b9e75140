"""Tables as Arrow and Parquet. pyarrow is loaded when it is first needed: most of the program does without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sapo_studio.app.exports.optional import needed
from sapo_studio.app.exports.tables.batches import Batch, Cells, microseconds, plain
from sapo_studio.app.exports.tables.columns import Column, Kind, TableSpec

ROWS = 65_536
"""Rows of a row group in a Parquet file, at least; its last one has what is left."""

METADATA = "sapo_studio"
"""The key of a file's metadata that holds what it is, as JSON."""


def pyarrow() -> Any:
    """The library. Raises InputError where it is not there."""
    return needed("pyarrow", "pyarrow", "Parquet (and Arrow)")


def arrow_schema(table: TableSpec, facts: Mapping[str, Any] | None = None) -> Any:
    """Its `pyarrow.Schema`; each field says what it holds. `facts` become the schema's metadata."""
    pa = pyarrow()
    fields = [
        pa.field(
            column.name,
            _type(pa, column.kind),
            nullable=column.optional,
            metadata={"about": column.about, **({"unit": column.unit} if column.unit else {})},
        )
        for column in table.columns
    ]
    metadata = None if facts is None else {METADATA: json.dumps({"table": table.name, "row": table.row, **facts})}
    return pa.schema(fields, metadata=metadata)


def _type(pa: Any, kind: Kind) -> Any:
    return {
        "text": pa.string(),
        "category": pa.dictionary(pa.int32(), pa.string()),
        "integer": pa.int64(),
        "real": pa.float64(),
        "boolean": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
    }[kind]


def record_batch(table: TableSpec, batch: Batch, schema: Any) -> Any:
    """Its rows as `pyarrow.RecordBatch`."""
    pa = pyarrow()
    arrays = [
        _array(pa, column, batch.columns[column.name], schema.field(column.name).type) for column in table.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(pa: Any, column: Column, cells: Cells, kind: Any) -> Any:
    if isinstance(cells, np.ndarray):
        return pa.array(np.ascontiguousarray(cells), type=kind)
    match column.kind:
        case "time":
            return pa.array([microseconds(cell) for cell in cells], type=pa.int64()).cast(kind)
        case "text" | "category":
            return _texts(pa, cells).cast(kind) if column.kind == "text" else _texts(pa, cells).dictionary_encode()
        case _:
            return pa.array(cells, type=kind)


def _texts(pa: Any, cells: Cells) -> Any:
    try:
        return pa.array(cells, type=pa.string())
    except UnicodeEncodeError:
        return pa.array([None if cell is None else storable(cell) for cell in plain(cells)], type=pa.string())


def storable(text: str) -> str:
    """`text` as UTF-8 can hold it: half a surrogate pair, which JSON can, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


class ParquetFile:
    """A Parquet file that rows are added to, packed by zstd. `close` it, or it is none."""

    def __init__(self, path: Path, table: TableSpec, facts: Mapping[str, Any]) -> None:
        self._table = table
        self._schema = arrow_schema(table, facts)
        self._waiting: list[Any] = []
        self._rows = 0
        parquet = needed("pyarrow.parquet", "pyarrow", "Parquet (and Arrow)")
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def add(self, batch: Batch) -> None:
        """Put rows behind those that are there."""
        self._waiting.append(record_batch(self._table, batch, self._schema))
        self._rows += len(batch)
        if self._rows >= ROWS:
            self._flush()

    def _flush(self) -> None:
        rows = pyarrow().Table.from_batches(self._waiting, schema=self._schema).unify_dictionaries()
        self._writer.write_table(rows)
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        try:
            if self._rows:
                self._flush()
        finally:
            self._writer.close()
