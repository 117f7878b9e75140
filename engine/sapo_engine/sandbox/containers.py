"""Containers that can be changed: how they go over the line, and how both sides keep theirs alike."""

from __future__ import annotations

import array
import collections
import itertools
import operator
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast


class WireError(Exception):
    """A message that is none."""


@dataclass(frozen=True)
class Container:
    """A kind of container: how an empty one is made, taken apart into a flat list, and filled from one.

    `fits` says of one whether it may be sent so.
    """

    name: str
    make: Callable[[Any], Any]
    parts: Callable[[Any], list[Any]]
    fill: Callable[[Any, list[Any]], None]
    extra: Callable[[Any], Any] = lambda item: None
    fits: Callable[[Any], bool] | None = None


def pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    """Keys with values, of a flat list of both."""
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
    for key, value in pairs(parts):
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


def _empty_deque(most: int | None) -> collections.deque[Any]:
    return collections.deque[Any]((), most)


def _empty_array(code: str) -> Any:
    return array.array(code)  # pyright: ignore[reportDeprecated, reportUnknownVariableType]  # only "u" is


def _fill_space(item: types.SimpleNamespace, parts: list[Any]) -> None:
    _fill_dict(vars(item), parts)


def _flat(item: dict[Any, Any]) -> list[Any]:
    return list(itertools.chain.from_iterable(dict.items(item)))


CONTAINERS: dict[type, Container] = {
    list: Container("list", lambda extra: [], list, _fill_list),
    set: Container("set", lambda extra: set[Any](), list, _fill_set),
    dict: Container("dict", lambda extra: {}, _flat, _fill_dict),
    collections.OrderedDict: Container(
        "OrderedDict",
        lambda extra: collections.OrderedDict[Any, Any](),
        lambda item: list(itertools.chain.from_iterable(item.items())),
        lambda item, parts: (item.clear(), item.update(pairs(parts)))[1],
    ),
    collections.Counter: Container("Counter", lambda extra: collections.Counter[Any](), _flat, _fill_dict),
    collections.defaultdict: Container(
        "defaultdict",
        lambda extra: collections.defaultdict[Any, Any](None),
        lambda item: [item.default_factory, *_flat(item)],
        _fill_default,
    ),
    collections.deque: Container("deque", _empty_deque, list, _fill_deque, lambda item: item.maxlen),
    bytearray: Container("bytearray", lambda extra: bytearray(), lambda item: [item.hex()], _fill_bytes),
    array.array: Container("array", _empty_array, lambda item: item.tolist(), _fill_array, lambda item: item.typecode),
    types.SimpleNamespace: Container(
        "SimpleNamespace", lambda extra: types.SimpleNamespace(), lambda item: _flat(vars(item)), _fill_space
    ),
}
KINDS = {container.name: (kind, container) for kind, container in CONTAINERS.items()}


class Shared:
    """The containers that both sides know by number, and how they looked when the sides last agreed.

    Each side numbers its own: `first` is 1 or 2, every second number follows. One that this side alone still holds for
    the other one's sake is forgotten, and so are those that went over the line longest ago where there are too many to
    look through for each message: such a one arrives as a copy the next time. What is forgotten is told, so that
    neither side goes on sending what nobody sees.
    """

    MOST_ITEMS = 1_000
    LARGE = 500
    """Items: a larger one is looked through only when a call has come to its end."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._numbers: dict[int, int] = {}
        self._known: dict[int, tuple[Any, list[Any]]] = {}
        self._forgotten: list[int] = []

    def number(self, item: Any, parts: list[Any]) -> int:
        """The number of a container that is being sent as `parts`."""
        number = self._numbers.get(id(item))
        if number is None:
            number = self._next
            self._next += 2
            self._numbers[id(item)] = number
        self._known[number] = (item, parts)
        return number

    def knows(self, item: Any) -> bool:
        """Whether the other side has it under a number."""
        return id(item) in self._numbers

    def get(self, number: Any, kind: type) -> Any:
        """The container that the other side calls `number`; None where it is new. WireError where the kind differs."""
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
        if number in self._forgotten:  # and was not told yet: the other side has gone on with it
            self._forgotten.remove(number)
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
        """Forget what nobody here holds any more, and the oldest of too many."""
        total = 0
        for number in [*self._known]:
            entry = self._known[number]
            if sys.getrefcount(entry[0]) <= _ALONE:
                self._forget(number)
            else:
                total += len(entry[1]) + 10
        if total > self.MOST_ITEMS:
            for number in [*self._known]:
                total -= len(self._known[number][1]) + 10
                self._forget(number)
                if total <= self.MOST_ITEMS:
                    break

    def _forget(self, number: int) -> None:
        item, _ = self._known.pop(number)
        del self._numbers[id(item)]
        self._forgotten.append(number)

    def forgotten(self) -> list[int]:
        """What the other side is to forget too, since the last time."""
        found, self._forgotten = self._forgotten, []
        return found

    def hear(self, numbers: Any) -> None:
        """Forget what the other side has forgotten."""
        if not isinstance(numbers, list):
            raise WireError("no numbers")
        for number in cast("list[Any]", numbers):
            known = self._known.pop(number, None) if type(number) is int else None
            if known is not None:
                del self._numbers[id(known[0])]


def _references() -> int:
    table = {0: ([], 0)}
    entry = table[0]
    return sys.getrefcount(entry[0])


_ALONE = _references()
"""References to a container that only the table holds."""
