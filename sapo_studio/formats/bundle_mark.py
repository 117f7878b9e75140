"""By what a file is known for an annotation bundle, before it is read."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Literal

FORMAT = "sapo-annotations"
"""What a bundle's first line calls it."""
SUFFIXES = (".sapo", ".jsonl", ".db")
"""The first is JSONL as the second, under a name that a desktop opens with this program."""
_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"
_HEADER = 200
"""Bytes that hold the first line's format."""


def is_bundle(file: Path) -> bool:
    """Whether a file is a bundle by what it begins with, however it is called, or calls itself one (.sapo): then who
    reads it says what is wrong with it. What is no file is none."""
    return file.suffix.lower() == SUFFIXES[0] or written_as(file) is not None


def written_as(file: Path) -> Literal["lines", "database"] | None:
    """How a bundle was written, by what the file begins with, gzip or not. None: it is none, or no file that could be
    looked at without taking anything away from whoever reads it. Of SQLite files it is the reader who knows more."""
    try:
        if not file.is_file():
            return None
        with file.open("rb") as stream:
            start = stream.read(_HEADER)
        if start.startswith(_GZIP):
            with gzip.open(file) as packed:
                start = packed.read(_HEADER)
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    if start.startswith(_SQLITE):
        return "database"
    return "lines" if f'"format": "{FORMAT}"'.encode() in start.partition(b"\n")[0] else None
