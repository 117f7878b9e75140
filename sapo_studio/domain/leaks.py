"""Questions that are trained on and measured on: the same text, or nearly so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sapo_studio.domain.question_text import normalized

GRAM = 8
"""Words of an n-gram."""
NEAR = 0.8
"""From this share on of a measured question's n-grams that stand in one training question, the two are nearly alike."""
COMMON = 20
"""N-grams of more measured questions than this are a data set's own phrases and say nothing."""
SHOWN = 5
"""Leaks that are named."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Leak:
    """A measured question (row `measured`) that stands among those trained on (row `trained`), both from 1 on. `share`:
    of its n-grams, 1 where the texts are the same (`exact`)."""

    measured: int
    trained: int
    exact: bool
    share: float


@dataclass(frozen=True, slots=True)
class Leaks:
    """The leaks of one collection of measured questions, called `name`, in the order of its rows."""

    name: str
    questions: int
    found: tuple[Leak, ...]

    @property
    def note(self) -> str:
        """One sentence with the first few, by their rows; empty where there are none."""
        if not self.found:
            return ""
        exact = sum(leak.exact for leak in self.found)
        named = "; ".join(
            f"row {leak.measured} is {'' if leak.exact else 'nearly '}training row {leak.trained}"
            for leak in self.found[:SHOWN]
        )
        more = f"; and {len(self.found) - SHOWN:,} more" if len(self.found) > SHOWN else ""
        return (
            f"{len(self.found):,} of {self.questions:,} questions of {self.name} stand in the training data, too "
            f"({exact:,} the same, {len(self.found) - exact:,} with at least {NEAR:.0%} of their {GRAM}-word sequences "
            f"in one training question): {named}{more}."
        )


def find_leaks(trained: Sequence[str], measured: Mapping[str, Sequence[str]]) -> list[Leaks]:
    """Which questions of each collection of `measured` stand among the `trained` ones. In time linear in the text."""
    same: dict[str, int] = {}
    for row, question in enumerate(trained, start=1):
        same.setdefault(normalized(question), row)
    return [
        Leaks(name, len(questions), tuple(_leaks_in(questions, trained, same))) for name, questions in measured.items()
    ]


def _leaks_in(questions: Sequence[str], trained: Sequence[str], same: Mapping[str, int]) -> Iterable[Leak]:
    exact = {row: same[text] for row, text in enumerate(map(normalized, questions), start=1) if text in same}
    near = _nearest(questions, trained, skip=exact)
    for row in range(1, len(questions) + 1):
        if row in exact:
            yield Leak(row, exact[row], exact=True, share=1.0)
        elif row in near:
            yield Leak(row, near[row][0], exact=False, share=near[row][1])


def _nearest(questions: Sequence[str], trained: Sequence[str], skip: Mapping[int, int]) -> dict[int, tuple[int, float]]:
    """Of each question by row the training row that holds most of its n-grams, and their share, if it is enough."""
    where: dict[tuple[str, ...], list[int]] = {}
    for row, question in enumerate(questions, start=1):
        for gram in () if row in skip else _grams(question):
            where.setdefault(gram, []).append(row)
    where = {gram: rows for gram, rows in where.items() if len(rows) <= COMMON}
    sizes = Counter(row for rows in where.values() for row in rows)
    found: dict[int, tuple[int, float]] = {}
    for trained_row, question in enumerate(trained, start=1):
        hits = Counter(row for gram in _grams(question) for row in where.get(gram, ()))
        for row, count in hits.items():
            share = count / sizes[row]
            if share >= NEAR and share > found.get(row, (0, 0.0))[1]:
                found[row] = (trained_row, share)
    return found


def _grams(question: str) -> set[tuple[str, ...]]:
    """The n-grams of a question's words; none of a question that is shorter."""
    words = _WORD.findall(normalized(question))
    return {tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1)}
