"""A rehearsal before anything is forked: what is loaded, compiled and warm in the parent is so in all of its children.

Python adapts its byte code as it runs. Done here, it is done once; done in a child, each page of it is copied for that
child first. Half of what a short program costs.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import gc
import sys

from . import candidate, checker, guard, standins

TIMES = 12
"""More calls than byte code takes to adapt (8)."""
PROGRAM = """
import math
import collections
class Thing:
    def __init__(self, size):
        self.size = size
    def __add__(self, other):
        return Thing(self.size + other.size)
def f(*given):
    return list(given)
LIMIT = 5
"""
TESTS = (
    "assert f(1, 2.5, 'x', (1, [2])) == [1, 2.5, 'x', (1, [2])]",
    "assert f({1: 'a'}, {2}, None, True) == [{1: 'a'}, {2}, None, True]",
    "assert (Thing(1) + Thing(2)).size == 3 and LIMIT == 5",
    "for k in range(9):\n    assert f(k) == [k]",
)


def rehearse() -> None:
    """Run a program and its tests within this process, some times over."""
    for _ in range(TIMES):
        asked: collections.deque[bytes] = collections.deque()
        answered: collections.deque[bytes] = collections.deque()
        there = candidate.Candidate(answered.append, asked.popleft)

        def receive(there: candidate.Candidate = there, answered: collections.deque[bytes] = answered) -> bytes:
            there.serve_one()
            return answered.popleft()

        job = {"program": PROGRAM, "header": "", "setup": "", "tests": TESTS, "asked": (), "classes": ("Thing",)}
        sources = checker.Sources()
        line = guard.Guard(asked.append, receive, sources.hides)
        reason = checker.first_fault(line, sources, checker.Space(), job)
        if reason:
            raise RuntimeError(f"the sandbox does not work: {reason}")
    for name in (candidate.NAME, guard.TESTS):
        sys.modules.pop(name, None)
    standins.disconnect()


def settle() -> None:
    """Leave the memory as a child can use it without touching, and so copying, what it does not need."""
    gc.collect()
    gc.freeze()  # collections look at every object
    with contextlib.suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        # The C library sorts its free pieces here instead of in each child: at the trim, and for a large piece.
        library.malloc_trim(0)
        library.malloc.restype = ctypes.c_void_p
        library.free.argtypes = [ctypes.c_void_p]
        library.free(library.malloc(100_000))
