"""ProcessBench: objects with `id, generator, problem, steps, final_answer_correct, label`.

They come as one JSON array, as published, or one a line; they are written one a line. `label` is the 0-based index of
the first incorrect step, -1 where there is none. As others write it, `label` may be 1.0, `id` a number, and `generator`
missing. Rows may also say what a solution of the problem is graded by: `answer` (a text or a number) or `tests` (a text
or a list of texts); rows without them are written without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from sapo_studio.errors import InputError
from sapo_studio.formats.base import Format, LabeledSolution, json_rows


def _text_of_number(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _none_is(empty: object) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Annotated[StrictStr, BeforeValidator(_text_of_number)]
    generator: StrictStr = ""
    problem: StrictStr
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    final_answer_correct: StrictBool
    label: Annotated[StrictInt, BeforeValidator(_whole)] = Field(ge=-1)
    answer: Annotated[StrictStr, BeforeValidator(_text_of_number), _none_is("")] = ""
    tests: Annotated[tuple[StrictStr, ...], BeforeValidator(_listed), _none_is(())] = ()


def read(lines: Iterable[str], source: str = "the file") -> Iterator[LabeledSolution]:
    """The solutions in the `lines` of a file. Raises InputError that names place and field."""
    fix = "Each row has id, generator, problem, steps, final_answer_correct and label."
    for where, item in json_rows(Item, lines, source=source, title="ProcessBench", fix=fix):
        if item.label >= len(item.steps):
            raise InputError(
                f"{where} is not ProcessBench",
                why=f"label: {item.label}, but there are only {len(item.steps)} steps",
                fix="label is the index of the first incorrect step, counted from 0, or -1 for none.",
            )
        yield LabeledSolution(**item.model_dump(exclude={"label"}), first_error=item.label + 1)


def write(solutions: Iterable[LabeledSolution]) -> Iterator[str]:
    """A line of JSON for each solution."""
    for solution in solutions:
        item = Item(**solution.model_dump(exclude={"first_error"}), label=solution.first_error - 1)
        absent = {name for name in ("answer", "tests") if not getattr(item, name)}
        yield json.dumps(item.model_dump(mode="json", exclude=absent), ensure_ascii=False) + "\n"


FORMAT = Format(read=read, write=write)
