"""Rows of a data set: from a file on this disk, or from the Hugging Face Hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from sapo_studio.errors import InputError
from sapo_studio.files import parse_json_text, read_lines
from sapo_studio.paths import user_path

Row = tuple[str, Mapping[str, Any]]
"""Where a row stands (file:line) and what is in it."""

HUB = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:/([\w.-]+))?(?::([\w.\[\]%+-]+))?(?:@([\w./-]+))?")


def rows_of(address: str) -> list[Row]:
    """All rows of a `.jsonl`, `.json`, `.csv` or `.parquet` file, or of `hub:OWNER/NAME[/CONFIG][:SPLIT][@REVISION]`.

    Raises InputError that names the file and line at fault.
    """
    if address.startswith("hub:"):
        return _hub_rows(address)
    path = user_path(address)
    if not path.is_file():
        hint = f'A data set of the Hub is written "hub:{address}".' if address.count("/") == 1 else ""
        raise InputError(f"There is no data file {path}", fix=hint)
    if path.suffix.lower() in (".json", ".csv", ".parquet"):
        return _loaded(path.suffix.lower()[1:], str(path), data_files=str(path), split="train")
    return list(read_jsonl(path))


def read_jsonl(path: Path) -> Iterator[Row]:
    """The rows of a JSON Lines file (UTF-8, with or without a byte order mark; blank lines are skipped)."""
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            yield parse_line(line, f"{path}:{number}")


def parse_line(line: str, where: str) -> Row:
    """One line of JSON Lines. Raises InputError that names `where`."""
    try:
        value = parse_json_text(line)
    except ValueError as error:
        raise InputError(f"{where} is not JSON", why=str(error), fix="Each line is one JSON object.") from error
    if not isinstance(value, dict):
        raise InputError(f"{where} is not a JSON object", why=f"It is {line.strip()[:60]!r}.")
    return where, cast("Mapping[str, Any]", value)


def _hub_rows(address: str) -> list[Row]:
    match = HUB.fullmatch(address)
    if match is None:
        raise InputError(
            f"{address} is no address of a data set", fix="Write hub:OWNER/NAME[/CONFIG][:SPLIT][@REVISION]."
        )
    name, config, split, revision = match.groups()
    return _loaded(name, address, name=config, split=split or "train", revision=revision)


def _loaded(builder: str, source: str, **more: Any) -> list[Row]:
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"{source} needs the package datasets", why=str(error), fix="Install it with `pip install datasets`."
        ) from error
    try:
        datasets.disable_progress_bars()
        found: Any = datasets.load_dataset(builder, **{key: value for key, value in more.items() if value})
        return [(f"{source} row {number}", row) for number, row in enumerate(found, start=1)]
    except Exception as error:  # datasets, its file systems and its formats raise nearly everything there is
        raise InputError(
            f"{source} cannot be loaded",
            why=(str(error).strip() or type(error).__name__).splitlines()[0],
            fix="Check the name and the connection, or download the data and give the file.",
        ) from error


def text_field(row: Mapping[str, Any], name: str, where: str, *, default: str | None = None) -> str:
    """The text in field `name`. InputError where it is missing (and there is no `default`) or not text."""
    value = row.get(name, default)
    if value is None:
        raise InputError(f"{where}: field {name!r} is missing", why=f"There are: {', '.join(map(str, row))}.")
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise InputError(f"{where}: field {name!r} is not text", why=f"It is {json.dumps(value, default=str)[:80]}.")
    return value
