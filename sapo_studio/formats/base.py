"""What a format of step-labeled solutions is, and what all formats share: the solution, reading rows of JSON Lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError, model_validator

from sapo_studio.errors import InputError

Row = TypeVar("Row", bound=BaseModel)


class LabeledSolution(BaseModel):
    """A written solution with its first error, as this program counts steps: from 1, 0 where there is none.

    Formats count as they like; turning their numbers into these, and back, is a format's own business.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: StrictStr
    generator: StrictStr
    """Who wrote the solution: a model, or `task` for the task's own."""
    problem: StrictStr
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    final_answer_correct: StrictBool
    first_error: StrictInt = Field(ge=0)

    @model_validator(mode="after")
    def _has_the_step(self) -> Self:
        if self.first_error > len(self.steps):
            raise ValueError(f"the first error is step {self.first_error}, but there are only {len(self.steps)} steps")
        return self


Reader = Callable[[Iterable[str], str], Iterator[LabeledSolution]]
"""The solutions in the lines of a file. The second argument is what the file is called; faults are InputErrors that
name it, the line and the field."""
Writer = Callable[[Iterable[LabeledSolution]], Iterator[str]]
"""Solutions as the lines of a file, line breaks included."""


@dataclass(frozen=True)
class Format:
    """What the program can do with a format. Its name, title and suffixes stand in `registry`."""

    read: Reader | None = None
    write: Writer | None = None


def json_rows(
    model: type[Row], lines: Iterable[str], *, source: str, title: str, fix: str
) -> Iterator[tuple[str, Row]]:
    """Each line of JSON as a `model`, with where it stands (`source:line`); empty lines are skipped.

    Raises InputError that names line and field of a fault: "... is not `title`", and `fix` is what a row looks like.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{source}:{number}"
        try:
            row = model.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors()[0]
            field = ".".join(map(str, fault["loc"])) or "the line"
            raise InputError(f"{where} is not {title}", why=f"{field}: {fault['msg']}", fix=fix) from error
        yield where, row
