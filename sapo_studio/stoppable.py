"""Waiting for a program that somebody else may end: a form that was left wants no answer any more, and the thread that
waits for it is needed elsewhere."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Run = Callable[..., "subprocess.CompletedProcess[str]"]
"""Called like `subprocess.run`."""


class Stop:
    """Ends the programs that are waited for inside `reaches`. Any thread may call `stop`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    @contextmanager
    def reaches(self) -> Generator[None]:
        """Inside, `runner` runs programs that `stop` ends."""
        before = _STOP.set(self)
        try:
            yield
        finally:
            _STOP.reset(before)

    def stop(self) -> None:
        """End what runs, and what would be run from now on, as if it had been killed."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()

    def run(
        self, command: Sequence[str], *, input: str | None = None, timeout: float | None = None, **how: Any
    ) -> subprocess.CompletedProcess[str]:
        """`subprocess.run`; where it is stopped, the exit code is that of a killed program."""
        how.pop("check", None)
        if how.pop("capture_output", False):
            how["stdout"] = how["stderr"] = subprocess.PIPE
        if input is not None:
            how["stdin"] = subprocess.PIPE
        with subprocess.Popen(command, **how) as process:
            with self._lock:
                self._running.add(process)
                if self._stopped:
                    process.kill()
            try:
                out, errors = process.communicate(input, timeout)
            except BaseException:
                process.kill()
                raise
            finally:
                with self._lock:
                    self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, out, errors)


_STOP: ContextVar[Stop | None] = ContextVar("stop", default=None)


def runner(usual: Run) -> Run:
    """What runs a program here: that of the `Stop` that reaches here, or `usual`."""
    stop = _STOP.get()
    return usual if stop is None else stop.run
