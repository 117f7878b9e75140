"""Step labels: detecting the first error, labels from it, and what a labeler is while it works on one trajectory.

All indices are 1-based steps; a prefix is named by its number of steps. Labels are strings, one character a
step: `1` the prefix up to here is still on a path to a right answer, `0` it is not, `?` unknown. Formulas:
docs/method.md (SAPO eq. 3-13).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

Checks = Generator[int, bool, "Verdict"]
"""A labeler at work on one trajectory: it yields the prefix it wants checked and is sent whether a rollout from there
succeeded; it returns the labels."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a labeler decided about one trajectory: labels, the case, the step it looked at and the first error
    it found (0 none). `confidence`: how sure a search is of it, as a probability; 0 where nothing was reckoned.
    """

    labels: str
    case: str
    predicted: int = 0
    verified: int = 0
    confidence: float = 0.0


def drops(scores: Sequence[float]) -> list[float]:
    """d_j = v_{j-1} - v_j for j = 1..n, with v_0 = 1 (eq. 9)."""
    return [before - after for before, after in zip([1.0, *scores[:-1]], scores, strict=True)]


def detect(scores: Sequence[float]) -> int:
    """The predicted first error: the step of the largest drop, ties to the earliest (eq. 10-11). `scores` must
    not be empty.
    """
    fall = drops(scores)
    return fall.index(max(fall)) + 1


def from_first_error(error: int, n: int) -> str:
    """Labels of an n-step trajectory whose first wrong step is `error` (0: none)."""
    return "1" * n if error == 0 else "1" * (error - 1) + "0" * (n - error + 1)


def monotone(labels: str) -> str:
    """Resolve noise: a later success is a witness for every earlier prefix (so `01` becomes `11`). `?` stays."""
    last = labels.rfind("1")
    return "".join("1" if index <= last and label == "0" else label for index, label in enumerate(labels))


def simulate(checks: Checks, truth: Callable[[int], bool]) -> tuple[Verdict, list[int]]:
    """Run one labeler against a known `truth` of prefixes. Returns its verdict and the prefixes it asked for,
    in order.
    """
    asked: list[int] = []
    try:
        prefix = next(checks)
        while True:
            asked.append(prefix)
            prefix = checks.send(truth(prefix))
    except StopIteration as stop:
        return stop.value, asked
