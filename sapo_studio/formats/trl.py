"""TRL's stepwise supervision: `prompt`, `completions` (a text a step) and `labels` (true or false a step).

As others write it, labels are 0 and 1, or texts, or null where nobody has labeled a step. A step that is not incorrect
is true: the format knows nothing neutral.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import Row, RowFormat, lengths_differ, validated
from sapo_studio.formats.splice import Edit
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, UNKNOWN
from sapo_studio.formats.tolerant import Flag, like


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    prompt: StrictStr
    completions: tuple[StrictStr, ...] = Field(min_length=1)
    labels: tuple[Flag | None, ...]


def _read(row: Row, name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    n = len(item.completions)
    if len(item.labels) != n and not read_as.keep_odd:
        raise lengths_differ(n, len(item.labels), "completions and {} labels")
    marks = [UNKNOWN if label is None else CORRECT if label else INCORRECT for label in item.labels]
    return [
        LabeledSolution(
            id=name,
            generator="",
            problem=item.prompt,
            steps=item.completions,
            final_answer_correct=None,
            labels="".join(marks)[:n].ljust(n, UNKNOWN),
        )
    ]


def _write(solution: LabeledSolution) -> Row:
    labels = [mark == CORRECT for mark in solution.labels]
    return {"prompt": solution.problem, "completions": list(solution.steps), "labels": labels}


def _relabel(row: Row, _place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    there = len(row["labels"])
    marks = [(step, mark) for step, mark in enumerate(labels) if mark != UNKNOWN and step < there]
    return [(("labels", step), like(row["labels"][step], mark != INCORRECT)) for step, mark in marks]


FORMAT = format_of_rows(
    RowFormat(
        title="TRL stepwise",
        shape="Each row has prompt, completions and labels, a label for each completion.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.STEPS,)),
        understood=frozenset(Item.model_fields),
    )
)
