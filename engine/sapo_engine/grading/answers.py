"""Grading answers by mathematical equality.

Nearly all are told at once. What takes more than a few milliseconds goes to processes of their own, one pair at a time
each: such a process can be killed, whatever it is at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from sapo_engine.grading.apart import Apart
from sapo_engine.grading.base import Grade, Problem, check_gradable
from sapo_engine.grading.equality import equal_here
from sapo_engine.grading.escape import shown
from sapo_engine.grading.notation import LONGEST

SECONDS = 4.0
"""How long the comparison of two expressions may take."""
COMPARING = "sapo_engine.grading.comparing"
REMEMBERED = 100_000
"""Verdicts that are kept: a model gives the same answers again and again."""


class AnswerGrader:
    """Grades final answers, as `extract` finds them. Implements Grader.

    `processes` compare side by side (0: one a core); they are started when the first expression needs one.
    """

    def __init__(self, extract: Callable[[str], str], *, processes: int = 0, seconds: float = SECONDS) -> None:
        self.extract = extract
        self.seconds = seconds
        self.processes = processes or min(8, os.cpu_count() or 1)
        self._idle: list[Apart] = []
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Grade] = {}

    def grade(self, items: Sequence[tuple[Problem, str]]) -> list[Grade]:
        """See Grader."""
        check_gradable({problem for problem, _ in items}, code=False)
        extract, known = self.extract, self._known
        asked = [(extract(text), problem.answer) for problem, text in items]
        try:
            return [known[pair] for pair in asked]
        except KeyError:
            self._compare_new(asked)
            return [known[pair] for pair in asked]

    def _compare_new(self, asked: Sequence[tuple[str, str]]) -> None:
        """See to it that the verdict on each pair of answer and reference is known."""
        if len(self._known) > REMEMBERED:
            self._known.clear()
        hard: list[tuple[str, str]] = []
        for pair in dict.fromkeys(asked):
            if pair not in self._known:
                told = _told_at_once(*pair)
                if told is None:
                    hard.append(pair)
                else:
                    self._known[pair] = told
        if hard:
            with ThreadPoolExecutor(min(self.processes, len(hard))) as pool:
                self._known.update(zip(hard, pool.map(self._compare, hard), strict=True))

    def _compare(self, pair: tuple[str, str]) -> Grade:
        with self._lock:
            comparer = self._idle.pop() if self._idle else None
        comparer = comparer or Apart(COMPARING)
        equal = comparer.ask(pair, seconds=self.seconds)
        if equal is None:
            comparer.close()
            return Grade(False, shown(pair[0]), f"the answer could not be compared within {self.seconds:g} s")
        with self._lock:
            self._idle.append(comparer)
        return _grade(bool(equal), *pair)

    def close(self) -> None:
        """See Grader."""
        with self._lock:
            idle, self._idle = self._idle, []
        for comparer in idle:
            comparer.close()


def _told_at_once(answer: str, reference: str) -> Grade | None:
    """The verdict where it can be told at once; None where it takes a process."""
    if answer == reference and answer and not answer.isspace() and len(answer) <= LONGEST:
        return Grade(True, shown(answer))
    if not answer.strip():
        return _grade(False, "", reference)
    if len(answer) > LONGEST:
        return Grade(False, shown(answer[:LONGEST]), "the answer is too long to be one")
    try:
        equal = equal_here(answer, reference)
    except Exception:  # a reader of what anybody may write: a process of its own may stumble over it again
        return None
    return None if equal is None else _grade(equal, answer, reference)


def _grade(equal: bool, answer: str, reference: str) -> Grade:
    if equal:
        return Grade(True, shown(answer))
    return Grade(False, shown(answer), f"the answer is {shown(reference)}" if answer else "no answer was found")
