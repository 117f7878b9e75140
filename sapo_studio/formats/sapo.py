"""SAPO Studio's own format: everything that is known of a solution, a line of JSON each.

Labels are words (`correct`, `incorrect`, `neutral`, null for a step without one), steps count from 1. Besides them:
people's judgements, resolutions and comments with their names and times, scores of verifiers, labels by source, and
rollouts. What is empty is left out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr

from sapo_studio.domain.judgements import UNKNOWN as NOT_SAID
from sapo_studio.domain.judgements import first_error
from sapo_studio.formats.base import LabeledSolution, ReadAs
from sapo_studio.formats.extras import Comment, Extras, Judgement, Resolution, Rollout, Scores, SourceLabels
from sapo_studio.formats.format import format_of_rows
from sapo_studio.formats.holding import EVERYTHING
from sapo_studio.formats.rows import Row, RowError, RowFormat, beyond, lengths_differ, validated
from sapo_studio.formats.splice import Edit
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, NEUTRAL, UNKNOWN

NAME = "sapo-steps-1"
"""What `format` says: the version of this format."""
_MARKS: dict[str | None, str] = {"correct": CORRECT, "incorrect": INCORRECT, "neutral": NEUTRAL, None: UNKNOWN}
_WORDS = {mark: word for word, mark in _MARKS.items()}


class Item(BaseModel):
    """A row of the file."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal["sapo-steps-1"]
    id: StrictStr
    generator: StrictStr = ""
    problem: StrictStr
    answer: StrictStr = ""
    tests: tuple[StrictStr, ...] = ()
    steps: tuple[StrictStr, ...] = Field(min_length=1)
    step_labels: tuple[Literal["correct", "incorrect", "neutral"] | None, ...]
    final_answer_correct: StrictBool | None = None
    values: tuple[Annotated[float, Field(strict=True, ge=0, le=1)] | None, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    comments: tuple[Comment, ...] = ()
    scores: tuple[Scores, ...] = ()
    labels_by_source: tuple[SourceLabels, ...] = ()
    rollouts: tuple[Rollout, ...] = ()


def _read(row: Row, _name: str, read_as: ReadAs) -> list[LabeledSolution]:
    item = validated(Item, row)
    n = len(item.steps)
    if len(item.step_labels) != n and not read_as.keep_odd:
        raise lengths_differ(n, len(item.step_labels))
    if len(item.values) not in (0, n):
        raise lengths_differ(n, len(item.values), "steps and {} values")
    _check_extras(item, n)
    return [
        LabeledSolution(
            id=item.id,
            generator=item.generator,
            problem=item.problem,
            steps=item.steps,
            final_answer_correct=item.final_answer_correct,
            labels="".join(_MARKS[word] for word in item.step_labels)[:n].ljust(n, UNKNOWN),
            values=item.values,
            answer=item.answer,
            tests=item.tests,
            extras=Extras(
                judgements=item.judgements,
                resolutions=item.resolutions,
                comments=item.comments,
                scores=item.scores,
                labels=item.labels_by_source,
                rollouts=item.rollouts,
            ),
        )
    ]


def _check_extras(item: Item, n: int) -> None:
    for field, steps in (
        ("judgements", [one.step for one in item.judgements]),
        ("comments", [one.step for one in item.comments]),
        ("rollouts", [one.prefix for one in item.rollouts]),
    ):
        if (last := max(steps, default=0)) > n:
            raise RowError(f"{field}: step {last} is named, but there are only {n} steps")
    for resolution in item.resolutions:
        said = resolution.judgements
        if (last := max(said)) > n:
            raise RowError(f"resolutions: step {last} is named, but there are only {n} steps")
        if len(said) < len(resolution.steps):
            raise RowError(f"resolutions: {resolution.person} judges a step twice")
        if first_error(said, n) == NOT_SAID:
            raise RowError(f"resolutions: {resolution.person} does not say whether there is an error")
    for scores in item.scores:
        if len(scores.scores) != n:
            raise lengths_differ(n, len(scores.scores), f"steps and {{}} scores of V_{scores.verifier}")
        if scores.predicted > n:
            raise beyond(scores.predicted, n, f"scores of V_{scores.verifier}")
    for labels in item.labels_by_source:
        if len(labels.labels) != n:
            raise lengths_differ(n, len(labels.labels), f"steps and {{}} labels by {labels.source}")
        if (error := max(labels.verified, labels.predicted)) > n:
            raise beyond(error, n, f"labels_by_source of {labels.source}")


def _write(solution: LabeledSolution) -> Row:
    facts: dict[str, Any] = {
        **solution.model_dump(mode="json", exclude={"extras", "labels", "first_error"}),
        "format": NAME,
        "step_labels": [_WORDS[mark] for mark in solution.labels],
        **solution.extras.model_dump(mode="json", exclude={"labels"}),
        "labels_by_source": solution.extras.model_dump(mode="json")["labels"],
    }
    needed = {"format", "id", "problem", "steps", "step_labels"}
    return {key: facts[key] for key in Item.model_fields if key in needed or facts[key] not in ("", [], None)}


def _relabel(row: Row, _place: int, labels: str, _read_as: ReadAs) -> list[Edit]:
    there = len(row["step_labels"])
    return [(("step_labels", step), _WORDS[mark]) for step, mark in enumerate(labels[:there])]


FORMAT = format_of_rows(
    RowFormat(
        title="SAPO Studio",
        shape=f'Each row has format ("{NAME}"), id, problem, steps and step_labels.',
        read=_read,
        write=_write,
        relabel=_relabel,
        holds=EVERYTHING,
        understood=frozenset(Item.model_fields),
        own_ids=True,
    )
)
