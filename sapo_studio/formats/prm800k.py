"""PRM800K, both phases: what people said of each step that a model proposed: -1 incorrect, 0 neutral, 1 correct.

At each step the labeler went on with the chosen completion, or wrote one (`human_completion`, correct by what it is
for). A row holds several solutions: first the way that the labeler went, then each completion that was rated beside it,
with the steps before it. Where nothing was chosen, the way ends with the first completion. A rating of null is no
label; a step without completions ends the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import Fact
from sapo_studio.formats.rows import Row, RowError, RowFormat, validated
from sapo_studio.formats.splice import Edit, Path
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL, UNKNOWN
from sapo_studio.formats.tolerant import Name, Whole, like

_MARKS: dict[int | None, str] = {-1: INCORRECT, 0: NEUTRAL, 1: CORRECT, None: UNKNOWN}
_RATINGS = {mark: rating for rating, mark in _MARKS.items()}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Completion(_Part):
    """A proposed step."""

    text: StrictStr
    rating: Annotated[Whole | None, Field(ge=-1, le=1)] = None


class Step(_Part):
    """What was proposed at a step, and what the labeler went on with."""

    completions: tuple[Completion, ...] | None = None
    human_completion: Completion | StrictStr | None = None
    chosen_completion: Annotated[Whole, Field(ge=0)] | None = None


class Label(_Part):
    """What the labeler did. `finish_reason`: solution, found_error, give_up, bad_problem."""

    steps: tuple[Step, ...]
    finish_reason: StrictStr | None = None


class Question(_Part):
    """The problem, and in the second phase whose solution was labeled."""

    problem: StrictStr
    ground_truth_answer: Name = ""
    pre_generated_answer: Name | None = None


class Item(_Part):
    """A row of the file."""

    question: Question
    label: Label


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of a solution: its text and label, and where its rating stands in the row."""

    text: str
    mark: str
    path: Path
    """Empty where there is no rating."""


def _taken(step: Step, number: int) -> Taken | None:
    """What the labeler went on with; None where that was nothing."""
    path: Path = ("label", "steps", number)
    if step.chosen_completion is not None:
        proposed = step.completions or ()
        if step.chosen_completion >= len(proposed):
            raise RowError(
                f"label.steps.{number}.chosen_completion: {step.chosen_completion},"
                f" but there are only {len(proposed)} completions"
            )
        return _proposed(step, number, step.chosen_completion)
    written = step.human_completion
    if isinstance(written, str):
        return Taken(written, CORRECT, ())
    if written is not None:
        mark = CORRECT if written.rating is None else _MARKS[written.rating]
        return Taken(written.text, mark, _rating(written, (*path, "human_completion")))
    return None


def _proposed(step: Step, number: int, place: int) -> Taken:
    completion = (step.completions or ())[place]
    path: Path = ("label", "steps", number, "completions", place)
    return Taken(completion.text, _MARKS[completion.rating], _rating(completion, path))


def _rating(of: Completion, path: Path) -> Path:
    return (*path, "rating") if "rating" in of.model_fields_set else ()


def _ways(item: Item) -> list[tuple[Taken, ...]]:
    """The way that the labeler went, then those beside it."""
    went: tuple[Taken, ...] = ()
    beside: list[tuple[Taken, ...]] = []
    for number, step in enumerate(item.label.steps):
        taken = _taken(step, number)
        proposed = [_proposed(step, number, place) for place in range(len(step.completions or ()))]
        if taken is None and not proposed:
            break
        ends = taken is None
        chosen = taken or proposed[0]
        beside += [(*went, one) for one in proposed if one != chosen]
        went = (*went, chosen)
        if ends:
            break
    return [went, *beside] if went else []


def _read(row: Row, name: str, _read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    ways = _ways(item)
    if not ways:
        raise RowError("label.steps: there is no step")
    return [
        LabeledSolution(
            id=name if not place else f"{name}.{place}",
            generator="",
            problem=item.question.problem,
            steps=tuple(taken.text for taken in way),
            final_answer_correct=None if place else _outcome(item, ways[0]),
            labels="".join(taken.mark for taken in way),
            answer=item.question.ground_truth_answer,
        )
        for place, way in enumerate(ways)
    ]


def _outcome(item: Item, way: tuple[Taken, ...]) -> bool | None:
    given = item.question.pre_generated_answer
    if given is not None and item.question.ground_truth_answer:
        return given.strip() == item.question.ground_truth_answer.strip()
    if item.label.finish_reason == "solution":
        return all(taken.mark != INCORRECT for taken in way)
    return None


def _write(solution: LabeledSolution) -> Row:
    steps = [
        {
            "completions": [{"text": text, "rating": _RATINGS[mark], "flagged": None}],
            "human_completion": None,
            "chosen_completion": 0,
        }
        for text, mark in zip(solution.steps, solution.labels, strict=True)
    ]
    question = {"problem": solution.problem, "ground_truth_answer": solution.answer or None}
    finish = "found_error" if solution.first_error else "solution"
    return {"question": question, "label": {"steps": steps, "total_time": None, "finish_reason": finish}}


def _relabel(row: Row, place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    way = _ways(validated(Item, row))[place]
    return [
        (taken.path, _rated(row, taken.path, mark))
        for taken, mark in zip(way, labels, strict=True)
        if mark not in (UNKNOWN, taken.mark) and taken.path
    ]


def _rated(row: Row, path: Path, mark: str) -> object:
    rating = _RATINGS[mark]
    before: Any = row
    for part in path:
        before = before[part]
    return rating if rating is None else like(before, rating)


FORMAT = format_of_rows(
    RowFormat(
        title="PRM800K",
        shape="Each row has question.problem and label.steps, each step with completions that have text and rating.",
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=frozenset((Fact.ANSWER, Fact.STEPS, Fact.NEUTRAL, Fact.UNKNOWN, Fact.UNSURE_OUTCOME)),
        understood=frozenset(Item.model_fields),
    )
)
