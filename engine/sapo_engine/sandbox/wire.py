"""Values between checker and candidate: a flat graph of plain data, written as JSON. What is read here is never run.

Both sides use it. What the candidate sends is decoded by the checker into exact built-in types, so that no method of
the candidate's can stand behind a value. A value is a scalar or `[place]`, the place of a node; a node is a list that
begins with its kind. Lists, dictionaries and their like come with a number under which both sides know them from then
on: what one side does to them, the other one sees (`Shared`).
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import itertools
import operator
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

DIRECT = {type(None), bool, str, float}
"""Types that JSON has; NaN and the infinities as Python writes them."""
LARGEST = 2**63
LONG_NUMBER = 2_000_000
"""Hexadecimal digits of a number."""
UNBUILT = object()
FAULTS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, MemoryError, RecursionError)

Place = list[int]
Node = list[Any]


class WireError(Exception):
    """A message that is none."""


class UncarriedError(Exception):
    """A value that cannot be sent."""


# --- what can be changed -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Container:
    """A kind of container: how an empty one is made, taken apart into a flat list, and filled from one."""

    name: str
    make: Callable[[Any], Any]
    parts: Callable[[Any], list[Any]]
    fill: Callable[[Any, list[Any]], None]
    extra: Callable[[Any], Any] = lambda item: None


def _pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    if len(items) % 2:
        raise WireError("a key without a value")
    return zip(items[::2], items[1::2], strict=True)


def _fill_list(item: Any, parts: list[Any]) -> None:
    item[:] = parts


def _fill_set(item: set[Any], parts: list[Any]) -> None:
    item.clear()
    item.update(parts)


def _fill_dict(item: dict[Any, Any], parts: list[Any]) -> None:
    item.clear()
    for key, value in _pairs(parts):
        dict.__setitem__(item, key, value)


def _fill_default(item: collections.defaultdict[Any, Any], parts: list[Any]) -> None:
    factory = parts[0]
    item.default_factory = factory if factory is None or callable(factory) else None
    _fill_dict(item, parts[1:])


def _fill_deque(item: collections.deque[Any], parts: list[Any]) -> None:
    item.clear()
    item.extend(parts)


def _fill_bytes(item: bytearray, parts: list[Any]) -> None:
    item[:] = bytes.fromhex(parts[0])


def _fill_array(item: array.array[Any], parts: list[Any]) -> None:
    item[:] = array.array(item.typecode, parts)


def _fill_space(item: types.SimpleNamespace, parts: list[Any]) -> None:
    _fill_dict(vars(item), parts)


def _flat(item: dict[Any, Any]) -> list[Any]:
    return list(itertools.chain.from_iterable(dict.items(item)))


CONTAINERS: dict[type, Container] = {
    list: Container("list", lambda extra: [], list, _fill_list),
    set: Container("set", lambda extra: set(), list, _fill_set),
    dict: Container("dict", lambda extra: {}, _flat, _fill_dict),
    collections.OrderedDict: Container(
        "OrderedDict",
        lambda extra: collections.OrderedDict(),
        lambda item: list(itertools.chain.from_iterable(item.items())),
        lambda item, parts: (item.clear(), item.update(_pairs(parts)))[1],
    ),
    collections.Counter: Container("Counter", lambda extra: collections.Counter(), _flat, _fill_dict),
    collections.defaultdict: Container(
        "defaultdict",
        lambda extra: collections.defaultdict(None),
        lambda item: [item.default_factory, *_flat(item)],
        _fill_default,
    ),
    collections.deque: Container(
        "deque", lambda extra: collections.deque((), extra), list, _fill_deque, lambda item: item.maxlen
    ),
    bytearray: Container("bytearray", lambda extra: bytearray(), lambda item: [item.hex()], _fill_bytes),
    array.array: Container(
        "array", lambda extra: array.array(extra), lambda item: item.tolist(), _fill_array, lambda item: item.typecode
    ),
    types.SimpleNamespace: Container(
        "SimpleNamespace", lambda extra: types.SimpleNamespace(), lambda item: _flat(vars(item)), _fill_space
    ),
}
KINDS = {container.name: (kind, container) for kind, container in CONTAINERS.items()}


class Shared:
    """The containers that both sides know by number, and how they looked when the sides last agreed.

    Each side numbers its own: `first` is 1 or 2, every second number follows. Those that went over the line longest ago
    are forgotten first, so that looking through them stays cheap: a forgotten one arrives as a copy the next time.
    """

    MOST_ITEMS = 2_000
    LARGE = 500
    """Items: a larger one is looked through only when a call has come to its end."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._numbers: dict[int, int] = {}
        self._known: dict[int, tuple[Any, list[Any]]] = {}

    def number(self, item: Any, parts: list[Any]) -> int:
        """The number of a container that is being sent as `parts`."""
        number = self._numbers.get(id(item))
        if number is None:
            number = self._next
            self._next += 2
            self._numbers[id(item)] = number
        self._known[number] = (item, parts)
        return number

    def get(self, number: Any, kind: type) -> Any:
        """The container that the other side calls `number`; None where it is new. WireError where it is another kind."""
        if type(number) is not int:
            raise WireError("no number")
        known = self._known.get(number)
        if known is None:
            return None
        if type(known[0]) is not kind:
            raise WireError("a container that is of another kind")
        return known[0]

    def agree(self, number: int, item: Any, parts: list[Any]) -> None:
        """`item` has arrived and looks like this."""
        self._numbers[id(item)] = number
        self._known[number] = (item, parts)

    def changed(self, *, all_of_them: bool) -> list[Any]:
        """What this side has done something to since."""
        found: list[Any] = []
        for item, parts in self._known.values():
            if not all_of_them and len(parts) > self.LARGE:
                continue
            now = CONTAINERS[type(item)].parts(item)
            if len(now) != len(parts) or not all(map(operator.is_, now, parts)):
                found.append(item)
        return found

    def trim(self) -> None:
        """Forget the oldest."""
        if len(self._known) < 2:
            return
        total = sum(len(parts) + 1 for _, parts in self._known.values())
        for number in list(self._known):
            if total <= self.MOST_ITEMS:
                break
            item, parts = self._known.pop(number)
            del self._numbers[id(item)]
            total -= len(parts) + 1


