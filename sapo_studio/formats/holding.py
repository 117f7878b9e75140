"""What a format can hold of a solution, and what is lost where it holds less than there is."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Any

from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.extras import Extras
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL, UNKNOWN
from sapo_studio.readable import counted


class Fact(StrEnum):
    """Something that not every format can hold."""

    ID = "ids"
    GENERATOR = "generators"
    ANSWER = "reference answers"
    TESTS = "tests"
    OUTCOME = "whether the final answer is right"
    UNSURE_OUTCOME = "that nobody says whether the final answer is right"
    STEPS = "a label for each step"
    NEUTRAL = "neutral ratings"
    UNKNOWN = "steps without a label"
    VALUES = "soft values"
    JUDGEMENTS = "people's judgements"
    RESOLUTIONS = "resolutions"
    COMMENTS = "comments"
    SCORES = "scores"
    SOURCES = "labels by source"
    ROLLOUTS = "rollouts"


EVERYTHING = frozenset(Fact)
EXTRAS = (
    (Fact.JUDGEMENTS, "judgements"),
    (Fact.RESOLUTIONS, "resolutions"),
    (Fact.COMMENTS, "comments"),
    (Fact.SCORES, "scores"),
    (Fact.SOURCES, "labels"),
    (Fact.ROLLOUTS, "rollouts"),
)
"""What `Extras` holds, and the names of its fields."""


class Losses:
    """Counts what is lost while solutions are written."""

    def __init__(self) -> None:
        self._counts = Counter[tuple[str, str]]()
        self._fields: dict[str, None] = {}

    def add(self, what: str, count: int, unit: str) -> None:
        """Count `count` more of something lost; `unit` in the singular."""
        if count:
            self._counts[what, unit] += count

    def left_out(self, why: str) -> None:
        """Count a solution that is not written at all."""
        self.add(f"left out: {why}", 1, "solution")

    def fields(self, names: list[str]) -> None:
        """Keys of a file's rows that another format has no place for."""
        self._fields |= dict.fromkeys(names)

    def told(self) -> list[str]:
        """What is lost, by name, each in a few words: `neutral ratings (3 steps)`."""
        found = [f"{what} ({counted(n, unit)})" for (what, unit), n in self._counts.items()]
        return found + ([f"fields of the file: {', '.join(sorted(self._fields))}"] if self._fields else [])

    def fitted(self, solution: LabeledSolution, holds: frozenset[Fact]) -> LabeledSolution | None:
        """The solution as a format with these facts can hold it; None where it cannot be written at all."""
        self._count_plain(solution, holds)
        labels = solution.labels
        if Fact.STEPS not in holds:
            if solution.first_error is None:
                self.left_out("their first error is not known")
                return None
            self._count_later(labels, solution.first_error)
        if Fact.NEUTRAL not in holds:
            self.add("neutral ratings", labels.count(NEUTRAL), "step")
            labels = labels.replace(NEUTRAL, CORRECT)
        facts: dict[str, Any] = {name: getattr(solution, name) for name in LabeledSolution.model_fields}
        if Fact.STEPS in holds and Fact.UNKNOWN not in holds and UNKNOWN in labels:
            labels = labels.partition(UNKNOWN)[0]
            self.add("steps from the first without a label on", len(solution.steps) - len(labels), "step")
            if not labels:
                self.left_out("no step at their beginning has a label")
                return None
            facts |= {"steps": solution.steps[: len(labels)], "values": solution.values[: len(labels)]}
        if Fact.VALUES not in holds:
            facts["values"] = ()
        facts.pop("first_error")
        return LabeledSolution.model_validate(facts | {"labels": labels})

    def _count_plain(self, solution: LabeledSolution, holds: frozenset[Fact]) -> None:
        present = {
            Fact.ID: solution.id,
            Fact.GENERATOR: solution.generator,
            Fact.ANSWER: solution.answer,
            Fact.TESTS: solution.tests,
            Fact.OUTCOME: solution.final_answer_correct is not None,
        }
        for fact, there in present.items():
            if there and fact not in holds:
                self.add(fact.value, 1, "solution")
        if solution.final_answer_correct is None and Fact.OUTCOME in holds and Fact.UNSURE_OUTCOME not in holds:
            self.add("ungraded final answers, taken as right where no step is incorrect", 1, "solution")
        if Fact.VALUES not in holds:
            self.add(Fact.VALUES.value, sum(value is not None for value in solution.values), "step")
        if solution.extras != Extras():
            for fact, name in EXTRAS:
                if fact not in holds:
                    self.add(fact.value, len(getattr(solution.extras, name)), "record")

    def _count_later(self, labels: str, first_error: int) -> None:
        later = labels[first_error:] if first_error else ""
        self.add("labels behind the first error", sum(mark in (CORRECT, INCORRECT) for mark in later), "step")
