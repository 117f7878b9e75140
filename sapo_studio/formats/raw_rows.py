"""The rows of a JSON file as they stand there: one a line, one after the other, or in one array.

Nothing of the text is lost: what stands before the first row, between two and behind the last is kept beside them, so
that a file can be given back as it was, to the byte.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sapo_studio.files import parse_json_text, too_deep

DEEPEST = 400
"""Levels of brackets in a row: a tree of steps takes two a step."""
_CHUNK = 2**20
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_BLANK = " \t\r\n\ufeff"
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row of a file. `value` is what it holds, unless `fault` says why it cannot be read."""

    number: int
    """Which row of the file, from 1 on."""
    line: int
    """Where it begins: the line, from 1 on; in an array its number."""
    gap: str
    """What stands between it and the row before, or the file's beginning."""
    raw: str
    value: object = None
    fault: str = ""


class BrokenRowsError(Exception):
    """The text from `line` on is no JSON, and where the next row begins cannot be told."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


@dataclass(slots=True)
class RawRows:
    """The rows in the lines of a file, line ends included, read as they are asked for.

    `array` and `tail`, what stands behind the last row, are known when all have been read.
    """

    lines: Iterable[str]
    array: bool = False
    tail: str = ""
    _last: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[RawRow]:
        """Raises BrokenRowsError where an array is no JSON."""
        lines, gap = iter(self.lines), ""
        number = 0
        while (line := next(lines, None)) is not None:
            number += 1
            body = line.strip(_BLANK)
            if not body:
                gap += line
                continue
            if not self._last:
                spread, lines = _is_spread(line, lines) if body.startswith("{") else (False, lines)
                if spread or body.startswith("["):
                    self.array = not spread
                    yield from self._values(gap + line, lines)
                    return
            at = line.index(body)
            self._last += 1
            yield self._row(number, gap + line[:at], body)
            gap = line[at + len(body) :]
        self.tail = gap

    def _row(self, line: int, gap: str, raw: str) -> RawRow:
        try:
            return RawRow(self._last, line, gap, raw, parse_json_text(raw, deepest=DEEPEST))
        except ValueError as error:
            return RawRow(self._last, line, gap, raw, fault=f"It is not JSON: {error}")

    def _values(self, text: str, lines: Iterator[str]) -> Iterator[RawRow]:
        """The values of an array, or objects that stand over several lines each, one after the other."""
        rest = _Text(text, lines)
        at = rest.skip(0)
        if self.array:
            at = rest.skip(at + 1)
        begun, line = 0, 1
        while True:
            if rest.done(at) and not self.array:
                break
            if self.array and rest.at(at) == "]":
                if rest.at(rest.skip(at + 1)):
                    raise BrokenRowsError(line, "Something stands behind the array.")
                break
            if self.array and self._last:
                if rest.at(at) != ",":
                    raise BrokenRowsError(line, f"The array is not JSON: behind row {self._last} stands no comma.")
                at = rest.skip(at + 1)
            try:
                value, end = rest.decode(at)
            except (ValueError, RecursionError) as error:
                what = "The array" if self.array else "What follows"
                deep = isinstance(error, RecursionError)
                why = "its brackets are nested too deeply." if deep else str(error)
                raise BrokenRowsError(line, f"{what} is not JSON, row {self._last + 1}: {why}") from error
            self._last += 1
            fault = "It is not JSON: its brackets are nested too deeply." if too_deep(value, DEEPEST) else ""
            begins = line + rest.text.count("\n", begun, at)
            line += rest.text.count("\n", begun, end)
            place = self._last if self.array else begins
            yield RawRow(self._last, place, rest.text[begun:at], rest.text[at:end], None if fault else value, fault)
            rest.forget(end)
            begun, at = 0, rest.skip(0)
        rest.read_all()
        self.tail = rest.text[begun:]


def _is_spread(first: str, lines: Iterator[str]) -> tuple[bool, Iterator[str]]:
    """Whether the object that the line `first` begins goes on in the lines behind it, and does end; and these lines."""
    if _begins(first) is not None or first.strip(_BLANK) == "{":
        return first.strip(_BLANK) == "{", lines
    seen = [first]
    size = 0
    for line in lines:
        seen.append(line)
        size += len(line)
        if size > _CHUNK:
            break
    found = _begins("".join(seen))
    return found is not None and found > len(first.rstrip(_BLANK)), itertools.chain(seen[1:], lines)


def _begins(text: str) -> int | None:
    """Where the JSON value that `text` begins with ends; None where it is none, or does not end there."""
    begun = _SPACE.match(text)
    try:
        return _DECODER.raw_decode(text, begun.end() if begun else 0)[1]
    except (ValueError, RecursionError):
        return None


class _Text:
    """A text of which as much is held as is needed."""

    def __init__(self, text: str, lines: Iterator[str]) -> None:
        self.text = text
        self._lines = lines

    def more(self) -> bool:
        parts: list[str] = []
        wanted = max(_CHUNK, len(self.text))
        for line in self._lines:
            parts.append(line)
            wanted -= len(line)
            if wanted <= 0:
                break
        self.text += "".join(parts)
        return bool(parts)

    def skip(self, at: int) -> int:
        """Where something but space stands, from `at` on."""
        while True:
            found = _SPACE.match(self.text, at)
            at = found.end() if found else at
            if at < len(self.text) or not self.more():
                return at

    def at(self, at: int) -> str:
        return self.text[at : at + 1]

    def done(self, at: int) -> bool:
        return at >= len(self.text)

    def decode(self, at: int) -> tuple[object, int]:
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, at)
            except ValueError:
                if not self.more():
                    raise
                continue
            if end < len(self.text) or not self.more():
                return value, end

    def forget(self, end: int) -> None:
        self.text = self.text[end:]

    def read_all(self) -> None:
        while self.more():
            pass