# --- writing -------------------------------------------------------------------------------------------------------

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
        if kind in CONTAINERS:
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


# --- reading -------------------------------------------------------------------------------------------------------

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
        build = BUILDERS.get(node[0])
        if build is None:
            return self._other(self, node)
        return build(self, *node[1:])


def _same(mine: Any, theirs: Any) -> bool:
    return mine is theirs or (type(mine) is type(theirs) and type(mine) in SCALARS and mine == theirs)


SCALARS = {*DIRECT, int}


def _number(digits: str) -> int:
    if len(digits) > LONG_NUMBER:
        raise WireError("a number that is too long")
    return int(digits, 16)


def whole(value: Any) -> int:
    if type(value) is not int:
        raise WireError("no number")
    return value


def _zone(reader: Reader, value: Any) -> datetime.tzinfo | None:
    zone = reader.value(value)
    if zone is not None and not isinstance(zone, datetime.tzinfo):
        raise WireError("no time zone")
    return zone


def _path(reader: Reader, kind: str, text: str) -> Any:
    import pathlib

    if kind not in PATHS:
        raise WireError("no path")
    return getattr(pathlib, kind)(text)


def _uuid(reader: Reader, digits: str) -> Any:
    import uuid

    return uuid.UUID(hex=digits)


def _zone_info(reader: Reader, key: str) -> Any:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(key)
    except OSError as error:
        raise WireError("no such time zone") from error


def _keyed(reader: Reader, values: Any) -> Any:
    return dict(_pairs(reader.many(values))).items()


BUILDERS: dict[str, Callable[..., Any]] = {
    "int": lambda reader, digits: _number(digits),
    "tuple": lambda reader, values: tuple(reader.many(values)),
    "frozenset": lambda reader, values: frozenset(reader.many(values)),
    "complex": lambda reader, real, imaginary: complex(real, imaginary),
    "bytes": lambda reader, digits: bytes.fromhex(digits),
    "range": lambda reader, *ends: range(*map(_number, ends)),
    "slice": lambda reader, values: slice(*reader.many(values)),
    "...": lambda reader: ...,
    "NotImplemented": lambda reader: NotImplemented,
    "Decimal": lambda reader, digits: decimal.Decimal(digits),
    "Fraction": lambda reader, above, below: fractions.Fraction(_number(above), _number(below)),
    "date": lambda reader, *parts: datetime.date(*map(whole, parts)),
    "datetime": lambda reader, parts, fold, zone: datetime.datetime(
        *map(whole, parts), tzinfo=_zone(reader, zone), fold=whole(fold)
    ),
    "time": lambda reader, parts, fold, zone: datetime.time(
        *map(whole, parts), tzinfo=_zone(reader, zone), fold=whole(fold)
    ),
    "timedelta": lambda reader, *parts: datetime.timedelta(*map(whole, parts)),
    "timezone": lambda reader, offset, name: datetime.timezone(reader.value(offset), name),
    "keys": lambda reader, values: dict.fromkeys(reader.many(values)).keys(),
    "values": lambda reader, values: dict(enumerate(reader.many(values))).values(),
    "items": _keyed,
    "UUID": _uuid,
    "path": _path,
    "ZoneInfo": _zone_info,
}
