"""Which columns of a file hold what a question has: the value of `task.fields`, and as a line of text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, StrictStr

from sapo_studio.errors import InputError
from sapo_studio.files import parse_toml_text

Part = Literal["id", "question", "answer", "solution", "tests", "setup", "entry_point"]
"""What a question of one's own has (docs/tasks.md)."""
PARTS: tuple[str, ...] = get_args(Part)
EXAMPLE = 'question = ["instruction", "input"], answer = "output"'
_PLAIN = re.compile(r"\s*(\w+)\s*=\s*([^=,]+?)\s*")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Column = Annotated[StrictStr, Field(min_length=1)]
Columns = dict[Part, Annotated[tuple[Column, ...], BeforeValidator(_listed), Field(min_length=1)]]
"""A column for each part, by its name, or several whose texts are put one under the other. `a.b` is b within a."""


def read_columns(text: str) -> dict[str, Any]:
    """Columns as a person writes them: TOML's inline table without its braces, or `question=a+b, answer=c`.

    Raises InputError where it is neither.
    """
    plain = text.strip().removeprefix("{").removesuffix("}").strip()
    if not plain:
        return {}
    try:
        return parse_toml_text(f"columns = {{{plain}}}", "the columns")["columns"]
    except InputError:
        found = [_PLAIN.fullmatch(part) for part in plain.split(",")]
    if not all(found):
        raise InputError(f"{text} names no columns", fix=f"Write them so: {EXAMPLE}")
    return {match[1]: [column.strip() for column in match[2].split("+")] for match in found if match}


def show_columns(columns: Mapping[str, Any]) -> str:
    """The text that `read_columns` reads."""
    shown = {part: [names] if isinstance(names, str) else list(names) for part, names in columns.items()}
    return ", ".join(
        f"{part} = {json.dumps(names[0] if len(names) == 1 else names, ensure_ascii=False)}"
        for part, names in shown.items()
    )
