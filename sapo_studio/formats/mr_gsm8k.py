"""MR-GSM8K: people's first error, counted from 1, "N/A" where there is none.

`model_output_solution_correctness` says the same in a word (or as a truth value), and a row in which the two contradict
each other is refused. Steps behind the first error have no label.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import Row, RowError, RowFormat, beyond, validated
from sapo_studio.formats.splice import Edit
from sapo_studio.formats.step_labels import UNKNOWN, first_error_of
from sapo_studio.formats.tolerant import Name, whole

_NONE = ("", "n/a", "na", "none")
_STEP = re.compile(r"^(?=Step \d+:)", re.MULTILINE)
_FIRST, _VERDICT = "model_output_solution_first_error_step", "model_output_solution_correctness"


def _word(value: object) -> object:
    if isinstance(value, bool):
        return "correct" if value else "wrong"
    return value.strip().lower() if isinstance(value, str) else value


def _step(value: object) -> object:
    # NaN is what "N/A" becomes on its way through a table of pandas.
    if value is None or value != value or (isinstance(value, str) and value.strip().lower() in _NONE):
        return None
    return whole(value.strip().lower().removeprefix("step ") if isinstance(value, str) else value)


def _steps(value: object) -> object:
    return [part.strip() for part in _STEP.split(value) if part.strip()] if isinstance(value, str) else value


Verdict = Annotated[Literal["correct", "wrong"], BeforeValidator(_word)]


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    uuid: Name = ""
    question: StrictStr
    ground_truth_answer: Name = ""
    model_output_steps: Annotated[tuple[StrictStr, ...], BeforeValidator(_steps)] = Field(min_length=1)
    model_output_answer_correctness: Verdict | None = None
    model_output_solution_correctness: Verdict
    model_output_solution_first_error_step: Annotated[StrictInt | None, BeforeValidator(_step)] = Field(
        default=None, ge=1
    )


def _read(row: Row, name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    n, first = len(item.model_output_steps), item.model_output_solution_first_error_step
    wrong = item.model_output_solution_correctness == "wrong"
    fault: RowError | None = None
    if wrong != (first is not None):
        said = "no first error" if first is None else f"first error in step {first}"
        fault = RowError(f"{_VERDICT}: {'wrong' if wrong else 'correct'}, with {said}", odd=True)
    elif first is not None and first > n:
        fault = beyond(first, n, _FIRST)
    if fault is not None and not read_as.keep_odd:
        raise fault
    facts: dict[str, Any] = {"labels": UNKNOWN * n} if fault is not None else {"first_error": first or 0}
    answered = item.model_output_answer_correctness
    return [
        LabeledSolution(
            id=item.uuid or name,
            generator="",
            problem=item.question,
            steps=item.model_output_steps,
            final_answer_correct=None if answered is None else answered == "correct",
            answer=item.ground_truth_answer,
            **facts,
        )
    ]


def _write(solution: LabeledSolution) -> Row:
    return {
        "uuid": solution.id,
        "question": solution.problem,
        "ground_truth_answer": solution.answer,
        "model_output_steps": list(solution.steps),
        "model_output_answer_correctness": "correct" if solution.ends_right else "wrong",
        **_said(solution.first_error or 0),
    }


def _said(first: int) -> dict[str, object]:
    return {_VERDICT: "wrong" if first else "correct", _FIRST: first or "N/A"}


def _relabel(row: Row, _place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    first = first_error_of(labels)
    if first is None:
        return []
    said = _said(first)
    if _step(row.get(_FIRST)) == (first or None):
        del said[_FIRST]  # However the file spells it.
    if _word(row[_VERDICT]) == said[_VERDICT]:
        del said[_VERDICT]
    if isinstance(row[_VERDICT], bool) and _VERDICT in said:
        said[_VERDICT] = not first
    return [((key,), value) for key, value in said.items() if key in row]


FORMAT = format_of_rows(
    RowFormat(
        title="MR-GSM8K",
        shape=f"Each row has question, model_output_steps, {_VERDICT} and {_FIRST}.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.ID, Fact.ANSWER, Fact.OUTCOME)),
        understood=frozenset(Item.model_fields),
    )
)
