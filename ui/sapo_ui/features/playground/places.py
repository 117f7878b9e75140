"""Where the columns of a list of solutions stand, at any width."""

from __future__ import annotations

from dataclasses import dataclass

LINE = 32
"""Pixels of a solution's row."""

SIGN, TEXT = 12, 36
"""Left edges of the sign (check, cross) and of what follows it."""

KEEP, MEAN = 68, 44
"""Room for the two buttons at the right, and for the mean before them."""

LEAST_ANSWER, MOST_ANSWER = 56, 180
MOST_TEXT = 780
"""96 characters: longer lines are hard to read."""


@dataclass(frozen=True, slots=True)
class Places:
    """The columns of rows that are `width` pixels wide."""

    width: int

    @property
    def answer(self) -> float:
        """Room for the answer."""
        return float(max(LEAST_ANSWER, min(MOST_ANSWER, self.width // 8)))

    @property
    def strip(self) -> float:
        """Left edge of the scores."""
        return TEXT + self.answer + 8

    @property
    def mean(self) -> float:
        """Left edge of the mean."""
        return float(self.width - KEEP - MEAN)

    @property
    def strip_width(self) -> float:
        """Room for the scores."""
        return max(40.0, self.mean - self.strip - 12)

    @property
    def text_width(self) -> float:
        """Room for the text of a step."""
        return max(80.0, min(MOST_TEXT, self.mean - TEXT - 44))
