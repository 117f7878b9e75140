"""Names of the standard library that both sides know: what stands for them on the line is the name alone.

Nothing here reads or writes files, runs text, sets anything or looks into other objects: the checker gives its own
function for a name that a candidate sent, and a test may call it. Modules are none of them.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import importlib
import sys
import types
from typing import Any

MODULES = (
    *("abc", "bisect", "cmath", "collections", "collections.abc", "contextlib", "copy", "dataclasses", "datetime"),
    *("decimal", "enum", "fractions", "functools", "heapq", "itertools", "json", "math", "numbers", "operator"),
    *("re", "string", "textwrap", "types", "typing"),
)
"""Loaded on both sides before anything is forked. Not random, nor what needs it: it is work after every fork."""

_SECRETIVE = {
    *("breakpoint", "compile", "copyright", "credits", "delattr", "dir", "eval", "exec", "exit", "getattr", "globals"),
    *("hasattr", "help", "input", "license", "locals", "memoryview", "open", "quit", "setattr", "super", "vars"),
    *("attrgetter", "methodcaller", "call", "_", "id", "chdir", "redirect_stdout", "redirect_stderr", "setcontext"),
}
_TYPES = ("GeneratorType", "CoroutineType", "FunctionType", "MethodType", "BuiltinFunctionType", "SimpleNamespace")
_MARKS = ("_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR", "_HAS_DEFAULT_FACTORY")
"""What dataclasses tells its fields apart by."""

VALUES: tuple[type, ...] = (int, float, complex, str, bytes, tuple, frozenset)
"""Built-in types that are a value: an object of a class made from one carries that value."""
FILLED: tuple[type, ...] = (list, dict, collections.OrderedDict, collections.defaultdict, collections.Counter)
"""Built-in types that are filled: of a class made from one the contents stay where the object is."""


def _table() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in ("builtins", *MODULES):
        loaded = builtins if module == "builtins" else importlib.import_module(module)
        names = _TYPES if module == "types" else [name for name in dir(loaded) if not name.startswith("_")]
        for name in (*names, *(_MARKS if module == "dataclasses" else ())):
            value = getattr(loaded, name, None)
            if name in _SECRETIVE or isinstance(value, types.ModuleType) or type(value) in _PLAIN:
                continue
            found[f"{module}.{name}"] = value
    return found


_PLAIN = (type(None), bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
BY_NAME = _table()
"""The objects by "module.name"."""
BY_IDENTITY = {id(value): name for name, value in reversed(BY_NAME.items())}
"""Their names. `BY_NAME` holds the objects, so that no other object can have their identity."""


def name_of(value: Any) -> str | None:
    """The name of an object of the standard library that both sides know."""
    return BY_IDENTITY.get(id(value))


def bare(item: Any, base: type) -> Any:
    """The value of an object of a class made from a value type, past all that the class does to it."""
    with contextlib.suppress(Exception):
        if base is int:
            return int.__add__(item, 0)
        if base in (float, complex):
            return base.__pos__(item)
        if base is str:
            return str.__str__(item)
        if base is frozenset:
            return frozenset(frozenset.__iter__(item))
        return base.__getitem__(item, slice(None))  # bytes, tuple
    return None


def is_exception(value: Any) -> bool:
    """Whether `value` is a class of exceptions."""
    return isinstance(value, type) and issubclass(value, BaseException)


def library_name(value: Any) -> tuple[str, str] | None:
    """Module and name of a class of the standard library; None for every other one."""
    module: Any = value.__module__  # what a program's own class says may be anything
    if not isinstance(module, str) or not is_library(module):
        return None
    return (module, value.__qualname__) if found_in(module, value.__qualname__) is value else None


def library_exception(module: str, name: str) -> type[BaseException] | None:
    """An exception of the standard library, which is loaded if need be; None where there is none of that name."""
    if not is_library(module):
        return None
    try:
        importlib.import_module(module)
    except ImportError:
        return None
    found = found_in(module, name)
    return found if is_exception(found) else None


_ACTIVE = {"__main__", "antigravity", "this", "idlelib", "turtle", "turtledemo"}
"""Modules that do something when they are imported."""


def is_library(module: str) -> bool:
    """Whether it is a module of the standard library that may be imported without a thought."""
    parts = module.split(".")
    return parts[0] in sys.stdlib_module_names and _ACTIVE.isdisjoint(parts)


def found_in(module: str, name: str) -> Any:
    """What a loaded module has by that name, dots and all; None where it has nothing."""
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
