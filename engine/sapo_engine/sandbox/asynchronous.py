"""asyncio without sockets: its event loop wakes itself up by a pipe, since a candidate may not make a socket pair."""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

MODULE = "asyncio.selector_events"


class End:
    """One end of a pipe with the methods of a socket that the event loop calls."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Its descriptor."""
        return self._descriptor

    def setblocking(self, flag: bool) -> None:
        """As a socket does."""
        os.set_blocking(self._descriptor, flag)

    def recv(self, size: int) -> bytes:
        """As a socket does."""
        return os.read(self._descriptor, size)

    def send(self, data: bytes) -> int:
        """As a socket does."""
        return os.write(self._descriptor, data)

    def close(self) -> None:
        """As a socket does."""
        os.close(self._descriptor)


class Sockets:
    """The module `socket` as the event loop sees it."""

    def __init__(self, real: types.ModuleType) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def socketpair(self) -> tuple[End, End]:
        """Two ends, the first one to read from."""
        reading, writing = os.pipe()
        return End(reading), End(writing)


class _Finder:
    """Loads asyncio's event loop with `Sockets` in it. It is not loaded before it is wanted. Not made from
    `importlib.abc.MetaPathFinder`, which brings half the library along: for each process that is started."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only that one module."""
        if fullname != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: types.ModuleType) -> None:
        super().exec_module(module)
        held: Any = module
        held.socket = Sockets(held.socket)


def prepare() -> None:
    """Have asyncio loaded so from now on."""
    sys.meta_path.insert(0, _Finder())
