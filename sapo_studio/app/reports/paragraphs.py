"""Markdown in lines of one width, as people write it: diffs and terminals show it whole."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

WIDTH = 100
_ITEM = re.compile(r"[*-] |\d+\. ")
_AS_IT_IS = ("|", "#", "![", "<", ">", "    ")
"""How lines begin that are no prose: tables, headings, pictures, code."""


def filled(markdown: str) -> str:
    """`markdown` with its paragraphs and list items filled anew; everything else stays as it is."""
    return "\n".join(_lines(markdown.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    gathered: list[str] = []
    code = False
    for line in lines:
        fence = line.startswith("```")
        prose = bool(line.strip()) and not code and not fence and not line.startswith(_AS_IT_IS)
        if gathered and (not prose or _ITEM.match(line)):
            yield from _filled(gathered)
            gathered = []
        if prose:
            gathered.append(line.strip())
        else:
            yield line
        code ^= fence
    if gathered:
        yield from _filled(gathered)


def _filled(lines: list[str]) -> list[str]:
    mark = _ITEM.match(lines[0])
    indent = " " * len(mark.group()) if mark else ""
    return textwrap.wrap(
        " ".join(lines), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
