"""The border between checker and candidate: requests and answers in both directions over one line.

One side asks, the other answers, and may ask back before it does (a call-back). Each side keeps its own objects and
names them by number; `standins` are what it has of the other's. The checker adds what it refuses (checker.py).
"""

from __future__ import annotations

import _thread
import collections
import itertools
import json
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from . import containers, coroutines, known, specials, standins, twins, wire

FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
)
SINGLY, MOST_AHEAD, AHEAD_SECONDS = 64, 256, 0.002
"""Items of an iterator are asked for one by one at first, then so many together as are there within this time."""
RESUMING = ("send", "throw", "__next__")
"""Methods that say by StopIteration that a generator has come to its end."""
WRITING_DEPTH = 6_000
LONGEST_TEXT = 10_000
"""Characters of an argument of an exception."""

Message = dict[str, Any]
_encoded = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class BrokenError(BaseException):
    """The line has ended, or something came over it that is no message. No `except Exception` may hide it."""


class KindOf:
    """A class of the standard library as the class of an object: told in full, not by its name."""

    def __init__(self, cls: type) -> None:
        self.cls = cls


class Border:
    """One side of it. `first` is 1 or 2: whose numbers are odd. Implements standins.Line."""

    def __init__(self, first: int) -> None:
        self.shared = containers.Shared(first)
        self.twins = twins.Twins()
        self.lock = _thread.RLock()  # threading would be work after every fork
        self.depth = 0
        self._asked = 0
        self._numbers = itertools.count(1)
        self._mine: dict[int, int] = {}
        self._kept: dict[int, Any] = {}
        self._new: list[int] = []
        self._kinds: dict[type, KindOf] = {}
        self._theirs: dict[int, Any] = {}
        self._theirs_by_identity: dict[int, int] = {}
        self._ahead: dict[int, collections.deque[Any]] = {}
        self._taken: collections.Counter[int] = collections.Counter()
        self._methods: set[tuple[Any, str]] = set()
        self._resuming: set[int | None] = set()
        self._late: dict[int, BaseException] = {}
        self._handlers: dict[str, Callable[..., Any]] = {
            "get": coroutines.get,
            "set": setattr,
            "delete": delattr,
            "call": _called,
            "method": _method,
            "resume": _called,
            "special": _special,
            "next": self._next_items,
        }

    # --- for each side to say ----------------------------------------------------------------------------------------

    def send_line(self, line: bytes) -> None:
        """Write a line."""
        raise NotImplementedError

    def receive_line(self) -> bytes:
        """Read a line. Raises BrokenError where there is none."""
        raise NotImplementedError

    def allow(self, do: str, values: Sequence[Any]) -> None:
        """Raises what the other side is told where it may not ask this."""

    def permit(self, item: Any) -> tuple[str, str] | None:
        """Raises UncarriedError for an object that the other side may not have.

        Module and name where it is to import one of its own instead.
        """

    def uncarried(self, error: Exception) -> None:
        """An answer of this side could not be sent."""

    def add_to(self, message: Message) -> None:
        """What else goes with every message."""

    def hear(self, message: Message) -> None:
        """What else came with a message."""

    def is_mine(self, item: Any) -> bool:
        """Whether the other side has heard of this object."""
        return id(item) in self._mine

    def at_home(self, name: str) -> type | None:
        """A class of this side that stands for the other side's class of that name."""
        found = self.twins.get(name)
        return found if isinstance(found, type) else None

    def new_function(self, name: str, doc: str | None) -> Any:
        """A stand-in for a function."""
        return standins.Function(name)

    # --- asking ------------------------------------------------------------------------------------------------------

    def ask(self, do: str, *values: Any) -> Any:
        """Ask the other side; its answer, or the exception that it raised."""
        with self.lock:
            self.depth += 1
            try:
                self._asked += 1
                number = self._asked
                self._send({"do": do, "id": number}, values, all_changes=self.depth == 1)
                while True:
                    message, found = self.receive()
                    if "do" in message:
                        self.answer(message, found)
                        continue
                    if message.get("to") != number or len(found) != 1:
                        raise self.broken("it answered what it was not asked")
                    if not message.get("raised"):
                        return found[0]
                    if not isinstance(found[0], BaseException):
                        raise self.broken("it raised what is no exception")
                    raise self.raised(do, found[0])
            finally:
                self.depth -= 1
                if self.depth == 0:
                    self.shared.trim()

    def broken(self, why: str) -> BrokenError:
        """What to raise where the line is of no use any more."""
        return BrokenError(why)

    def raised(self, do: str, error: BaseException) -> BaseException:
        """What is raised here where the other side raised `error`."""
        return error

    def answer(self, message: Message, values: Sequence[Any]) -> None:
        """Do what the other side asks, and tell it what came of it."""
        number = message.get("id")
        self.depth += 1
        outermost = self.depth == 1
        try:
            told: Message = {"to": number}
            try:
                found = self.do(message["do"], values)
            except BrokenError:
                raise
            except BaseException as error:  # whatever it is, it is the asker's to hear
                told, found = {"to": number, "raised": True}, error
            try:
                self._send(told, [found], all_changes=outermost)
            except (wire.UncarriedError, MemoryError, RecursionError) as error:
                self.uncarried(error)
                why = TypeError(str(error)[:LONGEST_TEXT])
                self._send({"to": number, "raised": True}, [why], all_changes=False)
        finally:
            self.depth -= 1
            if outermost:
                self.shared.trim()

    def do(self, do: Any, values: Sequence[Any]) -> Any:
        """Do what the other side asks. Raises what it is to hear."""
        if do not in self._handlers:
            raise PermissionError("no such request")
        self.allow(do, values)
        return self._handlers[do](*values)

    def _send(self, message: Message, values: Sequence[Any], *, all_changes: bool) -> None:
        with self.lock:
            self.send_line(self._written(message, values, all_changes=all_changes))

    def _written(self, message: Message, values: Sequence[Any], *, all_changes: bool) -> bytes:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, WRITING_DEPTH))
        self._new = []
        try:
            changed = self.shared.changed(all_of_them=all_changes)
            writer = wire.Writer(self.shared, self._node)
            message["v"] = writer.write([*values, *changed])
            message["c"] = len(changed)
            forgotten = self.shared.forgotten()
            if forgotten:
                message["f"] = forgotten
            message["n"] = writer.nodes
            self.add_to(message)
            return _encoded(message).encode() + b"\n"
        except BaseException:
            for number in self._new:  # the other side will not have heard of them
                del self._mine[id(self._kept.pop(number))]
            raise
        finally:
            sys.setrecursionlimit(before)

    def receive(self) -> tuple[Message, list[Any]]:
        """The next message and its values."""
        line = self.receive_line()
        try:
            loaded = json.loads(line.decode())
        except (ValueError, RecursionError, MemoryError) as error:
            raise self.broken("its answer is no answer") from error
        if not isinstance(loaded, dict):
            raise self.broken("its answer is no answer")
        message = cast("Message", loaded)
        self.hear(message)
        try:
            self.shared.hear(message.get("f", []))
            found = wire.Reader(message.get("n"), self.shared, self._object).read(message.get("v"))
            return message, found[: len(found) - wire.whole(message.get("c"))]
        except containers.WireError as error:
            raise self.broken(f"its answer is no answer: {error}") from error

    # --- objects over the line ---------------------------------------------------------------------------------------

    def number_of(self, item: Any) -> int | None:
        """The number of a stand-in; None for everything else."""
        return self._theirs_by_identity.get(id(item))

    def _node(self, writer: wire.Writer, item: Any) -> wire.Node:
        """See wire.Writer."""
        if type(item) is standins.Method:
            return self._node(writer, standins.method_itself(item))
        theirs = self._theirs_by_identity.get(id(item))
        if theirs is not None:
            unread = self._ahead.pop(theirs, None)
            return ["yours", theirs, writer.many(list(unread))] if unread else ["yours", theirs]
        mine = self._mine.get(id(item))
        if mine is not None:
            return ["mine", mine]
        if isinstance(item, KindOf):
            return self._class_node(writer, item, item.cls)
        twin = self.twins.name_of(item)
        if twin is not None:
            return ["setup", twin]
        name = known.name_of(item)
        if name is not None:
            return ["std", name]
        if known.is_exception(item) and (found := known.library_name(item)) is not None:
            return ["exception", *found]
        to_import = self.permit(item)
        if to_import is not None:
            return ["import", *to_import]
        if isinstance(item, FUNCTIONS):
            name, doc = (getattr(item, attribute, None) for attribute in ("__name__", "__doc__"))
            return ["function", self._keep(item), str(name), _text(doc)]
        if isinstance(item, type):
            return self._class_node(writer, item, item)
        cls = type(item)
        number = self._keep(item)
        if isinstance(item, BaseException):
            given = [_shortened(given) for given in _arguments(item)]
            cause = item.__cause__
            twin = self.twins.name_of(cls)
            if twin is not None:
                attributes = writer.many(twins.attributes_of(item))
                return ["setup error", number, twin, *self._carried(writer, given), attributes, writer.value(cause)]
            return ["error", number, writer.value(cls), *self._carried(writer, given), writer.value(cause)]
        kind = writer.value(self._kind(cls))
        for base in known.VALUES:
            if standins.issubclass_of(cls, base):
                return ["object", number, kind, writer.value(known.bare(item, base))]
        return ["object", number, kind]

    def _carried(self, writer: wire.Writer, given: list[Any]) -> list[Any]:
        """The arguments of an exception, as texts where they cannot be carried."""
        try:
            return [writer.many(given)]
        except wire.UncarriedError:
            return [[str(type(item)) for item in given]]

    def _keep(self, item: Any) -> int:
        number = next(self._numbers)
        self._mine[id(item)] = number
        self._kept[number] = item
        self._new.append(number)
        return number

    def _kind(self, cls: type) -> Any:
        """What to send as the class of an object."""
        if known.name_of(cls) is None and self.twins.name_of(cls) is None and self.permit(cls) is None:
            return cls
        if cls not in self._kinds:
            self._kinds[cls] = KindOf(cls)
        return self._kinds[cls]

    def _class_node(self, writer: wire.Writer, key: Any, cls: type) -> wire.Node:
        number = self._keep(key)
        held = vars(cls)
        methods = [name for name in held if name == "__init__" or not name.startswith("__")][:200]
        bases = writer.many(_bases(cls))
        shown = known.name_of(cls) if key is not cls else None
        wanted = specials.defined_by(cls)
        return ["class", number, cls.__name__, bases, wanted, methods, _text(held.get("__doc__")), shown]

    def _object(self, reader: wire.Reader, node: wire.Node) -> Any:
        """See wire.Reader."""
        match node:
            case ["yours", int(number), *unread]:
                if number not in self._kept:
                    raise containers.WireError("no such object")
                if unread:
                    self._kept[number] = itertools.chain(reader.many(unread[0]), self._kept[number])
                return self._kept[number]
            case ["mine", int(number)]:
                if number not in self._theirs:
                    raise containers.WireError("no such object")
                return self._theirs[number]
            case ["std", str(name)]:
                if name not in known.BY_NAME:
                    raise containers.WireError("no such name")
                return known.BY_NAME[name]
            case ["setup", str(name)]:
                if self.twins.get(name) is None:
                    raise containers.WireError("no such name")
                return self.twins.get(name)
            case ["setup member", str(name), which]:
                return self.twins.member(name, which)
            case ["setup value", str(name), value]:
                return self.twins.value(name, reader.value(value))
            case ["exception", str(module), str(name)]:
                found = known.library_exception(module, name)
                if found is None:
                    raise containers.WireError("no such exception")
                return found
            case ["import", str(module), str(name)]:
                return self.imported(module, name)
            case ["function", int(number), str(name), str() | None as doc]:
                return self._stand_in(number, lambda: self.new_function(name, doc))
            case ["class", int(number), str(name), bases, wanted, methods, doc, shown]:
                named = reader.many(bases)
                return self._stand_in(number, lambda: self._make_class(name, named, wanted, methods, doc, shown))
            case ["object", int(number), kind, *value]:
                cls = reader.value(kind)
                if not standins.is_kind(cls):
                    raise containers.WireError("no class")
                given = reader.value(value[0]) if value else None
                return self._stand_in(number, lambda: standins.make_object(cls, given))
            case ["error", int(number), kind, list(given), cause]:
                cls = reader.value(kind)
                if not standins.issubclass_of(cls, BaseException):
                    raise containers.WireError("no exception")
                made = self._stand_in(number, lambda: standins.make_error(cls, tuple(reader.many(given))))
                return _caused(made, reader.value(cause))
            case ["setup error", int(number), str(name), list(given), list(attributes), cause]:
                parts = tuple(reader.many(given)), reader.many(attributes)
                return _caused(self._stand_in(number, lambda: self.twins.error(name, *parts)), reader.value(cause))
            case _:
                raise containers.WireError("no value")

    def imported(self, module: str, name: str) -> Any:
        """Something of a module that the other side named."""
        raise NotImplementedError

    def _stand_in(self, number: int, make: Callable[[], Any]) -> Any:
        if number in self._theirs:
            raise containers.WireError("the number of two objects")
        made = make()
        self._theirs[number] = made
        self._theirs_by_identity[id(made)] = number
        return made

    def _make_class(self, name: str, bases: list[Any], wanted: Any, methods: Any, doc: Any, shown: Any) -> type:
        texts = [*wanted, *methods, *([] if doc is None else [doc])]
        if not all(isinstance(text, str) for text in texts):
            raise containers.WireError("no class")
        fit = [method for method in methods if method == "__init__" or (method.isidentifier() and method[:2] != "__")]
        seen = self.at_home(name)
        if seen is None and shown in known.BY_NAME:
            seen = known.BY_NAME[shown]
            if not isinstance(seen, type) or issubclass(seen, (type, *known.VALUES, *containers.CONTAINERS)):
                seen = None
        set_up = [base for base in bases if self.twins.name_of(base) is not None]
        return standins.make_class(name, bases, wanted, fit, doc, seen, set_up)

    # --- what stand-ins do (standins.Line) ---------------------------------------------------------------------------

    def get(self, item: Any, name: str) -> Any:
        """See standins.Line."""
        kind = type(item)
        if (kind, name) in self._methods:
            return standins.Method(item, name)
        found = self.find(item, name)
        if type(found) is standins.Function and standins.is_kind(kind) and name not in RESUMING:
            self._methods.add((kind, name))
        return found

    def find(self, item: Any, name: str) -> Any:
        """See standins.Line."""
        found = self.ask("get", item, name)
        if name in RESUMING and (number := self.number_of(found)) is not None:
            self._resuming.add(number)
        return found

    def call_method(self, item: Any, name: str, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """See standins.Line."""
        return self.ask("method", item, name, tuple(given), *_flat(named))

    def set(self, item: Any, name: str, value: Any) -> None:
        """See standins.Line."""
        self.ask("set", item, name, value)

    def delete(self, item: Any, name: str) -> None:
        """See standins.Line."""
        self.ask("delete", item, name)

    def call(self, item: Any, given: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """See standins.Line."""
        do = "resume" if self.number_of(item) in self._resuming else "call"
        return self.ask(do, item, tuple(given), *_flat(named))

    def special(self, name: str, item: Any, given: Sequence[Any]) -> Any:
        """See standins.Line."""
        if name in ("__instancecheck__", "__subclasscheck__") and self.number_of(given[0]) is None:
            return False
        if name == "__deepcopy__":
            given = ()
        return self.ask("special", name, item, tuple(given))

    def next(self, item: Any) -> Any:
        """See standins.Line."""
        number = self.number_of(item) or 0
        ahead = self._ahead.get(number)
        if not ahead:
            most = 1 if self._taken[number] < SINGLY else MOST_AHEAD
            found = self.ask("next", item, most)
            if not isinstance(found, tuple) or not found:
                raise self.broken("it has no next item")
            ahead = self._ahead[number] = collections.deque(cast("tuple[Any, ...]", found))
        self._taken[number] += 1
        return ahead.popleft()

    def inherited(self, item: Any, owner: Any, name: str) -> Any:
        """See standins.Line."""
        return self.ask("inherited", item, owner, name)

    def subclass(self, name: str, bases: tuple[Any, ...], space: dict[str, Any], named: Mapping[str, Any]) -> Any:
        """See standins.Line."""
        raise wire.UncarriedError(f"class {name} derives from a class of the other side")

    # --- what is done for the other side -----------------------------------------------------------------------------

    def _next_items(self, item: Iterator[Any], most: int) -> tuple[Any, ...]:
        late = self._late.pop(id(item), None)
        if late is not None:
            raise late
        found: list[Any] = [next(item)]
        began = time.monotonic()
        while len(found) < min(most, MOST_AHEAD) and time.monotonic() - began < AHEAD_SECONDS:
            try:
                found.append(next(item))
            except BaseException as error:  # it comes when these items have been looked at
                self._late[id(item)] = error
                break
        return tuple(found)


def _flat(named: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(part for pair in named.items() for part in pair)


def _called(item: Any, given: Sequence[Any], *named: Any) -> Any:
    return item(*given, **dict(zip(named[::2], named[1::2], strict=True))) if named else item(*given)


def _method(item: Any, name: str, given: Sequence[Any], *named: Any) -> Any:
    return _called(getattr(item, name), given, *named)


def _special(name: str, item: Any, given: Sequence[Any]) -> Any:
    return specials.OPERATIONS[name](item, *given)


def _caused(error: BaseException, cause: Any) -> BaseException:
    if isinstance(cause, BaseException):
        error.__cause__ = cause
    return error


def _text(doc: Any) -> str | None:
    return doc[:LONGEST_TEXT] if type(doc) is str else None


def _arguments(error: BaseException) -> tuple[Any, ...]:
    # A group looks at its exceptions when it is made, before lists are filled.
    return (error.message, error.exceptions) if isinstance(error, BaseExceptionGroup) else error.args


def _shortened(given: Any) -> Any:
    return given[:LONGEST_TEXT] if type(given) is str else given


def _bases(cls: type) -> list[Any]:
    """What the other side is told of a class's bases: its own classes and those of `known`, the rest by what it is."""
    found: list[Any] = []
    for base in cls.__bases__:
        native = base in known.VALUES or base in known.FILLED or known.is_exception(base)
        name = known.name_of(base)
        if native or name is None or name.startswith(("collections.abc.", "numbers.")):
            found.append(base)
        else:
            found += _bases(base)
    return [base for base in dict.fromkeys(found) if base is not object]
