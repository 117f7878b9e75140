"""ProcessBench: one JSON object a line with `id, generator, problem, steps, final_answer_correct, label`.

`label` is the 0-based index of the first incorrect step, -1 where there is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from sapo_studio.errors import InputError
from sapo_studio.formats.base import Format, LabeledSolution, json_rows


class Item(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: StrictStr
    generator: StrictStr
    problem: StrictStr
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    final_answer_correct: StrictBool
    label: StrictInt = Field(ge=-1)


def read(lines: Iterable[str], source: str = "the file") -> Iterator[LabeledSolution]:
    """The solutions in JSONL `lines`; empty lines are skipped. Raises InputError that names line and field."""
    fix = "Each line has id, generator, problem, steps, final_answer_correct and label."
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
        yield json.dumps(item.model_dump(mode="json"), ensure_ascii=False) + "\n"


FORMAT = Format(read=read, write=write)
