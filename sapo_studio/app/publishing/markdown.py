"""Text from data inside Markdown: shown as it is, and never obeyed as markup."""

from __future__ import annotations

import re

from sapo_studio.readable import printable

_MARKUP = re.compile(r"[\\`*_\[\]<>|#~&!]")


def plain(text: str) -> str:
    """`text` on one line, as words inside a sentence or a table's cell."""
    return _MARKUP.sub(lambda found: f"\\{found[0]}", _one_line(text))


def code_span(text: str) -> str:
    """`text` on one line, as code: between more backticks than it has one behind the other."""
    line = _one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    inside = f" {line} " if line.startswith("`") or line.endswith("`") else line
    return f"{fence}{inside}{fence}"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
