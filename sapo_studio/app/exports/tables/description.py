"""What lies beside the tables in their folder: a README that `datasets` reads, too, and a Data Package descriptor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sapo_studio.app.exports.tables.columns import Column, Kind, TableSpec
from sapo_studio.app.exports.tables.schema import BY_NAME
from sapo_studio.store.records import RunSummary

Format = Literal["parquet", "csv"]

_FRICTIONLESS: dict[Kind, str] = {
    "text": "string",
    "category": "string",
    "integer": "integer",
    "real": "number",
    "boolean": "boolean",
    "time": "datetime",
}
_DATASETS: dict[Kind, str] = {
    "text": "string",
    "category": "string",
    "integer": "int64",
    "real": "float64",
    "boolean": "bool",
    "time": "timestamp[us, tz=UTC]",
}


DEFAULT = "trajectories"
"""What `datasets.load_dataset(FOLDER)` gives where no table is named, if it was written."""


@dataclass(frozen=True, slots=True)
class WrittenTable:
    """A table that was written: to which file of the folder, and its size in rows and bytes."""

    table: TableSpec
    file: str
    rows: int
    size: int


def run_facts(runs: Sequence[RunSummary], version: str) -> dict[str, Any]:
    """What files say of where they come from."""
    return {
        "written_by": f"SAPO Studio {version}",
        "runs": [{"run": run.id, "name": run.name, "kind": run.kind, "status": run.status.value} for run in runs],
    }


def data_package(written: Sequence[WrittenTable], how: Format, facts: Mapping[str, Any]) -> str:
    """A descriptor by the Data Package standard (version 1): which file has which columns, and their keys."""
    there = {one.table.name for one in written}
    package = {
        "profile": "tabular-data-package" if how == "csv" else "data-package",
        "name": "sapo-studio-tables",
        "sapo_studio": facts,
        "resources": [_resource(one, how, there) for one in written],
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def _resource(one: WrittenTable, how: Format, there: set[str]) -> dict[str, Any]:
    csv = {"profile": "tabular-data-resource", "encoding": "utf-8", "dialect": {"lineTerminator": "\r\n"}}
    return {
        "name": one.table.name.replace("_", "-"),
        "title": one.table.name,
        "description": f"A row is {one.table.row}.",
        "path": one.file,
        "format": how,
        **(csv if how == "csv" else {}),
        "rows": one.rows,
        "bytes": one.size,
        "schema": {
            "fields": [_field(column) for column in one.table.columns],
            "missingValues": [""],
            "primaryKey": list(one.table.key),
            "foreignKeys": [
                {
                    "fields": list(to.columns),
                    "reference": {"resource": to.table.replace("_", "-"), "fields": list(BY_NAME[to.table].key)},
                }
                for to in one.table.references
                if to.table in there
            ],
        },
    }


def _field(column: Column) -> dict[str, Any]:
    unit = {"unit": column.unit} if column.unit else {}
    return {"name": column.name, "type": _FRICTIONLESS[column.kind], "description": column.about, **unit}


def read_me(written: Sequence[WrittenTable], how: Format, facts: Mapping[str, Any]) -> str:
    """The folder's README.md. Its head is the metadata by which `datasets.load_dataset(FOLDER, TABLE)` reads it."""
    runs = "\n".join(f"* `{run['run']}` ({_plain(run['name'])}): {run['status']}" for run in facts["runs"])
    tables = "\n\n".join(_section(one) for one in written)
    return f"""---
{_metadata(written, how)}
---

# Tables of {len(facts["runs"])} {"run" if len(facts["runs"]) == 1 else "runs"}

Written by {facts["written_by"]}. `datapackage.json` says the same of the columns to programs.

{runs}

Numbers of questions, trajectories, rollouts and pairs count within a run: join tables by the columns of their keys,
`run` among them. Steps and first incorrect steps count from 1; 0 as a first incorrect step: there is none. An empty
cell: not known. Times are in UTC.

```python
from datasets import load_dataset

steps = load_dataset("FOLDER", "steps", split="train")  # FOLDER: where this file lies
```
{_CSV if how == "csv" else ""}
{tables}
"""


_CSV = """
Files are RFC 4180, UTF-8, with true and false, and times like 2026-01-31T23:59:59.000000Z. Nothing is escaped against
spreadsheets, since that would change what programs read: a cell may begin with `=`, `+`, `-` or `@`, and a spreadsheet
that opens the file takes it for a formula. Import a file with all columns as text there, or use Parquet. pandas takes
texts like `nan` and `None` for empty cells: `pandas.read_csv(FILE, keep_default_na=False, na_values=[""])`.
"""


def _metadata(written: Sequence[WrittenTable], how: Format) -> str:
    there = [one for one in written if one.rows]  # `datasets` refuses a file without rows
    names = [one.table.name for one in there]
    chosen = DEFAULT if DEFAULT in names else next(iter(names), "")
    lines = ["configs:"] if there else []
    for one in there:
        lines += [f"- config_name: {one.table.name}", f"  data_files: {one.file}"]
        if one.table.name == chosen:
            lines.append("  default: true")
        if how == "csv":
            lines += ["  keep_default_na: false", '  na_values: [""]']
    lines += ["dataset_info:"] if there else []
    for one in there:
        lines += [f"- config_name: {one.table.name}", "  features:"]
        for column in one.table.columns:
            lines += [f"  - name: {column.name}", f'    dtype: "{_DATASETS[column.kind]}"']
    return "\n".join(lines)


def _section(one: WrittenTable) -> str:
    key = ", ".join(f"`{name}`" for name in one.table.key)
    lines = [f"## {one.table.name}", "", f"`{one.file}`, {one.rows:,} rows. A row is {one.table.row}. Key: {key}.", ""]
    return "\n".join([*lines, *column_lines(one.table)])


def column_lines(table: TableSpec) -> list[str]:
    """Its columns as a table in Markdown."""
    lines = ["| column | type | what it is |", "|---|---|---|"]
    for column in table.columns:
        kind = column.kind + (f", {column.unit}" if column.unit else "")
        about = column.about + ("; may be empty" if column.optional and "empty" not in column.about else "")
        lines.append(f"| `{column.name}` | {kind} | {about} |")
    return lines


def _plain(text: str) -> str:
    """A name without what Markdown would take for markup."""
    return "".join(character for character in text if character not in "`*_[]<>|#\n")
