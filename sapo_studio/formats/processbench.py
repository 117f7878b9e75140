"""ProcessBench: one JSON object a line with `id, generator, problem, steps, final_answer_correct, label`.

`label` is the 0-based index of the first wrong step, -1 where none is wrong. Everywhere else in this program
first errors are 1-based and 0 means none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from sapo_studio.errors import InputError


class Item(BaseModel):
    """One solution with its first wrong step."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: StrictStr
    generator: StrictStr
    problem: StrictStr
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    final_answer_correct: StrictBool
    label: StrictInt = Field(ge=-1)

    @property
    def first_error(self) -> int:
        """The first wrong step as this program counts: from 1, 0 for none."""
        return self.label + 1


def to_line(item: Item) -> str:
    """`item` as one line of JSON, without the line break."""
    return json.dumps(item.model_dump(mode="json"), ensure_ascii=False)


def read(lines: Iterable[str], *, source: str = "the file") -> Iterator[Item]:
    """The items in JSONL `lines`; empty lines are skipped. Raises InputError that names line and field of a fault."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = Item.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors()[0]
            field = ".".join(map(str, fault["loc"])) or "the line"
            raise InputError(
                f"{source}:{number} is not ProcessBench",
                why=f"{field}: {fault['msg']}",
                fix="Each line has id, generator, problem, steps, final_answer_correct and label.",
            ) from error
        if item.label >= len(item.steps):
            raise InputError(
                f"{source}:{number} is not ProcessBench",
                why=f"label: {item.label}, but there are only {len(item.steps)} steps",
                fix="label is the index of the first incorrect step, counted from 0, or -1 for none.",
            )
        yield item


def read_file(path: Path) -> list[Item]:
    """The items in a file. Raises InputError, also where it cannot be read or has none."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            items = list(read(lines, source=str(path)))
    except OSError as error:
        raise InputError(f"{path} cannot be read", why=error.strerror or str(error)) from error
    if not items:
        raise InputError(f"{path} has no solutions", fix="Give a file in ProcessBench's format.")
    return items
