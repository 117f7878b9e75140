"""Math-Shepherd: question and steps in one text, with a step token behind each step; in `label` a + or - stands there.

The question ends where "Step 1:" begins. Whatever else stands in the text, `<<3-5=-2>>` say, is part of its step. Marks
are those of rollouts: + where one from there on came to the right answer, which at the last step is whether the final
answer is right.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, StrictStr

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import (
    CannotHoldError,
    Row,
    RowError,
    RowFormat,
    lengths_differ,
    validated,
)
from sapo_studio.formats.splice import Edit
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, UNKNOWN

TOKEN = "\N{CYRILLIC SMALL LETTER KA}\N{CYRILLIC SMALL LETTER I}"
_TOKEN = re.compile(rf"(?<!\w){TOKEN}(?!\w)")
_FIRST_STEP = re.compile(r"(?<!\w)Step 1\s*:")
_MARKED = re.compile(r"(?<=\s)[+-](?=\s*(?:\n|$|Step \d+\s*:))")
_MARKS = {"+": CORRECT, "-": INCORRECT}


class Item(BaseModel):
    """A row of the file. `task` is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    input: StrictStr
    label: StrictStr


def _read(row: Row, name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    *parts, rest = _TOKEN.split(item.input)
    if not parts:
        raise RowError(f"input: no step token ({TOKEN}) ends a step")
    begins = [found.start() for found in _FIRST_STEP.finditer(parts[0])]
    if not begins:
        raise RowError('input: no "Step 1:" says where the question ends')
    if rest.strip():
        raise RowError("input: its last step ends without a step token")
    steps = [parts[0][begins[-1] :], *parts[1:]]
    labels = "".join(_MARKS[mark] for mark, _ in _marks(parts, item.label))
    if len(labels) != len(steps) and not read_as.keep_odd:
        marked = len(_MARKED.findall(item.label))
        if marked == len(steps):
            raise RowError("label: its text is not that of input")
        raise lengths_differ(len(steps), marked)
    return [
        LabeledSolution(
            id=name,
            generator="",
            problem=parts[0][: begins[-1]].strip(),
            steps=tuple(step.strip() for step in steps),
            final_answer_correct=labels[-1] == CORRECT if len(labels) == len(steps) else None,
            labels=labels.ljust(len(steps), UNKNOWN),
        )
    ]


def _marks(parts: list[str], label: str) -> list[tuple[str, int]]:
    """The marks of as many steps as `label` has, with their places: what stands between is the same as in the input."""
    found: list[tuple[str, int]] = []
    at = 0
    for part in parts:
        place = at + len(part)
        if label[at:place] != part or label[place : place + 1] not in _MARKS:
            break
        found.append((label[place], place))
        at = place + 1
    return found


def _write(solution: LabeledSolution) -> Row:
    if _TOKEN.search("\n".join((solution.problem, *solution.steps))):
        raise CannotHoldError("the step token stands in their text")
    steps = [_numbered(number, step.strip()) for number, step in enumerate(solution.steps, start=1)]
    if len(_FIRST_STEP.findall(steps[0])) > 1:
        raise CannotHoldError('"Step 1:" stands within their first step')
    marks = ["+" if mark == CORRECT else "-" for mark in solution.labels]
    lines = [f"{step} {{}}" for step in (step.replace("{", "{{").replace("}", "}}") for step in steps)]
    text = "\n".join(lines)
    head = f"{solution.problem.strip()} "
    return {"input": head + text.format(*[TOKEN] * len(steps)), "label": head + text.format(*marks)}


def _numbered(number: int, step: str) -> str:
    return step if re.match(rf"Step {number}\s*:", step) else f"Step {number}: {step}"


def _relabel(row: Row, _place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    item = validated(Item, row)
    label = list(item.label)
    for mark, (_, place) in zip(labels, _marks(_TOKEN.split(item.input)[:-1], item.label), strict=False):
        if mark != UNKNOWN:
            label[place] = "-" if mark == INCORRECT else "+"
    return [(("label",), "".join(label))]


FORMAT = format_of_rows(
    RowFormat(
        title="Math-Shepherd",
        shape=f"Each row has input, with {TOKEN} behind each step, and label, the same text with + or - there.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.STEPS,)),
        understood=frozenset(Item.model_fields),
        by_rollouts=True,
    )
)
