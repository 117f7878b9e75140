"""Trajectories of a run with their first errors, in a format of `formats.registry`.

For people who train or measure step verifiers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal

from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.registry import KnownFormat
from sapo_studio.store import queries
from sapo_studio.store.annotations import human_first_errors
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.traces import parse_steps

LabelSource = Literal["human", "rollouts", "oracle"]
"""Whose first error is exported: people's, the one that rollouts verified, or the task's own step oracle's."""


def written(
    known: KnownFormat,
    store: Store,
    run_id: str,
    *,
    labels: LabelSource = "human",
    source: str | None = None,
    iteration: int | None = None,
) -> Iterator[str]:
    """What `labeled_solutions` finds, as text in a format. Nothing at all where it finds none."""
    write = known.load().write
    if write is None:
        raise InputError(f"{known.title} can be read, not written")
    solutions = labeled_solutions(store, run_id, labels=labels, source=source, iteration=iteration)
    for first in solutions:
        yield from write(chain([first], solutions))


def labeled_solutions(
    store: Store, run_id: str, *, labels: LabelSource = "human", source: str | None = None, iteration: int | None = None
) -> Iterator[LabeledSolution]:
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
        yield LabeledSolution(
            id=f"{name}-{row_number(identity)}",
            generator="task" if kind == "solution" else f"{name}/M{made_in}",
            problem=problem,
            steps=tuple(parse_steps(store, steps, identity)),
            final_answer_correct=bool(correct),
            first_error=known[identity] if labels == "human" else verified if labels == "rollouts" else truth,
        )
