"""By what a file is known for an annotation bundle, before it is read."""

from __future__ import annotations

from pathlib import Path

FORMAT = "sapo-annotations"
"""What a bundle's first line calls it."""
SUFFIXES = (".sapo", ".jsonl", ".db")
"""The first is JSONL as the second, under a name that a desktop opens with this program."""
_SQLITE = b"SQLite format 3\0"
_HEADER = 200
"""Bytes that hold the first line's format."""


def is_bundle(file: Path) -> bool:
    """Whether a file calls itself a bundle, by its name (.sapo) or by what it begins with. What is no file is none."""
    suffix = file.suffix.lower()
    if suffix == SUFFIXES[0]:
        return True
    if suffix not in SUFFIXES or not file.is_file():
        return False
    try:
        with file.open("rb") as stream:
            start = stream.read(_HEADER)
    except OSError:
        return False
    if suffix == ".db":
        return start.startswith(_SQLITE)
    return f'"format": "{FORMAT}"'.encode() in start.partition(b"\n")[0]
