"""`sapo_studio` for programs of others: what it exports, with signatures and docstrings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import sapo_studio
from reference_parts.markdown import WIDTH, head, join, paragraph

ABOUT = (
    "What `import sapo_studio` gives to programs of your own; how it is used, [own-programs.md](../own-programs.md) "
    "shows, and its tables, [tables.md](../tables.md). Names and meanings here stay."
)


def page() -> str:
    """The page."""
    parts = head("Python interface", ABOUT)
    for name in sapo_studio.__all__:
        thing = getattr(sapo_studio, name)
        if inspect.isfunction(thing):
            parts += _function(name, thing, "##")
        elif inspect.isclass(thing):
            parts += [f"## {name}", paragraph(inspect.getdoc(thing) or "")]
            for member, value in vars(thing).items():
                if not member.startswith("_"):
                    parts += _member(f"{name}.{member}", value)
    return join(parts)


def _member(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, property):
        yield from (f"### {name}", paragraph(inspect.getdoc(value) or ""))
    elif inspect.isfunction(value):
        yield from _function(name, value, "###")


def _function(name: str, value: Any, level: str) -> Iterator[str]:
    yield f"{level} {name}"
    yield f"```text\n{_signature(name.rpartition('.')[2], value)}\n```"
    yield paragraph(inspect.getdoc(value) or "")


def _signature(name: str, value: Any) -> str:
    """As it is called, without `self`; over several lines where it is long."""
    taken = inspect.signature(value)
    given = [str(one).replace("'", "") for one in taken.parameters.values() if one.name != "self"]
    named = [at for at, one in enumerate(taken.parameters.values()) if one.kind is one.KEYWORD_ONLY]
    if named:
        given.insert(named[0] - ("self" in taken.parameters), "*")
    gives = f" -> {taken.return_annotation}"
    line = f"{name}({', '.join(given)}){gives}"
    return line if len(line) <= WIDTH else f"{name}(\n    " + ",\n    ".join(given) + f",\n){gives}"
