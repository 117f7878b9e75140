"""Coroutines that the other side waits for: each is a task of an event loop of the side that has it.

The other side's loop asks again and again whether it has come to its end, which takes the loop here a little further.
So all that a coroutine waits for (a time, a lock, a task of its own) is of its own side's loop, and several go on side
by side wherever they were made. Where asyncio is not used, a coroutine is taken from one `yield` to the next instead.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Awaitable
from typing import Any

PATIENCE = 0.005
"""Seconds that the loop here goes on for before the other side's has its turn again."""
METHODS = ("send", "throw", "close")
"""What drives a coroutine."""

_driven: dict[int, tuple[Any, Driven]] = {}
_loops: list[Any] = []


class Driven:
    """An awaitable as what `await` takes it as: an iterator that is asked for its next item until it ends."""

    def __init__(self, awaited: Awaitable[Any]) -> None:
        self._awaited = awaited
        self._task: Any = None

    def __iter__(self) -> Driven:
        return self

    def __next__(self) -> None:
        """Go on for a while. StopIteration with what came of it at its end."""
        asyncio: Any = importlib.import_module("asyncio")
        running = asyncio._get_running_loop()
        if self._task is None:
            loop = running or _own_loop(asyncio)
            self._task = loop.create_task(_whole(self._awaited))
        if running is None and not self._task.done():
            self._task.get_loop().run_until_complete(asyncio.wait({self._task}, timeout=PATIENCE))
        if not self._task.done():
            return
        _driven.pop(id(self._awaited), None)
        raise StopIteration(self._task.result())

    def send(self, value: Any) -> None:
        """As a coroutine does; what is sent in is the loop's own affair."""
        self.__next__()

    def throw(self, error: Any, *rest: Any) -> None:
        """End it: a task is cancelled, whatever the reason is."""
        if self._task is None:
            self.close()
            raise error
        self._task.cancel()
        self.__next__()

    def close(self) -> None:
        """End it."""
        _driven.pop(id(self._awaited), None)
        if self._task is not None:
            self._task.cancel()
        elif isinstance(self._awaited, types.CoroutineType):
            self._awaited.close()


def get(item: Any, name: str) -> Any:
    """An attribute, where a coroutine is not driven by hand."""
    if type(item) is types.CoroutineType and name in METHODS and "asyncio" in sys.modules:
        return getattr(_drive(item), name)
    return getattr(item, name)


def awaited(item: Any) -> Any:
    """What `await` asks for the next item."""
    return _drive(item) if "asyncio" in sys.modules else type(item).__await__(item)


def _drive(item: Any) -> Driven:
    if id(item) not in _driven:
        _driven[id(item)] = item, Driven(item)
    return _driven[id(item)][1]


async def _whole(item: Awaitable[Any]) -> Any:
    return await item


def _own_loop(asyncio: Any) -> Any:
    if not _loops:
        _loops.append(asyncio.new_event_loop())
    return _loops[0]
