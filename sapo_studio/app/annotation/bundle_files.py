"""Annotation bundles as files: JSONL, or SQLite with the same lines as rows of one table.

The first line names format and version, the last one counts the lines and has their digest, so that a file that was cut
off or changed on its way is known for one.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sapo_studio.errors import InputError
from sapo_studio.files import (
    cannot_write,
    open_input,
    output_place,
    parse_json_text,
    read_lines,
    unzipped,
    write_atomic,
    write_output,
)
from sapo_studio.formats.bundle_mark import FORMAT, SUFFIXES, written_as
from sapo_studio.readable import fault_in_words
from sapo_studio.store import bundle_records as records

VERSION = 1
LARGEST = 2**30
"""Bytes of a bundle."""
FIX = "Export it again where it comes from."

_KINDS: dict[str, tuple[str, type[records.Record]]] = {
    "queue": ("queue", records.QueueRecord),
    "item": ("items", records.ItemRecord),
    "judgement": ("judgements", records.JudgementRecord),
    "comment": ("comments", records.CommentRecord),
    "act": ("acts", records.ActRecord),
    "state": ("states", records.StateRecord),
    "resolution": ("resolutions", records.ResolutionRecord),
}
"""What a line calls itself, the part of a bundle that it belongs to, and what it holds."""


def write_bundle(bundle: records.Bundle, file: Path) -> None:
    """Write `bundle` to `file`, whole or not at all: SQLite where it is called .db, JSONL where .sapo or .jsonl.

    Raises InputError for another suffix or where the place is none to write to, StoreError where it cannot be written.
    """
    check_suffix(file)
    lines = list(_lines(bundle))
    if file.suffix.lower() != ".db":
        write_output(file, "".join(line + "\n" for line in lines))
        return
    try:
        write_atomic(output_place(file), _database(lines))
    except OSError as error:
        raise cannot_write(file, error) from error


def read_bundle(file: Path) -> records.Bundle:
    """The bundle in a file, under whatever name. Raises InputError for whatever is not a whole bundle of this
    version."""
    written = written_as(file)
    if written is None and _is_zip(file):
        raise InputError(f"{file} is a zip archive", fix="Unpack it: a bundle is in it, perhaps.")
    in_database = written == "database" or (written is None and file.suffix.lower() == ".db")
    lines = _database_lines(file) if in_database else read_lines(file, most=LARGEST)
    return _parsed(file, (line.rstrip("\n") for line in lines))


def _is_zip(file: Path) -> bool:
    """Whether it can be looked into and is one; what is wrong with any other is said where it is read."""
    with suppress(OSError):
        return file.is_file() and zipfile.is_zipfile(file)
    return False


def check_suffix(file: Path) -> None:
    """Raises InputError where a bundle that is to be written cannot be called so."""
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{file} is called neither .sapo nor .jsonl nor .db",
            why="The suffix says whether a bundle is JSONL or SQLite.",
            fix=f"Use a name such as {file.stem or 'bundle'}.sapo.",
        )


def _lines(bundle: records.Bundle) -> Iterator[str]:
    digest, count = hashlib.sha256(), 0
    for line in _content(bundle):
        digest.update(line.encode() + b"\n")
        count += 1
        yield line
    yield json.dumps({"kind": "end", "lines": count, "digest": digest.hexdigest()})


def _content(bundle: records.Bundle) -> Iterator[str]:
    yield json.dumps({"kind": "bundle", "format": FORMAT, "version": VERSION})
    for kind, (part, _) in _KINDS.items():
        found = getattr(bundle, part)
        for record in found if isinstance(found, tuple) else (found,):
            yield json.dumps(
                {"kind": kind, **record.model_dump(mode="json", exclude_defaults=True)}, ensure_ascii=False
            )


def _parsed(file: Path, lines: Iterable[str]) -> records.Bundle:
    digest = hashlib.sha256()
    parts: dict[str, list[Any]] = {part: [] for part, _ in _KINDS.values()}
    end: dict[str, Any] | None = None
    number = 0
    for number, line in enumerate(lines, start=1):
        row = _row(file, number, line)
        if end is not None:
            raise _no_bundle(file, f"Something follows its end, line {number - 1}.")
        kind = row.pop("kind", None)
        if number == 1:
            _check_header(file, kind, row)
        elif kind == "end":
            end = row
            continue
        elif kind not in _KINDS:
            raise _no_bundle(file, f"Line {number} calls itself {kind!r}, which is nothing that a bundle holds.")
        else:
            part, record = _KINDS[kind]
            try:
                parts[part].append(record.model_validate_json(json.dumps(row)))
            except ValidationError as error:
                raise _no_bundle(file, f"Line {number}, {_fault(error)}") from error
        digest.update(line.encode() + b"\n")
    if end is None:
        raise _no_bundle(file, f"It ends after line {number}, before its end." if number else "It is empty.")
    if end != {"lines": number - 1, "digest": digest.hexdigest()}:
        raise _no_bundle(file, "Its lines are not those that were written: they were changed or damaged.")
    if len(parts["queue"]) != 1:
        raise _no_bundle(file, f"It has {len(parts['queue'])} queues.")
    try:
        return records.Bundle(queue=parts.pop("queue")[0], **{part: tuple(found) for part, found in parts.items()})
    except ValidationError as error:
        raise _no_bundle(file, _fault(error)) from error


def _row(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = parse_json_text(line)
    except ValueError as error:
        raise _no_bundle(file, f"Line {number} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise _no_bundle(file, f"Line {number} is no object of JSON.")
    return found


def _check_header(file: Path, kind: object, row: dict[str, Any]) -> None:
    if kind != "bundle" or row.get("format") != FORMAT:
        raise _no_bundle(file, "Its first line does not name the format.")
    if row.get("version") != VERSION:
        raise InputError(
            f"{file} is a bundle of another version",
            why=f"It says {row.get('version')!r}; this program reads version {VERSION}.",
            fix="Use the same SAPO Studio on both machines.",
        )


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    said = fault_in_words(first)
    return f"{field}: {said}" if field else said


def _no_bundle(file: Path, why: str) -> InputError:
    return InputError(f"{file} is not a whole annotation bundle", why=why, fix=FIX)


# -- The same lines in SQLite


def _database(lines: list[str]) -> bytes:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE bundle (line INTEGER PRIMARY KEY, content TEXT NOT NULL)")
        made.executemany("INSERT INTO bundle (content) VALUES (?)", ((line,) for line in lines))
        made.commit()
        return made.serialize()


def _database_lines(file: Path) -> Iterator[str]:
    """Read in memory, so that neither a journal that lies beside the file nor anything in it has a say."""
    with open_input(file) as stream:
        try:
            data = unzipped(stream).read(LARGEST + 1)
        except (EOFError, zlib.error) as error:
            raise _no_bundle(file, f"It ends or changes within its gzip data: {error}") from error
    if len(data) > LARGEST:
        raise InputError(f"{file} is too large", why=f"A bundle has at most {LARGEST / 2**20:,.0f} MiB.")
    if not data:
        raise _no_bundle(file, "It is empty.")
    try:
        with closing(sqlite3.connect(":memory:")) as opened:
            opened.deserialize(data)
            opened.execute("PRAGMA trusted_schema = OFF")
            # A view, or a table with computed columns, would run what somebody else wrote.
            made = opened.execute("SELECT type, sql FROM sqlite_schema WHERE name = 'bundle'").fetchall()
            if made != [("table", "CREATE TABLE bundle (line INTEGER PRIMARY KEY, content TEXT NOT NULL)")]:
                raise _no_bundle(file, "It is an SQLite file, but has not the table of a bundle.")
            for (line,) in opened.execute("SELECT content FROM bundle ORDER BY line"):
                if not isinstance(line, str):
                    raise _no_bundle(file, "One of its lines is no text.")
                yield line
    except (sqlite3.Error, OverflowError, MemoryError) as error:
        raise _no_bundle(file, f"SQLite says: {error}") from error
