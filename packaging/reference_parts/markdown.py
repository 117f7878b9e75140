"""Markdown as the pages need it: tables, paragraphs of at most 100 columns, and where a page is from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100
MADE = "Made by `make reference` from the program itself; `make test` fails where it is out of date."


def head(title: str, about: str) -> list[str]:
    """How each page begins."""
    return [f"# {title}", paragraph(about), paragraph(MADE)]


def paragraph(text: str, indent: str = "") -> str:
    """Each paragraph of `text` in lines of its own. Words, and so links and code, stay whole."""
    wrapped = (
        textwrap.fill(
            " ".join(part.split()), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for part in text.strip().split("\n\n")
    )
    return "\n\n".join(wrapped)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a row is a line, of whatever length."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("|" + "".join(f" {cell} |" if cell else " |" for cell in map(_cell, line)) for line in lines)


def code(value: object) -> str:
    """`value` in code type; empty for nothing."""
    text = "" if value is None else str(value)
    return f"`{text}`" if text else ""


def join(parts: Iterable[str]) -> str:
    """The page, with an empty line between its parts."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
