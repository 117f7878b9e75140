"""ProcessBench: objects with `id, generator, problem, steps, final_answer_correct, label`.

They come as one JSON array, as published, or one a line; they are written one a line. `label` is the 0-based index of
the first incorrect step, -1 where there is none. As others write it, `label` may be 1.0, `id` a number, and `generator`
null or missing. Rows may also say what a solution of the problem is graded by: `answer` (a text or a number) or `tests`
(a text or a list of texts); rows without them are written without them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import Row, RowError, RowFormat, validated
from sapo_studio.formats.splice import Edit
from sapo_studio.formats.step_labels import UNKNOWN, first_error_of
from sapo_studio.formats.tolerant import Id, Name, Texts


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Id
    generator: Name = ""
    problem: StrictStr
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    final_answer_correct: StrictBool
    label: Annotated[StrictInt, BeforeValidator(_whole)] = Field(ge=-1)
    answer: Name = ""
    tests: Texts = ()


def _read(row: Row, _name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    facts = item.model_dump(exclude={"label"})
    if item.label < len(item.steps):
        return [LabeledSolution(**facts, first_error=item.label + 1)]
    if read_as.keep_odd:
        return [LabeledSolution(**facts, labels=UNKNOWN * len(item.steps))]
    raise RowError(
        f"label: {item.label}, but there are only {len(item.steps)} steps",
        fix="label is the index of the first incorrect step, counted from 0, or -1 for none.",
        odd=True,
    )


def _write(solution: LabeledSolution) -> Row:
    facts: dict[str, Any] = solution.model_dump(include=set(Item.model_fields) - {"label"})
    item = Item.model_validate(
        facts | {"final_answer_correct": solution.ends_right, "label": (solution.first_error or 0) - 1}
    )
    return item.model_dump(mode="json", exclude={name for name in ("answer", "tests") if not getattr(item, name)})


def _relabel(_row: Row, _place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    first = first_error_of(labels)
    return [] if first is None else [(("label",), first - 1)]


FORMAT = format_of_rows(
    RowFormat(
        title="ProcessBench",
        shape="Each row has id, generator, problem, steps, final_answer_correct and label.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.ID, Fact.GENERATOR, Fact.ANSWER, Fact.TESTS, Fact.OUTCOME)),
        understood=frozenset(Item.model_fields),
        own_ids=True,
    )
)
