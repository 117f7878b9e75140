"""ProcessBench: one JSON object a line with `id, generator, problem, steps, final_answer_correct, label`.

`label` is the 0-based index of the first wrong step, -1 where none is wrong. Everywhere else in this program
first errors are 1-based and 0 means none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from sapo_studio.errors import InputError
from sapo_studio.store import queries
from sapo_studio.store.annotations import human_first_errors
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store

LabelSource = Literal["human", "rollouts", "oracle"]
"""Whose first error is exported: people's, the one that roll-outs verified, or the task's own step oracle's."""


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
                fix="label is the index of the first wrong step, counted from 0, or -1 for none.",
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


def export(
    store: Store, run_id: str, *, labels: LabelSource = "human", source: str | None = None, iteration: int | None = None
) -> Iterator[Item]:
    """The trajectories of a run whose first error is known from `labels`, in order of their ids.

    `source` (sample, solution, expansion, process) and `iteration` narrow them down. The task's own solutions are left
    out unless a person has judged them or `source` asks for them: no model wrote them.
    """
    low, high = id_range(queries.get_number(store, run_id))
    name = queries.get_run(store, run_id).id
    where = "t.id BETWEEN ? AND ?"
    values: list[Any] = [low, high]
    known: dict[int, int] = {}
    if labels == "human":
        known = {identity: error for identity, error in human_first_errors(store, low, high).items() if error >= 0}
        where += " AND t.id IN (SELECT value FROM json_each(?))"
        values.append(json.dumps(list(known)))
    else:
        where += " AND t.verified IS NOT NULL" if labels == "rollouts" else " AND t.truth IS NOT NULL"
        if source is None:
            where += " AND t.source != 'solution'"
    if source is not None:
        where += " AND t.source = ?"
        values.append(source)
    if iteration is not None:
        where += " AND t.iteration = ?"
        values.append(iteration)
    for identity, made_in, kind, problem, steps, correct, verified, truth in store.rows(
        "SELECT t.id, t.iteration, t.source, q.text, t.steps, t.correct, t.verified, t.truth FROM trajectories t"
        f" JOIN questions q ON q.id = t.question_id WHERE {where} ORDER BY t.id",
        values,
    ):
        first: int = known[identity] if labels == "human" else verified if labels == "rollouts" else truth
        yield Item(
            id=f"{name}-{row_number(identity)}",
            generator="task" if kind == "solution" else f"{name}/M{made_in}",
            problem=problem,
            steps=tuple(json.loads(steps)),
            final_answer_correct=bool(correct),
            label=first - 1,
        )
