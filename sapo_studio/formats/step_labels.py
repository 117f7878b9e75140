"""Labels of steps as this program writes them: one character a step."""

from __future__ import annotations

CORRECT, INCORRECT, NEUTRAL, UNKNOWN = "1", "0", "n", "?"
"""A neutral step is no error, and no progress either; of an unknown one nobody says anything."""
CHARACTERS = frozenset((CORRECT, INCORRECT, NEUTRAL, UNKNOWN))


def labels_of(first_error: int, n: int) -> str:
    """What the first error (from 1 on, 0 for none) says of `n` steps: nothing of those behind it."""
    return CORRECT * n if not first_error else CORRECT * (first_error - 1) + INCORRECT + UNKNOWN * (n - first_error)


def first_error_of(labels: str) -> int | None:
    """The first incorrect step, 0 for none; None where a step without a label may come before it."""
    head = labels.partition(INCORRECT)[0]
    if UNKNOWN in head:
        return None
    return 0 if len(head) == len(labels) else len(head) + 1
