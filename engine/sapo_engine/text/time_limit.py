"""A time limit on Python code that somebody else wrote, such as a model's chat template."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Generator
from contextlib import contextmanager


class OutOfTime(Exception):  # noqa: N818  # raised in the middle of foreign code: not an error of ours
    """The code inside `time_limit` took too long."""


@contextmanager
def time_limit(seconds: float) -> Generator[None]:
    """Raise OutOfTime inside the block once `seconds` have passed, between two steps of its Python code.

    Works in any thread and on every platform, but cannot break into a single long call of C code.
    """
    thread = threading.get_ident()
    lock = threading.Lock()
    inside = True

    def strike() -> None:
        with lock:
            if inside:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))

    timer = threading.Timer(seconds, strike)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            inside = False
        timer.cancel()
