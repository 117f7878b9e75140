"""Classes of the set-up, which both sides run: on the line an object of one is an object of the other side's class.

So `isinstance`, `type(x) is`, `except` and the class's own methods work on both sides, and neither side's methods are
the other one's: the tests judge by theirs, whatever the program has made of its own.
"""

from __future__ import annotations

import abc
import ast
import enum
import types
import typing
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from . import containers, known, wire

_PLAIN_BASES: tuple[Any, ...] = (object, abc.ABC, typing.Generic, typing.Protocol)


def statements(setup: str) -> Iterator[types.CodeType]:
    """The statements of a set-up, each to be run for itself. Raises what `compile` raises."""
    body = ast.parse(setup, "<setup>").body
    futures = [node for node in body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    for node in body:
        if node not in futures:
            yield compile(ast.Module([*futures, node], []), "<setup>", "exec", dont_inherit=True)


class Twins:
    """This side's classes of the set-up, and bare `object()`s of its, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._arrived: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()

    def name_of(self, item: Any) -> str | None:
        """The name under which the other side has this class or object too."""
        return self._names.get(id(item))

    def get(self, name: str) -> Any:
        """This side's class or object of that name; None for none."""
        return self._by_name.get(name)

    def names(self) -> list[str]:
        """All of them."""
        return list(self._by_name)

    def add_all(self, space: Mapping[str, Any], module: str, fits: Callable[[Any], bool] | None = None) -> None:
        """Add what `space` has of `module`'s own and is not there yet. See containers.Container for `fits`."""
        for name, value in list(space.items()):
            own = type(value) is object or (
                isinstance(value, type) and vars(value).get("__module__") == module and _is_known_kind(value)
            )
            if own and not name.startswith("__") and self._by_name.get(name) is not value:
                self._add(name, value, fits)

    def _add(self, name: str, value: Any, fits: Callable[[Any], bool] | None) -> None:
        before = self._by_name.get(name)
        if before is not None:
            self._names.pop(id(before), None)
            containers.CONTAINERS.pop(before, None)
            wire.PLAIN.pop(before, None)
        self._by_name[name] = value
        if id(value) in self._names:  # a second name of it
            return
        self._names[id(value)] = name
        if not isinstance(value, type) or known.is_exception(value):
            return
        kind = f"setup {name}"
        if issubclass(value, enum.Enum):
            wire.PLAIN[value] = lambda writer, item: ["setup member", name, _member(item)]
        elif _is_plain(value):
            container = containers.Container(kind, lambda extra: self._born(value), _parts, _fill, fits=fits)
            containers.CONTAINERS[value] = container
            containers.KINDS[kind] = (value, container)
        elif (base := _value_base(value)) is not None:
            wire.PLAIN[value] = lambda writer, item: ["setup value", name, writer.value(known.bare(item, base))]

    def has_arrived(self, item: Any) -> bool:
        """Whether an object was made by the other side."""
        return self._arrived.get(id(item)) is item

    def _born(self, cls: type) -> Any:
        made = object.__new__(cls)
        if cls.__weakrefoffset__:
            self._arrived[id(made)] = made
        return made

    # --- what comes over the line ------------------------------------------------------------------------------------

    def member(self, name: str, which: Any) -> Any:
        """A member of an enumeration."""
        cls = self._by_name.get(name)
        if isinstance(cls, type) and issubclass(cls, enum.Flag) and type(which) is int:
            return cls(which)
        found = getattr(cls, "__members__", {}).get(which) if type(which) is str else None
        if found is None:
            raise containers.WireError("no such member")
        return found

    def value(self, name: str, bare: Any) -> Any:
        """An object of a class made from a value type."""
        cls = self._by_name.get(name)
        base = _value_base(cls) if isinstance(cls, type) else None
        if base is None or type(bare) is not base:
            raise containers.WireError("no such value")
        return base.__new__(cast("Any", cls), bare)

    def error(self, name: str, given: tuple[Any, ...], attributes: list[Any]) -> BaseException:
        """An exception as it is, without asking its class how one is made."""
        cls: Any = self._by_name.get(name)
        if not known.is_exception(cls):
            raise containers.WireError("no exception")
        made = cls.__new__(cls, *given)
        made.args = given
        _fill(made, attributes)
        return made


def attributes_of(item: Any) -> list[Any]:
    """The attributes of an object, names and values in turn."""
    return _parts(item)


def _is_known_kind(cls: type) -> bool:
    """Not a class that stands for one of the other side."""
    return type(cls) is type or isinstance(cls, abc.ABCMeta | enum.EnumMeta)


def _is_plain(cls: type) -> bool:
    """Whether an object of it is its attributes and nothing else."""
    own = cls.__module__
    return all(base in _PLAIN_BASES or base.__module__ == own for base in cls.__mro__) and not issubclass(cls, type)


def _value_base(cls: type) -> type | None:
    """The built-in type whose value is all that an object of it holds."""
    if cls.__dictoffset__:
        return None
    return next((base for base in known.VALUES if issubclass(cls, base)), None)


def _member(item: Any) -> Any:
    return item.value if isinstance(item, enum.Flag) else item.name


def _slots(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        found |= {name: held for name, held in vars(base).items() if type(held) is types.MemberDescriptorType}
    return found


def _parts(item: Any) -> list[Any]:
    parts: list[Any] = []
    for name, held in _slots(type(item)).items():
        try:
            parts += (name, held.__get__(item))
        except AttributeError:  # not set
            continue
    if type(item).__dictoffset__:
        for name, value in object.__getattribute__(item, "__dict__").items():
            parts += (name, value)
    return parts


def _fill(item: Any, parts: list[Any]) -> None:
    """Set attributes. What the class itself says, a method, is not replaced by what an object says."""
    cls = type(item)
    slots = _slots(cls)
    space: dict[str, Any] = object.__getattribute__(item, "__dict__") if cls.__dictoffset__ else {}
    space.clear()
    for name, value in containers.pairs(parts):
        if type(name) is not str:
            raise containers.WireError("no attribute")
        if name in slots:
            slots[name].__set__(item, value)
        elif not name.startswith("__") and not _is_method(cls, name):
            space[name] = value


def _is_method(cls: type, name: str) -> bool:
    return any(hasattr(type(vars(base)[name]), "__get__") for base in cls.__mro__ if name in vars(base))
