# pyright: basic, reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
# Values are narrowed by their exact type, which the type checker does not follow.
"""Values between checker and candidate: plain data by kind, written as JSON. Nothing that is read here is ever run.

Both sides use it. What the candidate sends is decoded by the checker into exact built-in types, so that no method of
the candidate's can stand behind a value.
"""

from __future__ import annotations

import builtins
import collections
import decimal
import fractions
import math
from collections.abc import Callable
from typing import Any

MOST_ITEMS = 200_000
DEEPEST = 60
FAULTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)


class WireError(ValueError):
    """A value that cannot be sent, or a message that is none."""


def encode(value: Any, other: Callable[[Any], Any], depth: int = 0) -> Any:
    """`value` as JSON data. `other` encodes what is no plain data, or raises WireError."""
    if depth > DEEPEST:
        raise WireError("nested too deeply")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -(2**63) < value < 2**63 else {"k": "int", "v": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"k": "float", "v": repr(value)}

    def many(items: Any) -> list[Any]:
        found: list[Any] = []
        for item in items:
            if len(found) >= MOST_ITEMS:
                raise WireError("too many items")
            found.append(encode(item, other, depth + 1))
        return found

    if kind is list:
        return many(value)
    if kind in (tuple, set, frozenset, collections.deque):
        return {"k": kind.__name__, "v": many(value)}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {"k": "tuple", "v": many(tuple.__iter__(value))}
    if kind in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter):
        return {"k": kind.__name__, "v": many(list(pair) for pair in dict.items(value))}
    if kind is complex:
        return {"k": "complex", "v": [repr(value.real), repr(value.imag)]}
    if kind is type and getattr(builtins, value.__name__, None) is value:
        return {"k": "type", "v": value.__name__}
    if kind in (bytes, bytearray):
        return {"k": kind.__name__, "v": value.hex()}
    if kind is range:
        return {"k": "range", "v": [hex(value.start), hex(value.stop), hex(value.step)]}
    if kind in (decimal.Decimal, fractions.Fraction):
        return {"k": kind.__name__, "v": str(value)}
    if kind in (map, filter, zip, enumerate, reversed, type(i for i in ()), type({}.keys()), type({}.values())):
        return {"k": "iterator", "v": many(value)}
    if kind is type({}.items()):
        return {"k": "iterator", "v": many(value)}
    return other(value)


def decode(data: Any, other: Callable[[Any], Any], depth: int = 0) -> Any:
    """The value that `encode` wrote. Raises WireError for anything else."""
    if depth > DEEPEST:
        raise WireError("nested too deeply")
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if isinstance(data, list):
        return [decode(item, other, depth + 1) for item in data]
    if not isinstance(data, dict) or "k" not in data:
        raise WireError("no value")
    kind: str = data["k"]
    value: Any = data.get("v")

    def items() -> list[Any]:
        if not isinstance(value, list):
            raise WireError("no list")
        return [decode(item, other, depth + 1) for item in value]

    try:
        match kind:
            case "int":
                return int(value, 16)
            case "float":
                return float(value)
            case "tuple":
                return tuple(items())
            case "set":
                return set(items())
            case "frozenset":
                return frozenset(items())
            case "deque":
                return collections.deque(items())
            case "iterator":
                return iter(items())
            case "dict":
                return dict(items())
            case "OrderedDict":
                return collections.OrderedDict(items())
            case "defaultdict":
                return collections.defaultdict(None, items())
            case "Counter":
                return collections.Counter(dict(items()))
            case "type":
                found = getattr(builtins, value)
                return found if isinstance(found, type) else other(data)
            case "complex":
                return complex(float(value[0]), float(value[1]))
            case "bytes":
                return bytes.fromhex(value)
            case "bytearray":
                return bytearray.fromhex(value)
            case "range":
                return range(*(int(part, 16) for part in value))
            case "Decimal":
                return decimal.Decimal(value)
            case "Fraction":
                return fractions.Fraction(value)
            case _:
                return other(data)
    except FAULTS as error:
        raise WireError(f"no {kind}") from error
