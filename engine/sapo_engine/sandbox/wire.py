"""Values between checker and candidate: a flat graph of plain data, written as JSON. What is read here is never run.

Both sides use it. What the candidate sends is decoded by the checker into exact built-in types, so that no method of
the candidate's can stand behind a value. A value is a scalar or `[place]`, the place of a node; a node is a list that
begins with its kind. Lists, dictionaries and their like come with a number under which both sides know them from then
on: what one side does to them, the other one sees (`Shared`).
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from .containers import CONTAINERS, KINDS, Shared, WireError, pairs

DIRECT = {type(None), bool, str, float}
"""Types that JSON has; NaN and the infinities as Python writes them."""
LARGEST = 2**63
LONG_NUMBER = 2_000_000
"""Hexadecimal digits of a number."""
UNBUILT = object()
FAULTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError)

Place = list[int]
Node = list[Any]


class UncarriedError(Exception):
    """A value that cannot be sent."""


Other = Callable[["Writer", Any], Node]


class Writer:
    """Writes the values of one message. `other` makes a node of what is no plain data, or raises UncarriedError."""

    def __init__(self, shared: Shared, other: Other) -> None:
        self.nodes: list[Node] = []
        self._shared = shared
        self._other = other
        self._places: dict[int, int] = {}
        self._held: list[Any] = []  # an object that went away would give its identity to another one
        self._todo: list[tuple[int, Any]] = []

    def write(self, values: Sequence[Any]) -> list[Any]:
        """The values, in terms of `nodes`."""
        found = self.many(values)
        while self._todo:
            place, item = self._todo.pop()
            kind = CONTAINERS[type(item)]
            parts = kind.parts(item)
            node: Node = [kind.name, self._shared.number(item, parts), self.many(parts)]
            extra = kind.extra(item)
            self.nodes[place] = node if extra is None else [*node, extra]
        return found

    def many(self, items: Sequence[Any]) -> list[Any]:
        """Each of `items` as a value."""
        kinds = set(map(type, items))
        if kinds <= DIRECT or (kinds == {int} and max(items) < LARGEST and min(items) > -LARGEST):
            return list(items)
        return [self.value(item) for item in items]

    def value(self, item: Any) -> Any:
        """One value; its node is added where it has one."""
        kind = type(item)
        if kind in DIRECT or (kind is int and -LARGEST < item < LARGEST):
            return item
        place = self._places.get(id(item))
        if place is not None:
            return [place]
        container = CONTAINERS.get(kind)
        if container is not None and (container.fits is None or container.fits(item)):
            place = len(self.nodes)
            self.nodes.append([])
            self._todo.append((place, item))
        else:
            write = PLAIN.get(kind)
            try:
                node = write(self, item) if write is not None else self._lazily_known(item) or self._other(self, item)
            except RecursionError:
                raise UncarriedError("nested too deeply") from None
            place = len(self.nodes)
            self.nodes.append(node)
        self._places[id(item)] = place
        self._held.append(item)
        return [place]

    def _lazily_known(self, item: Any) -> Node | None:
        """Values of modules that are rarely there."""
        kind = type(item)
        if kind.__module__ == "uuid" and kind is getattr(sys.modules.get("uuid"), "UUID", None):
            return ["UUID", item.hex]
        if kind.__module__.startswith("pathlib") and kind.__name__ in PATHS:
            return ["path", kind.__name__, str(item)]
        if kind.__module__.startswith("zoneinfo") and kind.__name__ == "ZoneInfo" and item.key:
            return ["ZoneInfo", item.key]
        if kind.__module__ == "inspect" and kind.__name__ == "Signature":
            return ["Signature", self.many(_parts_of_signature(item))]
        return None


PATHS = ("PurePosixPath", "PosixPath", "PureWindowsPath", "WindowsPath")


def _moment(writer: Writer, item: Any) -> Node:
    parts = [getattr(item, name) for name in ("year", "month", "day", "hour", "minute", "second", "microsecond")]
    return ["datetime", parts, item.fold, writer.value(item.tzinfo)]


PLAIN: dict[type, Callable[[Writer, Any], Node]] = {
    int: lambda writer, item: ["int", hex(item)],
    tuple: lambda writer, item: ["tuple", writer.many(item)],
    frozenset: lambda writer, item: ["frozenset", writer.many(list(item))],
    complex: lambda writer, item: ["complex", item.real, item.imag],
    bytes: lambda writer, item: ["bytes", item.hex()],
    range: lambda writer, item: ["range", *map(hex, (item.start, item.stop, item.step))],
    slice: lambda writer, item: ["slice", writer.many([item.start, item.stop, item.step])],
    type(...): lambda writer, item: ["..."],
    type(NotImplemented): lambda writer, item: ["NotImplemented"],
    decimal.Decimal: lambda writer, item: ["Decimal", str(item)],
    fractions.Fraction: lambda writer, item: ["Fraction", hex(item.numerator), hex(item.denominator)],
    datetime.date: lambda writer, item: ["date", item.year, item.month, item.day],
    datetime.datetime: _moment,
    datetime.time: lambda writer, item: [
        "time",
        [item.hour, item.minute, item.second, item.microsecond],
        item.fold,
        writer.value(item.tzinfo),
    ],
    datetime.timedelta: lambda writer, item: ["timedelta", item.days, item.seconds, item.microseconds],
    datetime.timezone: lambda writer, item: ["timezone", writer.value(item.utcoffset(None)), str(item.tzname(None))],
    type({}.keys()): lambda writer, item: ["keys", writer.many(list(item))],
    type({}.values()): lambda writer, item: ["values", writer.many(list(item))],
    type({}.items()): lambda writer, item: ["items", writer.many([part for pair in item for part in pair])],
}


Given = Callable[["Reader", Node], Any]


class Reader:
    """Reads the values of one message. `other` makes an object of a node that is no plain data."""

    def __init__(self, nodes: Any, shared: Shared, other: Given) -> None:
        if not isinstance(nodes, list):
            raise WireError("no nodes")
        self._nodes = cast("list[Any]", nodes)
        self._objects: list[Any] = [UNBUILT] * len(self._nodes)
        self._shared = shared
        self._other = other

    def read(self, values: Any) -> list[Any]:
        """The values of the message. Raises WireError for anything that `Writer` would not have written."""
        try:
            filled = self._make_containers()
            for place, node in enumerate(self._nodes):
                if self._objects[place] is UNBUILT:
                    self._objects[place] = self._build(node)
            for number, item, node in filled:
                self._fill(number, item, node)
            return self.many(values)
        except FAULTS as error:
            raise WireError(f"no value ({type(error).__name__})") from error

    def many(self, values: Any) -> list[Any]:
        """Each of `values`, of nodes that are built already."""
        if not isinstance(values, list):
            raise WireError("no list")
        listed = cast("list[Any]", values)
        kinds = set(map(type, listed))
        if list not in kinds and dict not in kinds:
            return listed
        return [self.value(item) for item in listed]

    def value(self, item: Any) -> Any:
        """One of them."""
        if isinstance(item, list):
            (place,) = cast("list[Any]", item)
            if type(place) is not int or not 0 <= place < len(self._objects) or self._objects[place] is UNBUILT:
                raise WireError("no such place")
            return self._objects[place]
        if isinstance(item, dict):
            raise WireError("no value")
        return item

    def _make_containers(self) -> list[tuple[int, Any, Node]]:
        found: list[tuple[int, Any, Node]] = []
        for place, node in enumerate(self._nodes):
            if not isinstance(node, list) or not node or not isinstance(node[0], str):
                raise WireError("no node")
            named = KINDS.get(node[0])
            if named is not None:
                item = self._shared.get(node[1], named[0])
                if item is None:
                    item = named[1].make(node[3] if len(cast("Node", node)) > 3 else None)
                self._objects[place] = item
                found.append((node[1], item, node))
        return found

    def _fill(self, number: int, item: Any, node: Node) -> None:
        kind = CONTAINERS[type(item)]
        parts = self.many(node[2])
        before = kind.parts(item)
        if len(before) != len(parts) or not all(map(_same, before, parts)):
            kind.fill(item, parts)
        self._shared.agree(number, item, kind.parts(item))

    def _build(self, node: Node) -> Any:
        match node:
            case ["tuple", values]:
                return tuple(self.many(values))
            case ["int", str(digits)]:
                return _number(digits)
            case ["frozenset", values]:
                return frozenset(self.many(values))
            case ["complex", real, imaginary]:
                return complex(real, imaginary)
            case ["bytes", str(digits)]:
                return bytes.fromhex(digits)
            case ["range", *ends]:
                return range(*map(_number, ends))
            case ["slice", values]:
                return slice(*self.many(values))
            case ["..."]:
                return ...
            case ["NotImplemented"]:
                return NotImplemented
            case ["Decimal", str(digits)]:
                return decimal.Decimal(digits)
            case ["Fraction", above, below]:
                return fractions.Fraction(_number(above), _number(below))
            case ["keys", values]:
                return dict.fromkeys(self.many(values)).keys()
            case ["values", values]:
                return dict(enumerate(self.many(values))).values()
            case ["items", values]:
                return dict(pairs(self.many(values))).items()
            case ["Signature", values]:
                return _signature(self.many(values))
            case [str(kind), *parts] if kind in MOMENTS:
                return self._moment(kind, parts)
            case [str(kind), str(text), *_] if kind in RARE:
                return _rare(kind, text, node)
            case _:
                return self._other(self, node)

    def _moment(self, kind: str, parts: list[Any]) -> Any:
        """A date, a time, what lies between two of them, or a zone."""
        match kind, parts:
            case "date", [*given]:
                return datetime.date(*map(whole, given))
            case "datetime", [list(given), fold, zone]:
                return datetime.datetime(*map(whole, given), tzinfo=self._zone(zone), fold=whole(fold))
            case "time", [list(given), fold, zone]:
                return datetime.time(*map(whole, given), tzinfo=self._zone(zone), fold=whole(fold))
            case "timedelta", [*given]:
                return datetime.timedelta(*map(whole, given))
            case "timezone", [offset, str(name)]:
                return datetime.timezone(self.value(offset), name)
            case _:
                raise WireError("no moment")

    def _zone(self, value: Any) -> datetime.tzinfo | None:
        zone = self.value(value)
        if zone is not None and not isinstance(zone, datetime.tzinfo):
            raise WireError("no time zone")
        return zone


MOMENTS = ("date", "datetime", "time", "timedelta", "timezone")
RARE = ("UUID", "path", "ZoneInfo")


def _rare(kind: str, text: str, node: Node) -> Any:
    """Values of modules that are loaded when one comes."""
    if kind == "UUID":
        import uuid

        return uuid.UUID(hex=text)
    if kind == "path":
        import pathlib

        if text not in PATHS:
            raise WireError("no path")
        return getattr(pathlib, text)(node[2])
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(text)
    except OSError as error:
        raise WireError("no such time zone") from error


def _parts_of_signature(item: Any) -> list[Any]:
    """What is returned, then name, kind, default and annotation of each parameter; before a value whether it is one."""
    parts: list[Any] = list(_said(item.return_annotation, item.empty))
    for given in item.parameters.values():
        parts += (
            given.name,
            int(given.kind),
            *_said(given.default, given.empty),
            *_said(given.annotation, given.empty),
        )
    return parts


def _said(value: Any, empty: Any) -> tuple[bool, Any]:
    return (False, None) if value is empty else (True, value)


def _signature(parts: list[Any]) -> Any:
    import inspect

    def said(place: int) -> Any:
        return parts[place + 1] if parts[place] else inspect.Parameter.empty

    kinds = {int(kind): kind for kind in inspect._ParameterKind}  # pyright: ignore[reportPrivateUsage]
    given = [
        inspect.Parameter(parts[k], kinds[whole(parts[k + 1])], default=said(k + 2), annotation=said(k + 4))
        for k in range(2, len(parts), 6)
    ]
    return inspect.Signature(given, return_annotation=said(0))


def _same(mine: Any, theirs: Any) -> bool:
    return mine is theirs or (type(mine) is type(theirs) and type(mine) in SCALARS and mine == theirs)


SCALARS = {*DIRECT, int}


def _number(digits: Any) -> int:
    if type(digits) is not str:
        raise WireError("no number")
    if len(digits) > LONG_NUMBER:
        raise WireError("a number that is too long")
    return int(digits, 16)


def whole(value: Any) -> int:
    """`value`, an int. WireError for anything else, True and False among it."""
    if type(value) is not int:
        raise WireError("no number")
    return value
