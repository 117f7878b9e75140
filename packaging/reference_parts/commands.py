"""Every command of `sapo`, with its arguments and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, get_args, get_type_hints

from typer.main import get_command

from reference_parts.markdown import code, head, join, paragraph, table
from sapo_studio.cli import PANELS, app

ABOUT = (
    "Every command of `sapo`, under the headings of `sapo --help`. Exit codes: 0 done, 1 failed, 2 bad input, "
    "3 stopped. With `--json` an error is one line of JSON on standard error."
)


def page() -> str:
    """The page."""
    commands: dict[str, Any] = dict(getattr(get_command(app), "commands"))  # noqa: B009  # typer does not say so
    parts = head("Commands", ABOUT)
    for panel in PANELS:
        parts.append(f"## {panel}")
        for name, command in commands.items():
            if command.rich_help_panel == panel:
                parts += _told(f"sapo {name}", command)
    return join(parts)


def _told(name: str, command: Any) -> Iterator[str]:
    inside: dict[str, Any] = getattr(command, "commands", {})
    yield f"### {name}"
    words = [parameter.name.upper() for parameter in command.params if _is_argument(parameter)]
    if not inside:
        yield code(" ".join([name, *words, "[OPTIONS]"]))
    yield paragraph(inspect.cleandoc(command.help or ""))
    kinds = _annotations(command.callback)
    rows = [_row(parameter, kinds.get(parameter.name)) for parameter in command.params if parameter.name != "help"]
    if rows:
        yield table(("argument or option", "default", "what it is"), rows)
    for below, one in inside.items():
        yield from _told(f"{name} {below}", one)


def _is_argument(parameter: Any) -> bool:
    return not any(name.startswith("-") for name in parameter.opts)


def _row(parameter: Any, kind: Any) -> tuple[str, str, str]:
    names = [parameter.name.upper()] if _is_argument(parameter) else [*parameter.opts, *parameter.secondary_opts]
    takes = parameter.metavar if not _is_argument(parameter) and parameter.metavar else ""
    choices = ", ".join(code(choice) for choice in _choices(kind))
    several = "can be repeated" if "list" in str(kind) else ""
    more = "; ".join(part for part in (f"one of {choices}" if choices else "", several) if part)
    meaning = (parameter.help or "").strip()
    default = "required" if parameter.required else _default(parameter.default)
    return (
        ", ".join(map(code, names)) + (f" {code(takes)}" if takes else ""),
        default,
        f"{meaning} ({more})" if more else meaning,
    )


def _default(value: Any) -> str:
    if value is None or value is False or value == "" or callable(value) or (isinstance(value, tuple) and not value):
        return ""
    return code(value.value if isinstance(value, Enum) else value)


def _annotations(callback: Callable[..., Any] | None) -> dict[str, Any]:
    return {} if callback is None else get_type_hints(callback)


def _choices(kind: Any) -> list[str]:
    for one in (kind, *get_args(kind)):
        if isinstance(one, type) and issubclass(one, Enum):
            return [str(member.value) for member in one]
    return []
