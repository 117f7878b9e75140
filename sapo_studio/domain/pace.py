"""How fast somebody judges, and how long the rest will take: breaks are left out. Pure; times in seconds."""

from __future__ import annotations

from collections.abc import Sequence

BREAK = 120.0
"""Who has pressed nothing for longer than this was away."""

RECENT = 20
"""The pace is that of the last so many items: people get faster, and items of one queue differ."""


def time_at_work(gap: float) -> float:
    """Of the time between one press and the next, what counts as work: all of it, or nothing where it was a break."""
    return gap if 0.0 <= gap <= BREAK else 0.0


def seconds_an_item(seconds: Sequence[float]) -> float | None:
    """The mean time of the last items, oldest first. None before the first that took any."""
    timed = [one for one in seconds if one > 0.0][-RECENT:]
    return sum(timed) / len(timed) if timed else None
