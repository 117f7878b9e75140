"""Text from data made fit to be shown: control characters are written out instead of obeyed, endless values are cut."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_LINE = 600
"""Characters of a line of a message; what is longer is cut in its middle."""
MOST_LINES = 200

# Control characters but tab and line feed, marks that turn the direction of writing, line separators, surrogates.
_DIRECTION = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_OBEYED = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTION}]")
_IN_JSON = re.compile(f"[\x7f-\x9f{_DIRECTION}]")


def printable(text: str) -> str:
    """`text` with everything that a terminal would obey written as `\\x1b` or `\\u202e`; lines and tabs stay."""
    return _OBEYED.sub(lambda found: _written_out(found[0]), text)


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def json_line(value: object) -> str:
    """`value` as one line of JSON that reads back to the same and that no terminal obeys anything in."""
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def cut(text: str) -> str:
    """`text` as a message may hold it: long lines lose their middle, and of very many lines the last ones go."""
    if len(text) <= LONGEST_LINE and text.count("\n") < MOST_LINES:
        return text
    lines = text.split("\n")
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"... and {len(lines) - MOST_LINES + 1:,} more lines"]
    kept = map(_cut_line, lines)
    return "\n".join(kept)


def _cut_line(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    head, tail = (
        LONGEST_LINE * 2 // 3,
        LONGEST_LINE // 6,
    )  # with the mark still short of the limit: cut once, cut for all
    return f"{line[:head]} ... ({len(line) - head - tail:,} more characters) ... {line[-tail:]}"


def listing(names: Sequence[str], most: int = 20) -> str:
    """The first names of many, comma by comma, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str) -> str:
    """A number of things: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentences(*parts: str) -> str:
    """Parts of what is told (what happened, why, what to do) one behind the other, each with an end. Empty ones are
    left out."""
    told = (part.strip() for part in parts)
    return " ".join(part if part.endswith((".", "?", "!", "\u2026")) else f"{part}." for part in told if part)


_KINDS = (
    ("int", "should be a whole number"),
    ("float", "should be a number"),
    ("bool", "should be true or false"),
    ("string", "should be text"),
    ("tuple", "should be a list"),
    ("list", "should be a list"),
    ("dict", "should be a table"),
    ("model", "should be a table"),
    ("mapping", "should be a table"),
)
"""What a value of a wrong kind is answered with, by the beginning of pydantic's name of the fault."""
_BOUNDS = {
    "greater_than": "should be more than {gt}",
    "greater_than_equal": "should be at least {ge}",
    "less_than": "should be less than {lt}",
    "less_than_equal": "should be at most {le}",
    "finite_number": "should be a finite number",
    "missing": "is missing",
    "too_long": "should have at most {max_length} items",
    "too_short": "should have at least {min_length} items",
    "string_too_long": "should have at most {max_length} characters",
    "string_too_short": "should have at least {min_length} characters",
}
_WRONG_KIND = ("_type", "_parsing", "_parsing_size", "_from_float", "_attributes_type")


def fault_in_words(fault: Mapping[str, Any]) -> str:
    """What pydantic found wrong with a value (one of `ValidationError.errors()`), for people who know neither pydantic
    nor Python's types: behind the value's name, `should be at least 1`."""
    kind, message = str(fault["type"]), str(fault["msg"])
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**fault.get("ctx", {}))
    if kind.endswith(_WRONG_KIND):
        for begin, words in _KINDS:
            if kind.startswith(begin):
                return words
    return message.removeprefix("Value error, ").removeprefix("Input ")


def duration(seconds: float) -> str:
    """A length of time as one says it: 40 s, 3 min, 2 h 5 min."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
