"""What a format of step-labeled solutions is, and what all formats share: the solution, reading rows of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError, model_validator

from sapo_studio.errors import InputError
from sapo_studio.files import parse_json_text

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
    answer: StrictStr = ""
    """The problem's reference answer, where the file has it."""
    tests: tuple[StrictStr, ...] = ()
    """What a program that solves the problem must pass, where the file has it."""

    @model_validator(mode="after")
    def _has_the_step(self) -> Self:
        if self.first_error > len(self.steps):
            raise ValueError(f"the first error is step {self.first_error}, but there are only {len(self.steps)} steps")
        return self

    @property
    def contradicts(self) -> bool:
        """Whether the answer is wrong and no step is: it is measured as the file has it, and nothing learns from it."""
        return not self.final_answer_correct and self.first_error == 0


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
    """Each line of JSON (empty lines are skipped), or each row of one JSON array, as a `model`.

    With it comes where it stands: `source:line`, or `source row 3`, counted from 1. Raises InputError that names place
    and field of a fault: "... is not `title`", and `fix` is what a row looks like.
    """
    for where, value in _values(lines, source, title, fix):
        try:
            row = model.model_validate_json(value) if isinstance(value, str) else model.model_validate(value.row)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field = ".".join(map(str, fault["loc"])) or "the line"
            raise InputError(f"{where} is not {title}", why=f"{field}: {fault['msg']}", fix=fix) from error
        yield where, row


@dataclass(frozen=True)
class _Parsed:
    row: Any


def _values(lines: Iterable[str], source: str, title: str, fix: str) -> Iterator[tuple[str, str | _Parsed]]:
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    for number, line in numbered:
        if not line.lstrip().startswith("["):
            yield f"{source}:{number}", line
            continue
        try:
            rows = parse_json_text("".join([line, *(more for _, more in numbered)]))
        except ValueError as error:
            raise InputError(
                f"{source}:{number} is not {title}", why=f"The array is not JSON: {error}", fix=fix
            ) from error
        for place, row in enumerate(rows, start=1):
            yield f"{source} row {place}", _Parsed(row)
