"""Taking times: the drawing thread's own, and the wall's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QApplication

Report = dict[str, Any]


def frames(step: Callable[[int], object], times: int = 120) -> Report:
    """p50 and p95 in milliseconds of `step(i)` with all that Qt does for it, after a few that warm up."""
    application = QApplication.instance()
    assert application is not None
    own: list[float] = []
    wall: list[float] = []
    for number in range(-5, times):
        begin, begin_wall = time.thread_time(), time.perf_counter()
        step(number)
        application.processEvents()
        if number >= 0:
            own.append(1000 * (time.thread_time() - begin))
            wall.append(1000 * (time.perf_counter() - begin_wall))
    return {**spread(own), "wall_p95_ms": at(wall, 95)}


def spread(milliseconds: list[float]) -> Report:
    """Their p50 and p95."""
    return {"p50_ms": at(milliseconds, 50), "p95_ms": at(milliseconds, 95)}


def at(values: list[float], percent: int) -> float:
    """A percentile, two places."""
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1], 2)


def cpu_ms(work: Callable[[], object], times: int = 5) -> float:
    """The median of `work` on this thread, in milliseconds."""
    taken: list[float] = []
    for _ in range(times):
        begin = time.thread_time()
        work()
        taken.append(1000 * (time.thread_time() - begin))
    return round(statistics.median(taken), 2)


def until(done: Callable[[], bool], seconds: float = 120) -> float:
    """Let Qt work until `done`; the wall milliseconds that took. Raises TimeoutError."""
    application = QApplication.instance()
    assert application is not None
    begin = time.perf_counter()
    while not done():
        application.processEvents()
        if time.perf_counter() - begin > seconds:
            raise TimeoutError
        time.sleep(0.001)
    return round(1000 * (time.perf_counter() - begin), 1)
