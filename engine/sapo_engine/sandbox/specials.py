"""The special methods that a stand-in may have, and what is done where its object is when one is called."""

from __future__ import annotations

import builtins
import copy
import math
import operator
import os
from collections.abc import Callable
from typing import Any

from . import coroutines, known

Operation = Callable[..., Any]

COMPARISONS = {f"__{name}__": getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_ARITHMETIC = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "or", "xor"),
)
DIFFERENCES = ("sub", "truediv", "floordiv", "mod", "divmod", "xor", "and")
"""What tells how far two values are apart, or whether at all."""


def _arithmetic(name: str) -> Operation:
    if name == "divmod":
        return divmod
    return pow if name == "pow" else getattr(operator, f"{name}_" if name in ("and", "or") else name)


def _swapped(operation: Operation) -> Operation:
    def swapped(mine: Any, other: Any) -> Any:
        return operation(other, mine)

    return swapped


def _in_place(name: str) -> Operation:
    return getattr(operator, f"i{name}", _arithmetic(name))


BINARY: dict[str, Operation] = {}
"""Operators with another value, the reflected and the in-place ones among them."""
for _name in _ARITHMETIC:
    BINARY[f"__{_name}__"] = _arithmetic(_name)
    BINARY[f"__r{_name}__"] = _swapped(_arithmetic(_name))
    if _name != "divmod":
        BINARY[f"__i{_name}__"] = _in_place(_name)


def _called(name: str) -> Operation:
    """The method itself, looked up as Python does: by the type."""

    def called(mine: Any, *given: Any) -> Any:
        return getattr(type(mine), name)(mine, *given)

    return called


def _deep_copy(mine: Any, *_: Any) -> Any:
    return copy.deepcopy(mine)


def _is_instance(mine: Any, other: Any) -> bool:
    return isinstance(other, mine)


def _is_subclass(mine: Any, other: Any) -> bool:
    return issubclass(other, mine)


OPERATIONS: dict[str, Operation] = {
    **COMPARISONS,
    **BINARY,
    **{f"__{name}__": getattr(operator, name) for name in ("neg", "pos", "abs", "invert", "index")},
    **{f"__{name}__": getattr(operator, name) for name in ("getitem", "setitem", "delitem", "contains")},
    **{
        f"__{name}__": getattr(builtins, name)
        for name in ("len", "iter", "str", "repr", "hash", "bool", "int", "float", "complex", "bytes", "reversed")
    },
    "__next__": next,
    "__format__": format,
    "__round__": round,
    "__dir__": dir,
    "__trunc__": math.trunc,
    "__floor__": math.floor,
    "__ceil__": math.ceil,
    "__fspath__": os.fspath,
    "__copy__": copy.copy,
    "__deepcopy__": _deep_copy,
    "__instancecheck__": _is_instance,
    "__subclasscheck__": _is_subclass,
    **{name: _called(name) for name in ("__enter__", "__exit__", "__aiter__", "__anext__", "__aenter__", "__aexit__")},
    "__await__": coroutines.awaited,
}
"""What is done for each special method: with the object first, and as an expression would do it, so that the other
operand's methods have their turn too."""

FRUITLESS = {"__copy__", "__deepcopy__", "__instancecheck__", "__subclasscheck__"}
NAMES = [name for name in OPERATIONS if name not in FRUITLESS] + ["__call__"]
"""What a class may define. Every stand-in can be copied: that is done where the object is."""

_NATIVE: tuple[type, ...] = (object, *known.VALUES)


def partner(name: str) -> tuple[str, ...]:
    """A binary operator with its reflected and in-place forms: an expression may take any of them."""
    bare = name.strip("_")
    for base in (bare, bare[1:]):
        if f"__r{base}__" in BINARY and f"__{base}__" in BINARY and name in (f"__{base}__", f"__r{base}__"):
            return (f"__{base}__", f"__r{base}__")
    return (name,)


_PARTNERS = {name: partner(name) for name in BINARY}


def defined_by(cls: type) -> list[str]:
    """The special methods that a stand-in of `cls` has to hand on; one that the class rules out begins with "-".

    What comes from `object`, from exceptions and from types that are a value the other side has itself.
    """
    owners = cls.__mro__
    found: list[str] = []
    for name in NAMES:
        for owner in owners:
            held = vars(owner)
            if name in held:
                if not (owner in _NATIVE or known.is_exception(owner)) or held[name] is None:
                    found += ["-" + name] if held[name] is None else _PARTNERS.get(name, (name,))
                break
    return list(dict.fromkeys(found))
