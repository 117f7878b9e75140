"""Ending what is under way: loading, writing, scoring, grading."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.02
"""How often it is looked whether what is waited for was cancelled."""


class Cancelled(Exception):  # noqa: N818  # nothing is wrong: the user asked for it
    """The request is not wanted any more."""


class Wanted:
    """Whether a request is still wanted. Asked by what works on it, told by who reads what comes in."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """It is not."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise Cancelled where it is not."""
        if self._cancelled.is_set():
            raise Cancelled

    def wait_for(self, over: Callable[[float], bool]) -> None:
        """Wait until `over`, which waits for so many seconds at most, says so. Raises Cancelled as `check`."""
        while not over(LOOK_SECONDS):
            self.check()


class Apart(Generic[T]):
    """Work in a thread of its own that can be left alone: what cannot be stopped, as the reading of a file of weights,
    comes to its end unheard. Of several, one works at a time."""

    _one = threading.Lock()

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._done = threading.Event()
        self._found: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name="loading", daemon=True).start()

    def _run(self) -> None:
        try:
            with Apart._one:
                self._found.append(self._work())
        except BaseException as error:  # handed to the thread that waits
            self._error = error
        finally:
            self._done.set()

    def result(self, wanted: Wanted) -> T:
        """What the work has returned or raised. Raises Cancelled as soon as nobody wants it any more."""
        wanted.wait_for(self._done.wait)
        if self._error is not None:
            raise self._error
        return self._found[0]
