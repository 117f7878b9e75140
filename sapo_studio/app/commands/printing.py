"""How commands print: nothing that comes from data reaches a terminal as anything but text."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, TextIO, cast

from sapo_studio.readable import json_line, printable

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 10_000
"""Characters in a line of a file or a pipe: nothing is wrapped or cut there."""


def say(text: object, *, end: str = "\n", error: bool = False) -> None:
    """Print a sentence, to standard error with `error`, at once."""
    print(printable(str(text)), end=end, file=sys.stderr if error else sys.stdout, flush=True)


def say_json(value: object) -> None:
    """Print one line of JSON, at once. JSON has no word for a number that is not finite: null stands in its place."""
    print(json_line(_finite(value)), flush=True)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in cast("list[object]", value)]
    return value


def pass_on(text: str, stream: TextIO | None = None) -> None:
    """Write a file's content to standard output: as it is to a file or a pipe, written out to a terminal."""
    to = stream or sys.stdout
    to.write(printable(text) if to.isatty() else text)


def console(*, error: bool = False, soft_wrap: bool = False) -> Console:
    """A terminal for tables and colours. Markup is read in what a command writes, so data are escaped there; of control
    characters nothing gets through, wherever they come from. In a file or a pipe lines are as long as they are."""
    from sapo_studio.app.commands.safe_console import SafeConsole  # rich is slow to load, and a program needs none

    made = SafeConsole(stderr=error, highlight=False, soft_wrap=soft_wrap)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = PIPE_WIDTH
    return made
