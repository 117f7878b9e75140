"""The checker's side of the border: what a candidate may ask about the tests' objects, and what it is never asked.

A question between two of the candidate's own objects is the candidate's to answer, and so is what they hold. Whether
one of them equals, exceeds or contains a value of the test's is not: it would be told the expected value and asked to
say yes. Such a question is answered here, by plain data.
"""

from __future__ import annotations

import builtins
import collections.abc
import operator
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from . import border, containers, coroutines, known, specials, standins, twins, wire

TESTS = "tests"
"""The module that tests, set-up and header stand in."""

ASKING = frozenset(
    (
        *("startswith", "endswith", "issubset", "issuperset", "isdisjoint", "difference", "symmetric_difference"),
        *("count", "find", "rfind", "index"),
    )
)
"""Methods of built-in types that a test calls with an expected value."""
_DIFFERENCES = {f"__{form}{name}__" for name in specials.DIFFERENCES for form in ("", "r", "i")}
_MAKING_PLAIN = {
    *("__bool__", "__len__", "__int__", "__float__", "__complex__", "__index__", "__abs__", "__round__", "__trunc__"),
    *("__floor__", "__ceil__", "__bytes__", "__iter__", "__contains__", "__format__", "__next__"),
}
_KEEPING = {"__neg__", "__pos__", "__invert__", "__copy__", "__deepcopy__"}
_CLOSED = (
    *(*border.FUNCTIONS, types.ModuleType, types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType),
    *(types.FrameType, types.CodeType, types.TracebackType),
)
_OF_CLASS_STATEMENTS = ("__module__", "__qualname__", "__classdictcell__", "__static_attributes__", "__firstlineno__")
"""What Python itself puts into the body of a class."""
MOST_PAIRS = 8
FAR = 1_000_003
"""A step from a value to one that is hardly in the same set."""

Constructed = tuple[Any, tuple[Any, ...], dict[str, Any]]


