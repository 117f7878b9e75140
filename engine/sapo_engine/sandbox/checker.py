"""The checker's side: runs the data set's tests, with stand-ins for what the candidate program defines.

Runs in a process of its own that is forked for one candidate and can be killed; it holds the expected values, and all
that comes from the candidate is decoded data.
"""

from __future__ import annotations

import ast
import builtins
import collections
import json
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import wire  # pyright: ignore[reportMissingImports]  # beside this file: the judge puts this folder on the path

LONGEST_REPLY = 8 * 2**20
SHOWN = 80


class ProgramError(Exception):
    """The program raised something that is no built-in error."""


class Channel:
    """The line to the candidate."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.stream = link.makefile("rb")
        self.last: Any = None

    def read(self) -> Mapping[str, Any]:
        """The candidate's next message. WireError where it is gone or says nothing sensible."""
        line = self.stream.readline(LONGEST_REPLY)
        if not line:
            raise wire.WireError("the program ended by itself")
        if not line.endswith(b"\n"):
            raise wire.WireError("the program's answer is too long")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise wire.WireError("the program's answer is no answer") from error
        if not isinstance(message, dict):
            raise wire.WireError("the program's answer is no answer")
        return message

    def ask(self, message: Mapping[str, Any], given: Sequence[Any] = ()) -> Any:
        """Send a request; its value, or the error that it raised. What it did to its arguments is done here."""
        self.link.sendall(json.dumps(message).encode() + b"\n")
        reply = self.read()
        if "error" in reply:
            raise _error(reply["error"])
        if "args" in reply:
            _change(given, wire.decode(reply["args"], self.remote))
        self.last = wire.decode(reply.get("value"), self.remote)
        return self.last

    def remote(self, data: Any) -> Any:
        """A stand-in for an object of the candidate's."""
        if data.get("k") != "ref" or not isinstance(data.get("v"), int):
            raise wire.WireError("no value")
        return Remote(self, {"ref": data["v"]})

    def send(self, value: Any) -> Any:
        """A value for the candidate."""
        return wire.encode(value, _reference)


class Remote:
    """A function or object of the candidate's. It is equal to itself alone."""

    def __init__(self, channel: Channel, target: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_channel", channel)
        object.__setattr__(self, "_target", target)

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Call it where it is."""
        channel: Channel = object.__getattribute__(self, "_channel")
        target = object.__getattribute__(self, "_target")
        request = {**target, "call": True, "args": channel.send(given), "kwargs": channel.send(dict(named))}
        return channel.ask(request, given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        channel: Channel = object.__getattribute__(self, "_channel")
        target = object.__getattribute__(self, "_target")
        return channel.ask({**target, "get": name})

    def __setattr__(self, name: str, value: Any) -> None:
        channel: Channel = object.__getattribute__(self, "_channel")
        channel.ask({**object.__getattribute__(self, "_target"), "set": name, "value": channel.send(value)})


def _reference(value: Any) -> Any:
    if isinstance(value, Remote):
        target = object.__getattribute__(value, "_target")
        if "ref" in target:
            return {"k": "ref", "v": target["ref"]}
    raise wire.WireError(f"the test passes {type(value).__name__}, which cannot be sent to the program")


def _error(told: Any) -> Exception:
    name, text = (told[0], told[1]) if isinstance(told, list) and len(told) == 2 else ("Exception", "")
    kind = getattr(builtins, name, None) if isinstance(name, str) else None
    if isinstance(kind, type) and issubclass(kind, Exception) and kind not in (UnicodeDecodeError, UnicodeEncodeError):
        try:
            return kind(str(text))
        except TypeError:
            pass
    return ProgramError(f"{name}: {text}"[:300])


def _change(given: Sequence[Any], after: Any) -> None:
    """Put into the arguments what the program did to them, as if they were the same objects."""
    for mine, theirs in zip(given, after, strict=False):
        if type(mine) is not type(theirs):
            continue
        if isinstance(mine, list):
            mine[:] = theirs
        elif isinstance(mine, set | dict | collections.deque):
            mine.clear()
            mine.extend(theirs) if isinstance(mine, collections.deque) else mine.update(theirs)


def judge(link: socket.socket, setup: str, tests: Sequence[str]) -> dict[str, Any]:
    """Run `tests` against the program at the other end. `{"correct": ..., "reason": ...}`."""
    channel = Channel(link)
    try:
        hello = channel.read()
    except wire.WireError as error:
        return {"correct": False, "reason": str(error)}
    if "refused" in hello:
        return {"refused": str(hello["refused"])}
    if "error" in hello or not isinstance(hello.get("names"), list):
        return {"correct": False, "reason": f"the program does not run: {_described(_error(hello.get('error')))}"}
    space: dict[str, Any] = {"__name__": "tests"}
    try:
        for name in hello["names"]:
            if isinstance(name, str) and name.isidentifier():
                space[name] = Remote(channel, {"name": name})
        exec(compile(setup, "<setup>", "exec"), space)
    except BaseException as error:  # tests are a user's: whatever they raise is told
        return {"correct": False, "reason": f"before the tests: {_described(error)}"}
    for number, test in enumerate(tests, start=1):
        channel.last = None
        try:
            exec(compile(test, f"<test {number}>", "exec"), space)
        except BaseException as error:  # the same
            return {"correct": False, "reason": f"test {number} of {len(tests)}: {_failed(test, error, channel.last)}"}
    return {"correct": True, "reason": ""}


def _failed(test: str, error: BaseException, last: Any) -> str:
    text = " ".join(test.split())
    if isinstance(error, AssertionError):
        shown = _asserted(test, error) or text
        got = repr(last)
        return f"{_short(shown)} (got {_short(got)})"
    return f"{_short(text)}: {_described(error)}" if len(text) <= SHOWN else _described(error)


def _asserted(test: str, error: BaseException) -> str:
    """The assertion of a longer test that failed, found by its line."""
    trace = error.__traceback__
    line = 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<test"):
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        nodes = [node for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Assert) and node.lineno == line]
    except (SyntaxError, ValueError):
        return ""
    return " ".join(ast.unparse(nodes[0]).split()) if nodes else ""


def _described(error: BaseException) -> str:
    if isinstance(error, ProgramError | wire.WireError):
        return str(error)
    return f"{type(error).__name__}: {str(error)[:200]}".rstrip(": ")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


if __name__ == "__main__":
    sys.exit("the judge imports this")
