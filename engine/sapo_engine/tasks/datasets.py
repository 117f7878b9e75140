"""Rows of a data set: from a file on this disk, or from the Hugging Face Hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from sapo_engine.grading.escape import cut
from sapo_studio.errors import InputError
from sapo_studio.files import open_input, parse_json_text
from sapo_studio.paths import user_path

Row = tuple[str, Mapping[str, Any]]
"""Where a row stands (file:line) and what is in it."""

LONGEST_LINE = 64 * 2**20
"""Bytes: a longer line is none. An endless one would fill the memory."""
NAMED = 20
"""Fields that a message lists."""
HUB = re.compile(r"hub:([\w.-]+/[\w.-]+)(?:/([\w.-]+))?(?::([\w.\[\]%+-]+))?(?:@([\w./-]+))?")


def rows_of(address: str, *, once: bool = False) -> list[Row]:
    """All rows of a `.jsonl`, `.json`, `.csv` or `.parquet` file, or of `hub:OWNER/NAME[/CONFIG][:SPLIT][@REVISION]`.

    `once`: nobody will ask for them again, so that a pipe may bring them (JSON Lines). Raises InputError that names the
    file and line at fault.
    """
    if address.startswith("hub:"):
        return _hub_rows(address)
    path = user_path(address)
    if not is_there(path):
        # A run has whole paths: what was written may have been the last two parts.
        named = "/".join(path.parts[-2:]) if path.is_absolute() else address
        hub = named.count("/") == 1 and not path.suffix
        hint = f'A data set of the Hub is written "hub:{cut(named)}".' if hub else ""
        raise InputError(f"There is no data file {cut(str(path), 200)}", fix=hint)
    if path.is_fifo() and not once:
        raise InputError(
            f"{cut(str(path), 200)} is a pipe, not a data file",
            why="A run reads its questions again when it goes on.",
            fix="Write them to a file.",
        )
    if path.is_file() and path.suffix.lower() in (".json", ".csv", ".parquet"):
        return _loaded(path.suffix.lower()[1:], str(path), data_files=str(path), split="train")
    return list(read_jsonl(path))


def is_there(path: Path) -> bool:
    """Whether there is anything at `path`, which may be no path at all."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_jsonl(path: Path) -> Iterator[Row]:
    """The rows of a JSON Lines file or pipe (UTF-8, with or without a byte order mark; blank lines are skipped)."""
    with open_input(path) as file:
        yield from rows_in(file, str(path))


def rows_in(file: IO[bytes], source: str) -> Iterator[Row]:
    """The rows of JSON Lines, read as they come. Raises InputError that names the line at fault."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise InputError(f"{source}:{number} is longer than a line can be", fix="Give one JSON object a line.")
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{source} is not UTF-8 text", why=f"Line {number}: {error.reason}.", fix="Save it as UTF-8."
            ) from error
        if text.strip():
            yield parse_line(text, f"{source}:{number}")


def parse_line(line: str, where: str) -> Row:
    """One line of JSON Lines. Raises InputError that names `where`."""
    try:
        value = parse_json_text(line)
    except ValueError as error:
        why = cut(str(error), 200)
        raise InputError(f"{where} is not JSON", why=why, fix="Each line is one JSON object.") from error
    if not isinstance(value, dict):
        raise InputError(f"{where} is not a JSON object", why=f"It is {cut(line, 60)!r}.")
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
        raise InputError(f"{where}: field {name!r} is missing", why=there_are(row))
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise InputError(f"{where}: field {name!r} is not text", why=f"It is {cut(json.dumps(value, default=str))}.")
    return value


def there_are(row: Mapping[str, Any]) -> str:
    """What fields a row has, for a message."""
    more = ", ..." if len(row) > NAMED else ""
    return f"There are: {', '.join(cut(str(name), 40) for name in list(row)[:NAMED])}{more}."
