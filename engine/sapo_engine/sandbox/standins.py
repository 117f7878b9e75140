"""Stand-ins: objects of one process that stand for objects of the other one, and are used like them.

For each class of the other side a class is made here (its metaclass is `Kind`) that derives from the same exceptions
and built-in types and has exactly the special methods that the other one defines. Attributes, calls and operators go
over the line (`Border`), which decides what is asked and what is not.
"""

from __future__ import annotations

import abc
import types
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from . import known, specials


class Line(Protocol):
    """What a stand-in needs of the line between the two sides."""

    def get(self, item: Any, name: str) -> Any:
        """An attribute."""
        ...

    def set(self, item: Any, name: str, value: Any) -> None:
        """Set an attribute."""
        ...

    def delete(self, item: Any, name: str) -> None:
        """Delete an attribute."""
        ...

    def call(self, item: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Call it."""
        ...

    def call_method(self, item: Any, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Get an attribute and call it."""
        ...

    def find(self, item: Any, name: str) -> Any:
        """An attribute, really asked for."""
        ...

    def special(self, name: str, item: Any, given: Sequence[Any]) -> Any:
        """Call a special method (specials.OPERATIONS)."""
        ...

    def next(self, item: Any) -> Any:
        """The next item of an iterator."""
        ...

    def inherited(self, item: Any, owner: Any, name: str) -> Any:
        """The attribute `name` as the class `owner` defines it, for `item`."""
        ...

    def subclass(self, name: str, bases: tuple[Any, ...], space: dict[str, Any], named: Mapping[str, Any]) -> Any:
        """Make a class that derives from classes of the other side."""
        ...


_lines: list[Line] = []


def connect(line: Line) -> None:
    """Say over which line the stand-ins of this process go."""
    _lines[:] = [line]


def disconnect() -> None:
    """There is no line any more."""
    _lines.clear()


def _line() -> Line:
    return _lines[0]


_KEPT = {"args", "with_traceback", "add_note"}
"""What an exception's stand-in has itself."""


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _getattribute(self: Any, name: str) -> Any:
    if _is_dunder(name):
        return object.__getattribute__(self, name)
    return _line().get(self, name)


def _getattribute_of_error(self: Any, name: str) -> Any:
    if _is_dunder(name) or name in _KEPT:
        return object.__getattribute__(self, name)
    return _line().get(self, name)


def _getattr(self: Any, name: str) -> Any:
    return _line().get(self, name)


def _setattr(self: Any, name: str, value: Any) -> None:
    _line().set(self, name, value)


def _setattr_of_error(self: Any, name: str, value: Any) -> None:
    if _is_dunder(name) or name in _KEPT:
        object.__setattr__(self, name, value)
    else:
        _line().set(self, name, value)


def _delattr(self: Any, name: str) -> None:
    _line().delete(self, name)


def _special(name: str) -> Any:
    def call(self: Any, *given: Any, **named: Any) -> Any:
        return _line().call(self, given, named)

    def step(self: Any) -> Any:
        return _line().next(self)

    def special(self: Any, *given: Any) -> Any:
        return _line().special(name, self, given)

    return {"__call__": call, "__next__": step}.get(name, special)


_SPECIALS = {name: _special(name) for name in (*specials.NAMES, "__copy__", "__deepcopy__")}
_ATTRIBUTES: dict[str, Any] = {
    "__getattribute__": _getattribute,
    "__getattr__": _getattr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__dict__": property(lambda self: _line().get(self, "__dict__")),
    "__copy__": _SPECIALS["__copy__"],
    "__deepcopy__": _SPECIALS["__deepcopy__"],
}
_OF_ERRORS = {"__getattribute__": _getattribute_of_error, "__setattr__": _setattr_of_error}


class Kind(type):
    """The class of the classes that stand for classes of the other side."""

    def __new__(cls, name: str, bases: tuple[Any, ...], space: dict[str, Any], **named: Any) -> Any:
        """A class statement of this side with a stand-in among its bases."""
        return _line().subclass(name, bases, space, named)

    def __init__(cls, name: str, bases: tuple[Any, ...], space: dict[str, Any], **named: Any) -> None:
        super().__init__(name, bases, space)

    def __call__(cls, *given: Any, **named: Any) -> Any:
        """Make an object where the class is."""
        return _line().call(cls, given, named)

    def __getattribute__(cls, name: str) -> Any:
        if _is_dunder(name):
            return type.__getattribute__(cls, name)
        return _line().get(cls, name)

    def __getattr__(cls, name: str) -> Any:
        return _line().get(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        _line().set(cls, name, value)

    def __delattr__(cls, name: str) -> None:
        _line().delete(cls, name)

    def __bool__(cls) -> bool:
        return True

    def __iter__(cls) -> Any:
        return _line().special("__iter__", cls, ())

    def __len__(cls) -> int:
        return _line().special("__len__", cls, ())

    def __reversed__(cls) -> Any:
        return _line().special("__reversed__", cls, ())

    def __getitem__(cls, key: Any) -> Any:
        return _line().special("__getitem__", cls, (key,))

    def __contains__(cls, item: Any) -> bool:
        return _line().special("__contains__", cls, (item,))

    def __instancecheck__(cls, item: Any) -> bool:
        return type.__instancecheck__(cls, item) or bool(_line().special("__instancecheck__", cls, (item,)))

    def __subclasscheck__(cls, item: Any) -> bool:
        return type.__subclasscheck__(cls, item) or bool(_line().special("__subclasscheck__", cls, (item,)))


_ROOT: type = type.__new__(Kind, "StandIn", (), dict(_ATTRIBUTES))


class Inherited:
    """A method as a class of the other side defines it: what `super()` finds on the way up."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.owner: Any = None

    def __get__(self, item: Any, cls: Any = None) -> Any:
        return _line().inherited(item, self.owner, self.name)


def is_kind(value: Any) -> bool:
    """Whether `value` is a class that stands for another one."""
    return type(value) is Kind


def make_class(
    name: str,
    bases: Sequence[Any],
    wanted: Sequence[str],
    methods: Sequence[str],
    doc: str | None,
    shown: type | None,
    set_up: Sequence[type] = (),
) -> type:
    """The class that stands for another one; see specials.defined_by for `wanted`.

    `bases` are exceptions, built-in types, other such classes, or abstract classes of the standard library, of which it
    only becomes a registered subclass. `shown` is what its objects say is their class. `set_up` are those of `bases`
    that both sides have.
    """
    native = {id(base) for base in (*known.VALUES, *known.FILLED)}
    native |= {id(base) for base in set_up if type(base) is type}
    real = [base for base in bases if is_kind(base) or id(base) in native or known.is_exception(base)]
    error = any(known.is_exception(base) for base in real)
    space: dict[str, Any] = {"__module__": "program", "__doc__": doc, **_ATTRIBUTES, **(_OF_ERRORS if error else {})}
    passed_on = [Inherited(method) for method in methods]
    space |= {method.name: method for method in passed_on}
    for entry in wanted:
        ruled_out = entry.startswith("-")
        space[entry.lstrip("-")] = None if ruled_out else _SPECIALS[entry]
    if shown is not None:
        space["__class__"] = property(lambda self: shown)
    if not any(is_kind(base) for base in real):
        real.append(_ROOT)
    try:
        made = type.__new__(Kind, name, tuple(real), space)
    except TypeError:  # layouts or orders that do not go together here
        made = type.__new__(Kind, name, (_ROOT,), space)
    for method in passed_on:
        method.owner = made
    for base in bases:
        if isinstance(base, abc.ABCMeta) and (known.name_of(base) or base in set_up):
            base.register(made)
    return made


def make_object(cls: type, value: Any = None) -> Any:
    """An object of such a class; `value` where it is made from a type that is a value."""
    for base in known.VALUES:
        if issubclass_of(cls, base):
            return base.__new__(cls, value)
    native: Any = next((base for base in known.FILLED if issubclass_of(cls, base)), object)
    return native.__new__(cls)


def make_error(cls: type[BaseException], given: tuple[Any, ...]) -> BaseException:
    """An exception, whatever its class wants to be told when it is made."""
    if not is_kind(cls):
        try:
            made = cls(*given)
            if type(made) is cls:
                return made
        except Exception:  # its arguments are others than what it keeps of them
            pass
    made = cls.__new__(cls, *given)
    made.args = given
    return made


def issubclass_of(cls: type, base: type) -> bool:
    """issubclass, asking nobody else."""
    return base in type.__getattribute__(cls, "__mro__")


class Function:
    """A function or method of the other side."""

    __slots__ = ("__weakref__", "_told_name")
    # What isinstance is told.
    __class__ = property(lambda self: types.FunctionType)  # pyright: ignore

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_told_name", name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call it where it is."""
        return _line().call(self, given, named)

    def __get__(self, item: Any, cls: Any = None) -> Any:
        return self if item is None else types.MethodType(self, item)

    def __getattribute__(self, name: str) -> Any:
        if name in _FUNCTIONS_OWN:
            return object.__getattribute__(self, name)
        return _line().get(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _line().set(self, name, value)

    def __delattr__(self, name: str) -> None:
        _line().delete(self, name)

    def __eq__(self, other: object) -> bool:
        """Methods of one object are equal, however often they are looked up."""
        if type(other) is Method:
            other = method_itself(other)
        if self is other or type(other) is not Function:
            return self is other
        return bool(_line().special("__eq__", self, (other,)))

    def __hash__(self) -> int:
        return _line().special("__hash__", self, ())

    def __repr__(self) -> str:
        return f"<function {object.__getattribute__(self, '_told_name')}>"

    def __copy__(self) -> Function:
        return self

    def __deepcopy__(self, memo: Any) -> Function:
        return self


_FUNCTIONS_OWN = frozenset(dir(Function)) - {"__doc__", "__module__", "__dict__", "__name__", "__slots__", "_told_name"}


class Method:
    """A method that has not been asked for yet: that is done when it is called, in one go, or when it is looked at.

    Made where the same attribute of another object of the class was a method. If it is something else after all, it is
    used as that.
    """

    __slots__ = ("_found", "_item", "_name")
    __class__ = property(lambda self: method_itself(self).__class__)  # pyright: ignore

    def __init__(self, item: Any, name: str) -> None:
        self._item: Any = item
        self._name = name
        self._found: Any = _UNKNOWN

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call it where it is."""
        if self._found is not _UNKNOWN:
            return self._found(*given, **named)
        return _line().call_method(self._item, self._name, given, named)

    def __getattr__(self, name: str) -> Any:
        return getattr(method_itself(self), name)

    def __hash__(self) -> int:
        return hash(method_itself(self))


_UNKNOWN = object()


def method_itself(method: Any) -> Any:
    """What a Method stands for."""
    if method._found is _UNKNOWN:
        method._found = _line().find(method._item, method._name)
    return method._found


def _looking(name: str) -> Any:
    operation = specials.OPERATIONS[name]

    def look(self: Any, *given: Any) -> Any:
        return operation(method_itself(self), *given)

    return look


for _name in specials.OPERATIONS:
    if _name not in specials.FRUITLESS and _name not in ("__hash__", "__next__"):
        setattr(Method, _name, _looking(_name))
