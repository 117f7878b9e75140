"""PRMBench: a solution into which errors were put; `error_steps` counts from 1 and may name several steps.

The steps are `modified_process`, the problem `modified_question`. Every step that is not named is correct, behind an
error, too. Rows without an error (`multi_solutions`) are correct as a whole.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import Row, RowFormat, beyond, validated
from sapo_studio.formats.splice import Edit
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, UNKNOWN
from sapo_studio.formats.tolerant import Name, Whole


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    idx: Name = ""
    question: StrictStr = ""
    modified_question: StrictStr = ""
    modified_process: tuple[StrictStr, ...] = Field(min_length=1)
    error_steps: tuple[Annotated[Whole, Field(ge=1)], ...]


def _read(row: Row, name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    n = len(item.modified_process)
    last = max(item.error_steps, default=0)
    if last > n and not read_as.keep_odd:
        raise beyond(last, n, "error_steps")
    marks = (INCORRECT if step in item.error_steps else CORRECT for step in range(1, n + 1))
    return [
        LabeledSolution(
            id=item.idx or name,
            generator="",
            problem=item.modified_question or item.question,
            steps=item.modified_process,
            final_answer_correct=None,
            labels=UNKNOWN * n if last > n else "".join(marks),
        )
    ]


def _write(solution: LabeledSolution) -> Row:
    return {
        "idx": solution.id,
        "question": solution.problem,
        "modified_question": solution.problem,
        "modified_process": list(solution.steps),
        "error_steps": _wrong(solution.labels),
    }


def _wrong(labels: str) -> list[int]:
    return [step for step, mark in enumerate(labels, start=1) if mark == INCORRECT]


def _relabel(row: Row, _place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    before = validated(Item, row).error_steps
    kept = {step for step in before if labels[step - 1 : step] == UNKNOWN}
    now = sorted(kept | set(_wrong(labels)))
    return [] if set(now) == set(before) else [(("error_steps",), now)]


FORMAT = format_of_rows(
    RowFormat(
        title="PRMBench",
        shape="Each row has idx, modified_question, modified_process and error_steps.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.ID, Fact.STEPS)),
        understood=frozenset(Item.model_fields),
    )
)
