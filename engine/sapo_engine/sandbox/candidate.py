"""The candidate's side: runs the program and does what it is asked. It is in the program's hands; nobody trusts it."""

from __future__ import annotations

import builtins
import collections
import collections.abc
import contextlib
import importlib
import io
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from . import asynchronous, border, containers, coroutines, standins, twins, wire

MOST_PRINTED = 2**20
"""Bytes between two messages. What goes beyond is lost."""
MARGIN = 60
"""Calls that stand below the program's own, on top of Python's limit."""
NAME = "candidate"
"""The program's module."""
PROGRAM = "<program>"
"""The program's file, where its source is looked for."""


class Printed(io.RawIOBase):
    """Keeps what is printed until the next message takes it along."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keep it while there is room."""
        given = bytes(data)
        self.kept += given[: max(0, MOST_PRINTED - len(self.kept))]
        return len(given)

    def take(self) -> str:
        """What has come since."""
        found, self.kept = self.kept, bytearray()
        return found.decode("utf-8", "replace")


class Asked(io.TextIOBase):
    """Standard input: what the test has put in its place, line by line."""

    def __init__(self, line: Candidate) -> None:
        super().__init__()
        self._line = line

    def readable(self) -> bool:
        """It is."""
        return True

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """The next line; empty at the end."""
        return self._line.ask("stdin", "readline", size)

    def read(self, size: int | None = -1, /) -> str:
        """So many characters, or all."""
        return self._line.ask("stdin", "read", -1 if size is None else size)


class Candidate(border.Border):
    """The border as the program's process has it. `send` and `receive` write and read a line."""

    def __init__(self, send: Callable[[bytes], None], receive: Callable[[], bytes]) -> None:
        super().__init__(2)
        self._send_line = send
        self._receive_line = receive
        self._printed = {name: Printed() for name in ("out", "err")}
        self._streams = {
            name: io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace")
            for name, raw in self._printed.items()
        }
        self.module_space: dict[str, Any] = {}
        self._handlers |= {
            "get": _get,
            "run": self.run,
            "variable": self.variable,
            "inherited": _inherited,
            "subclass": _subclass,
            "contents": _contents,
        }

    def move_in(self) -> None:
        """Have printed what the program prints, and what it reads asked for."""
        sys.stdout, sys.stderr = self._streams["out"], self._streams["err"]
        sys.stdin = Asked(self)
        builtins.input = lambda prompt="", /: self.ask("input", str(prompt))

    def serve_one(self) -> None:
        """Do what is asked next."""
        with self.lock:
            message, values = self.receive()
        self.answer(message, values)

    def send_line(self, line: bytes) -> None:
        """See Border."""
        self._send_line(line)

    def receive_line(self) -> bytes:
        """See Border."""
        return self._receive_line()

    def add_to(self, message: border.Message) -> None:
        """See Border: what was printed."""
        for name, raw in self._printed.items():
            try:
                self._streams[name].flush()
            except ValueError:  # the program has closed it
                continue
            if raw.kept:
                message[name] = raw.take()

    def at_home(self, name: str) -> type | None:
        """See Border: the header's classes stand in the program as well as before the tests."""
        found = self.module_space.get(name)
        return found if isinstance(found, type) else None

    def imported(self, module: str, name: str) -> Any:
        """See Border."""
        found: Any = importlib.import_module(module)
        for part in filter(None, name.split(".")):
            found = getattr(found, part)
        return found

    def new_function(self, name: str, doc: str | None) -> Any:
        """See Border: a function that calls the test's, and binds and shows itself as functions do."""

        def called(*given: Any, **named: Any) -> Any:
            return self.call(called, given, named)

        called.__name__ = called.__qualname__ = name
        called.__doc__ = doc
        return called

    def run(self, program: str, setup: str) -> tuple[list[str], list[str], list[str], list[str]]:
        """Run the program, with what `setup` defines around it.

        Names, whose values are asked for when needed: what it defines; its variables; modules that it has under their
        own names; and classes that the set-up has defined here too.
        """
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        self.module_space = vars(module)
        later = self._set_up(setup)
        before = dict(self.module_space)
        code = compile(program, PROGRAM, "exec", dont_inherit=True)
        linecache.cache[PROGRAM] = (len(program), None, program.splitlines(keepends=True), PROGRAM)
        exec(code, self.module_space)
        for code in later:
            with contextlib.suppress(Exception):
                exec(code, self.module_space)
        # Where the program defines a class of the set-up once more, that one is its own.
        own = {name: self.module_space[name] for name in self.twins.names() if name in self.module_space}
        self.twins.add_all(own, NAME)
        defined: list[str] = []
        variables: list[str] = []
        modules: list[str] = []
        for name, value in self.module_space.items():
            if name.startswith("__") or (name in before and value is before[name]):
                continue
            kind = type(value)
            if kind is types.ModuleType:
                if value.__name__ == name:
                    modules.append(name)
            elif kind is int or kind in wire.DIRECT or kind in containers.CONTAINERS or kind in wire.PLAIN:
                variables.append(name)
            else:
                defined.append(name)
        return defined, variables, modules, self.twins.names()

    def _set_up(self, setup: str) -> list[types.CodeType]:
        """Run what can be run of the set-up before the program; what needs the program is given back."""
        later: list[types.CodeType] = []
        try:
            parts = list(twins.statements(setup))
        except Exception:  # the checker says so
            return []
        for code in parts:
            try:
                exec(code, self.module_space)
            except NameError:
                later.append(code)
            except Exception:  # not everything is allowed here
                continue
            self.twins.add_all(self.module_space, NAME)
        for name, raw in self._printed.items():
            with contextlib.suppress(ValueError):
                self._streams[name].flush()
            raw.take()
        return later

    def variable(self, name: str) -> Any:
        """What a variable of the program's holds now."""
        return self.module_space[name]


