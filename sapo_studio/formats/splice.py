"""Changing single values of a JSON text and leaving every other character as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

Path = tuple[str | int, ...]
"""Where a value stands: keys and indices, from the outside in."""
Edit = tuple[Path, object]
"""A value and what it is to become."""

_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()


def edited(raw: str, edits: Iterable[Edit]) -> str:
    """The JSON text `raw` with new values at these places. What already has the value stays as it is written.

    Raises KeyError where a place is not there.
    """
    for path, value in edits:
        begun, end = _span(raw, path)
        before = raw[begun:end]
        if json.loads(before) == value and isinstance(value, bool) == (before in ("true", "false")):
            continue
        raw = raw[:begun] + json_text(value, ascii_only=before.isascii()) + raw[end:]
    return raw


def json_text(value: object, *, ascii_only: bool = False) -> str:
    """`value` as JSON. Half a character, which only an escape can say, is written as one."""
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "backslashreplace").decode()


def _span(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    at = _skip(text, 0)
    for part in path:
        at = _inside(text, at, part)
    return at, _end(text, at)


def _inside(text: str, at: int, part: str | int) -> int:
    """Where the value of a key begins (the last of that name counts, as in Python), or that of an index."""
    found, index = -1, 0
    is_object = text[at] == "{"
    if is_object != isinstance(part, str):
        raise KeyError(part)
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        key: str | int = index
        if is_object:
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if key == part:
            found = at
        at = _skip(text, _end(text, at))
        at = _skip(text, at + 1) if text[at] == "," else at
        index += 1
    if found < 0:
        raise KeyError(part)
    return found


def _end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