class Guard(border.Border):
    """The border as the checker has it.

    `about` says later which classes the tests are about: their objects' operators may meet values of the tests. `hides`
    says of an exception in a with-statement whether swallowing it would pass over an assertion. `fault` is why the
    program cannot be right any more, whatever its tests catch. `caught`: an assertion of the test's has failed in a
    call-back.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        receive: Callable[[], bytes],
        hides: Callable[[BaseException, Any], bool],
    ) -> None:
        super().__init__(1)
        self._send_line = send
        self._receive_line = receive
        self._classes: frozenset[str] = frozenset()
        self._hides = hides
        self.fault = ""
        self.caught = False
        self.last: Any = None
        self._differences: set[int | None] = set()
        self._constructed: dict[int | None, Constructed] = {}
        self._equal: list[tuple[Any, Any]] = []
        self._handlers |= {"input": _input, "stdin": _stdin}

    def about(self, classes: Sequence[str]) -> None:
        """Say which classes, by name."""
        self._classes = frozenset(classes)

    # --- the line ----------------------------------------------------------------------------------------------------

    def send_line(self, line: bytes) -> None:
        """See Border."""
        try:
            self._send_line(line)
        except OSError as error:
            raise self.broken("the program ended by itself") from error

    def receive_line(self) -> bytes:
        """See Border."""
        try:
            line = self._receive_line()
        except OSError:
            line = b""
        if not line:
            raise self.broken("the program ended by itself")
        if not line.endswith(b"\n"):
            raise self.broken("the program's answer is too long")
        return line

    def broken(self, why: str) -> border.BrokenError:
        """See Border: it is broken for good."""
        self.fault = self.fault or why
        return border.BrokenError(why)

    def uncarried(self, error: Exception) -> None:
        """See Border: what a call-back of the test's gave."""
        self.fault = self.fault or f"the sandbox cannot carry this test: {error}"

    def ask(self, do: str, *values: Any) -> Any:
        """See Border."""
        try:
            return super().ask(do, *values)
        except wire.UncarriedError as error:
            raise self.broken(f"the sandbox cannot carry this test: {error}") from error

    def raised(self, do: str, error: BaseException) -> BaseException:
        """See Border. What would end a loop of the test's as if all were well is another error."""
        if isinstance(error, StopIteration | StopAsyncIteration) and do not in ("next", "resume"):
            return RuntimeError(f"the program raised {type(error).__name__}")
        if isinstance(error, GeneratorExit):
            return RuntimeError("the program raised GeneratorExit")
        return error

    def do(self, do: Any, values: Sequence[Any]) -> Any:
        """See Border. An assertion that fails in a call-back has failed, whatever the program makes of it."""
        try:
            return super().do(do, values)
        except AssertionError as error:
            self.caught = self.caught or self.number_of(error) is None
            raise

    def hear(self, message: border.Message) -> None:
        """See Border: what the program has printed goes where the test wants it."""
        for name, stream in (("out", sys.stdout), ("err", sys.stderr)):
            text = message.get(name)
            if isinstance(text, str):
                stream.write(text)

    # --- what the candidate may ask ----------------------------------------------------------------------------------

    def allow(self, do: str, values: Sequence[Any]) -> None:
        """See Border: only about objects that it was given, and nothing that leads from them into the tests."""
        match do, values:
            case ("input", [str()]) | ("stdin", ["readline" | "read", int()]):
                return
            case ("call" | "resume", [item, tuple(), *_]) if self.is_mine(item):
                return
            case ("method", [item, str(name), tuple(), *_]) if self.is_mine(item) and _is_open(item, name):
                return
            case ("next", [item, int()]) if self.is_mine(item):
                return
            case ("special", [str(name), item, tuple()]) if self.is_mine(item) and name != "__dir__":
                if name in specials.OPERATIONS:
                    return
            case ("get", [item, str(name)]) if self.is_mine(item) and _is_open(item, name):
                return
            case ("get", [types.CoroutineType() as item, name]) if self.is_mine(item) and name in coroutines.METHODS:
                return
            case ("set", [item, str(name), _]) | ("delete", [item, str(name)]) if self.is_mine(item):
                if _is_open(item, name) and _of_tests(type(item)):
                    return
            case _:
                pass
        named = values[1] if len(values) > 1 and isinstance(values[1], str) else do
        raise AttributeError(f"{named} of an object of the test's cannot be reached")

    def permit(self, item: Any) -> tuple[str, str] | None:
        """See Border: nothing that leads into the tests themselves; the library's own the candidate imports itself."""
        if isinstance(item, types.FrameType | types.CodeType | types.TracebackType):
            raise wire.UncarriedError(f"a {type(item).__name__} cannot be sent to the program")
        if isinstance(item, types.ModuleType):
            return (item.__name__, "") if known.is_library(item.__name__) else None
        if isinstance(item, types.MethodDescriptorType | types.WrapperDescriptorType | types.ClassMethodDescriptorType):
            return item.__objclass__.__module__, item.__qualname__  # str.format would be a way into what it is given
        if isinstance(item, types.FunctionType | types.BuiltinFunctionType | type):
            owner = getattr(item, "__self__", None)
            if isinstance(item, types.BuiltinFunctionType) and not isinstance(owner, types.ModuleType | None):
                return None  # a method of a value: items.append
            module, name = str(item.__module__), item.__qualname__
            if module != TESTS and known.found_in(module, name) is item:
                return module, name
        return None

    def is_open_whole(self, item: Any) -> bool:
        """Whether all of an object of the set-up's classes may go over: the program made it, or nothing is private."""
        if self.twins.has_arrived(item) or self.shared.knows(item):
            return True
        return not any(name.startswith("_") for name in twins.attributes_of(item)[::2])

    def imported(self, module: str, name: str) -> Any:
        """See Border: the candidate names nothing for the checker to import."""
        raise containers.WireError("no value")

    # --- what the candidate is asked ---------------------------------------------------------------------------------

    def get(self, item: Any, name: str) -> Any:
        """See standins.Line."""
        if name in ASKING and not self._is_named(item):
            base = _native(item)
            if base in known.VALUES:
                return getattr(base, name).__get__(item)
            if base is not None:
                return getattr(self._contents(item), name)
            raise AttributeError(f"{name} of an object that the tests do not name")
        return super().get(item, name)

    def call(self, item: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """See standins.Line."""
        remembered = standins.is_kind(item) and self.depth == 0 and all(map(_is_simple, (*given, *named.values())))
        copied = (item, tuple(map(_copied, given)), {k: _copied(v) for k, v in named.items()}) if remembered else None
        found = super().call(item, given, named)
        if self.depth == 0:
            self.last = found
        number = self.number_of(found)
        if copied is not None and number is not None:
            self._constructed.setdefault(number, copied)
        return found

    def call_method(self, item: Any, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """See standins.Line."""
        found = super().call_method(item, name, given, named)
        if self.depth == 0:
            self.last = found
        return found

    def special(self, name: str, item: Any, given: Sequence[Any]) -> Any:
        """See standins.Line."""
        if name in specials.COMPARISONS:
            return self._compare(name, item, given[0])
        if name in specials.BINARY:
            return self._calculate(name, item, given)
        number = self.number_of(item)
        if number in self._differences and name in _MAKING_PLAIN and (name != "__format__" or given[0]):
            raise TypeError(f"{name} of what an operator made of a value of the test's is not asked")
        if name == "__contains__" and self.number_of(given[0]) is None:
            return self._contains(item, given[0])
        leaving = name in ("__exit__", "__aexit__")
        found = super().special(name, item, (*given[:2], None) if leaving else given)
        if name in _KEEPING and number in self._differences:
            self._differences.add(self.number_of(found))
        if leaving and given[0] is not None and found:
            return not self._hides(given[1], given[2])
        return found

    def subclass(self, name: str, bases: tuple[Any, ...], space: dict[str, Any], named: Mapping[str, Any]) -> Any:
        """See standins.Line. The methods stay the test's; the class is made where its bases are."""
        cell = space.pop("__classcell__", None)
        entries = {entry: _entry(value) for entry, value in space.items() if entry not in _OF_CLASS_STATEMENTS}
        made = self.ask("subclass", name, bases, entries, dict(named))
        if cell is not None:
            cell.cell_contents = made
        return made

    def _is_named(self, item: Any) -> bool:
        """Whether the tests are about this object's class."""
        cls = item if standins.is_kind(item) else type(item)
        mro = type.__getattribute__(cls, "__mro__") if standins.is_kind(cls) else ()
        return any(base.__name__ in self._classes for base in mro if standins.is_kind(base))

    def _contents(self, item: Any) -> Any:
        """What a container of a class of the program's holds, as a plain one."""
        found = self.ask("contents", item)
        if type(found) not in (list, dict, set, str):
            raise self.broken("its contents are none")
        return found

    def _compare(self, name: str, item: Any, other: Any) -> Any:
        if self.number_of(other) is None:
            base = _native(item)
            if base in known.VALUES:
                return getattr(base, name)(item, other)
            if base is not None or _is_container_like(item, other):
                return specials.COMPARISONS[name](self._contents(item), other)
            return NotImplemented
        if name not in ("__eq__", "__ne__"):
            if not (self._is_named(item) or self._is_named(other)):
                return NotImplemented
            found = super().special(name, item, (other,))
            if name in ("__lt__", "__gt__") and found and self._holds(name, other, item):
                return False  # each before the other: no order
            return found
        found = super().special(name, item, (other,))
        equal = bool(found) == (name == "__eq__")
        if not equal:
            return found
        if self._equals_anything(item):
            return name == "__ne__"
        if len(self._equal) < MOST_PAIRS:
            self._equal += [(a, b) for a, b in ((item, other), (other, item)) if self.number_of(b) in self._constructed]
        return found

    def _equals_anything(self, item: Any) -> bool:
        """Whether it is equal to an object that nobody has seen before."""
        return self._holds("__eq__", item, object())

    def _holds(self, name: str, item: Any, value: Any) -> bool:
        """Whether a question is answered with yes, and not with an exception."""
        try:
            return bool(super().special(name, item, (value,)))
        except Exception:
            return False

    def _calculate(self, name: str, item: Any, given: Sequence[Any]) -> Any:
        numbers = [self.number_of(value) for value in (item, *given)]
        told = None in numbers
        if told and not self._is_named(item):
            base = _native(item)
            method = getattr(base, name, None) if base in known.VALUES else None
            return method(item, *given) if method is not None else NotImplemented
        found = super().special(name, item, given)
        if (told and name in _DIFFERENCES) or not self._differences.isdisjoint(n for n in numbers if n is not None):
            parts = cast("tuple[Any, ...]", found) if type(found) is tuple else (found,)  # divmod gives two
            made = {self.number_of(part) for part in parts}
            if None in made or not made:
                raise TypeError(f"{name} makes plain data of a value of the test's, which is not asked")
            self._differences |= made
        return found

    def _contains(self, item: Any, value: Any) -> bool:
        """Whether it holds a value of the test's; what seems to hold everything holds nothing."""
        if self._is_named(item):
            if not super().special("__contains__", item, (value,)):
                return False
            unlike = [_changed(value, step) for step in (1, 2, 5, FAR)] if _is_simple(value) else []
            others = [other for other in unlike if other != value]
            if others and all(self._holds("__contains__", item, other) for other in others):
                return False
            return not self._holds("__contains__", item, object())
        base = _native(item)
        if base in known.VALUES:
            return getattr(base, "__contains__")(item, value)  # noqa: B009  # not every one of them has it
        return any(found is value or found == value for found in item)

    # --- at the end --------------------------------------------------------------------------------------------------

    def doubt(self) -> str:
        """Once all tests have passed: what their equal objects have to do with what they hold. Empty where enough.

        Objects like the ones that the tests made, of other values, are compared with those that were equal to them.
        """
        for other, made in self._equal[:MOST_PAIRS]:
            cls, given, named = self._constructed[self.number_of(made)]
            unlike: list[bool] = []
            for step in (1, 2, 5):
                changed = tuple(_changed(value, step) for value in given)
                changed_named = {name: _changed(value, step) for name, value in named.items()}
                if (changed, changed_named) == (given, named):
                    break
                try:
                    decoy = super().call(cls, changed, changed_named)
                    unlike.append(not super().special("__eq__", other, (decoy,)))
                except Exception:  # not every value makes an object
                    continue
            if len(unlike) > 1 and not any(unlike):
                return f"objects of {cls.__name__} are equal whatever they are made of"
        return ""


def _of_tests(cls: Any) -> bool:
    return getattr(cls, "__module__", "") == TESTS


def _is_open(item: Any, name: str) -> bool:
    """Whether a candidate may look at an attribute: public ones of what the test gave it, no way out of it."""
    if name.startswith("_") or not name.isidentifier():
        return False
    if isinstance(item, type):
        return _of_tests(item)
    return not isinstance(item, _CLOSED)


def _native(item: Any) -> type | None:
    """The built-in type that the class of a stand-in is made from."""
    for base in (*known.VALUES, list, dict):
        if standins.issubclass_of(type(item), base):
            return base
    return None


def _is_container_like(item: Any, other: Any) -> bool:
    """Whether its class says that it is a mapping, a set or a sequence as `other` is one."""
    for abstract, plain in (
        (collections.abc.Mapping, (dict,)),
        (collections.abc.Set, (set, frozenset)),
        (collections.abc.Sequence, (list, str)),
    ):
        if type(other) in plain and issubclass(type(item), abstract):
            return True
    return False


def _is_simple(value: Any) -> bool:
    kind = type(value)
    return kind in wire.SCALARS or (kind in (list, tuple) and len(value) < 100 and all(map(_is_simple, value)))


def _copied(value: Any) -> Any:
    return [_copied(item) for item in value] if type(value) is list else value


def _changed(value: Any, step: int) -> Any:
    """Another value of the same kind."""
    match value:
        case bool() | None:
            return value
        case int() | float():
            return value + step
        case str():
            return f"{value}~{step}"
        case _:
            return type(value)(_changed(item, step) for item in value)


def _entry(value: Any) -> tuple[str, Any]:
    """An entry of a class body, as candidate._subclass takes it."""
    if isinstance(value, staticmethod):
        return ("static", cast("Any", value).__func__)
    if isinstance(value, classmethod):
        return ("class", cast("Any", value).__func__)
    if isinstance(value, property):
        return ("property", (value.fget, value.fset, value.fdel))
    return ("plain", value)


def _input(prompt: str) -> str:
    found = builtins.input(prompt)
    return found if type(found) is str else str(found)


def _stdin(how: str, size: int) -> str:
    found = operator.attrgetter(how)(sys.stdin)(size)
    return found if type(found) is str else str(found)
