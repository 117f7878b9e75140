"""The solution that all formats of step-labeled solutions share, and how a file of them is to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from sapo_studio.formats.extras import Extras
from sapo_studio.formats.step_labels import CHARACTERS, first_error_of, labels_of


class LabeledSolution(BaseModel):
    """A written solution with its labels, as this program counts steps: from 1 on.

    Formats count as they like; turning their numbers into these, and back, is a format's own business. Whoever makes
    one gives `first_error` or `labels`; the other follows from it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: StrictStr
    generator: StrictStr
    """Who wrote the solution: a model, or `task` for the task's own."""
    problem: StrictStr
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    final_answer_correct: StrictBool | None
    """None: the file does not say."""
    first_error: StrictInt | None = Field(default=None, ge=0)
    """The first incorrect step, 0 for none, None where a step without a label may come before it."""
    labels: StrictStr = ""
    """A character a step, of `step_labels`."""
    values: tuple[float | None, ...] = ()
    """What the file says of each step in numbers, 0 to 1; empty where it has none."""
    answer: StrictStr = ""
    """The problem's reference answer, where the file has it."""
    tests: tuple[StrictStr, ...] = ()
    """What a program that solves the problem must pass, where the file has it."""
    extras: Extras = Extras()
    """What only this program's own format holds."""

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, Any]", data)
        labels, first, steps = given.get("labels", ""), given.get("first_error"), given.get("steps", ())
        if labels and "first_error" not in given:
            return given | {"first_error": first_error_of(str(labels))}
        if not labels and type(first) is int and 0 <= first <= len(steps):
            return given | {"labels": labels_of(first, len(steps))}
        return given

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.first_error is not None and self.first_error > len(self.steps):
            raise ValueError(f"the first error is step {self.first_error}, but there are only {len(self.steps)} steps")
        if len(self.labels) != len(self.steps) or not CHARACTERS.issuperset(self.labels):
            raise ValueError(f"there are {len(self.steps)} steps, and the labels are {self.labels!r}")
        if self.values and len(self.values) != len(self.steps):
            raise ValueError(f"there are {len(self.steps)} steps and {len(self.values)} values")
        if self.first_error != first_error_of(self.labels):
            raise ValueError(f"the first error is {self.first_error}, and the labels are {self.labels!r}")
        return self

    @property
    def contradicts(self) -> bool:
        """Whether the answer is wrong and no step is: it is measured as the file has it, and nothing learns from it."""
        return self.final_answer_correct is False and self.first_error == 0

    @property
    def ends_right(self) -> bool:
        """Whether the final answer is right; where the file does not say, whether no step is incorrect."""
        return self.first_error == 0 if self.final_answer_correct is None else self.final_answer_correct

    def relabeled(self, labels: str) -> LabeledSolution:
        """The same with other labels; the file's values no longer stand for them."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        return LabeledSolution.model_validate(
            facts | {"labels": labels, "first_error": first_error_of(labels), "values": ()}
        )


@dataclass(frozen=True)
class ReadAs:
    """How a file is to be read, where its format leaves a choice."""

    threshold: float = 0.0
    """A step with a number is correct where its number is above this."""
    keep_odd: bool = False
    """Keep rows whose labels do not fit their steps: what does not fit is left without a label."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> ReadAs:
        """As it was stored by `settings`."""
        return cls(float(settings["threshold"]), bool(settings["keep_odd"]))

    @property
    def settings(self) -> dict[str, float | bool]:
        """To be stored: `of` reads it."""
        return {"threshold": self.threshold, "keep_odd": self.keep_odd}