def _get(item: Any, name: str) -> Any:
    """An attribute. The signature of a function or class is made here, where all that it hangs on is."""
    if name == "__signature__" and isinstance(item, type | types.FunctionType | types.MethodType):
        inspect: Any = importlib.import_module("inspect")
        try:
            return inspect.signature(item)
        except (TypeError, ValueError) as error:
            raise AttributeError(name) from error
    return coroutines.get(item, name)


def _contents(item: Any) -> Any:
    """What a container of a class of the program's holds, as a plain one."""
    if isinstance(item, list):
        return list(list.__iter__(item))
    if isinstance(item, dict):
        return dict(dict.items(item))
    if isinstance(item, collections.abc.Mapping):
        return {key: item[key] for key in item}
    if isinstance(item, collections.abc.Set):
        return set(item)
    return str(item) if isinstance(item, collections.UserString) else list(item)


def _inherited(item: Any, owner: type, name: str) -> Any:
    return vars(owner)[name].__get__(item, type(item))


def _subclass(
    name: str, bases: Sequence[type], entries: Mapping[str, tuple[str, Any]], named: Mapping[str, Any]
) -> type:
    """A class that a test derives from the program's. Its methods are the test's."""
    made: dict[str, Callable[[Any], Any]] = {
        "plain": lambda value: value,
        "static": staticmethod,
        "class": classmethod,
        "property": lambda parts: property(*parts),
    }
    space = {entry: made[how](value) for entry, (how, value) in entries.items()}
    return types.new_class(name, tuple(bases), dict(named), lambda held: held.update(space))


class Server:
    """A candidate that is made ready before it is forked: `serve` is all that is left to do.

    `channel` is the descriptor that it will have.
    """

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._stream: IO[bytes] | None = None
        self._line = Candidate(self._send, self._receive)
        sys.set_int_max_str_digits(0)
        sys.setrecursionlimit(sys.getrecursionlimit() + MARGIN)
        asynchronous.prepare()
        standins.connect(self._line)
        self._line.move_in()

    def serve(self) -> None:
        """Run the program that comes over the channel, and do what is asked until the other end closes."""
        self._stream = os.fdopen(self._channel, "rb", closefd=False)
        while True:
            self._line.serve_one()

    def _send(self, line: bytes) -> None:
        while line:
            line = line[os.write(self._channel, line) :]

    def _receive(self) -> bytes:
        line = self._stream.readline() if self._stream is not None else b""
        if not line:
            os._exit(0)
        return line
