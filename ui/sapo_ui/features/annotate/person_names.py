"""Names of people where there is little room: they may be of any length, and hold anything."""

from __future__ import annotations

LONGEST = 16
"""Characters."""


def short_name(who: str) -> str:
    """`who` on one line, shortened."""
    line = " ".join(who.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}\u2026"
