"""Trajectories of a run with their first errors, in a format of `formats.registry`.

For people who train or measure step verifiers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Literal

from sapo_studio.app.exports import imported
from sapo_studio.app.exports.extras import extras_of
from sapo_studio.app.exports.people import labels_by
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.holding import Fact, Losses
from sapo_studio.formats.registry import KnownFormat
from sapo_studio.formats.step_labels import labels_of
from sapo_studio.store import imports, queries
from sapo_studio.store.codec import id_range, row_id, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.human_verdicts import judged_steps
from sapo_studio.store.traces import parse_steps

LabelSource = Literal["human", "rollouts", "oracle", "file"]
"""Whose labels are exported: people's, the first error that rollouts verified, or the task's own step oracle's; of an
imported file its own."""


def written(
    known: KnownFormat,
    store: Store,
    run_id: str,
    *,
    labels: LabelSource | None = None,
    source: str | None = None,
    iteration: int | None = None,
    losses: Losses | None = None,
) -> Iterator[str]:
    """What `labeled_solutions` finds of a run, or an imported file, as text in a format. Nothing at all where there is
    nothing. None as `labels`: people's, of an imported file its own.

    What the format cannot hold is in `losses` once everything was read.
    """
    losses = Losses() if losses is None else losses
    imported_file = queries.get_run(store, run_id).imported
    if imported_file and imports.info(store, run_id).format != imports.BUNDLE:
        if labels not in (None, "file", "human"):
            raise InputError(f"{run_id} is an imported file", fix="Its labels are `file` (its own) or `human`.")
        yield from imported.written(store, run_id, known, people=labels == "human", losses=losses)
        return
    if labels == "file":
        what = "came by a bundle, which is no file of labels" if imported_file else "is a run, not an imported file"
        raise InputError(f"{run_id} {what}", fix="Choose human, rollouts or oracle.")
    made = known.load()
    if made.write is None:
        raise InputError(f"{known.title} can be read, not written")
    rows = made.rows
    solutions = labeled_solutions(store, run_id, labels=labels or "human", source=source, iteration=iteration)
    if rows is not None:
        if Fact.JUDGEMENTS in rows.holds:
            solutions = _with_extras(store, run_id, solutions)
        yield from rows.lines(solutions, losses)
        return
    for first in solutions:
        yield from made.write(chain([first], solutions))


def _with_extras(store: Store, run_id: str, solutions: Iterator[LabeledSolution]) -> Iterator[LabeledSolution]:
    number = queries.get_number(store, run_id)
    for one in solutions:
        identity = row_id(number, int(one.id.rpartition("-")[2]))
        yield one.model_copy(update={"extras": extras_of(store, [identity])[identity]})


def labeled_solutions(
    store: Store, run_id: str, *, labels: LabelSource = "human", source: str | None = None, iteration: int | None = None
) -> Iterator[LabeledSolution]:
    """The trajectories of a run whose first error is known from `labels`, in order of their ids.

    `source` (sample, solution, expansion, process, test) and `iteration` narrow them down. Unless a person has judged
    them or `source` asks for them the task's own solutions are left out, which no model wrote, and those of test
    questions: who trains on what is exported would train on these.
    """
    low, high = id_range(queries.get_number(store, run_id))
    name = queries.get_run(store, run_id).id
    where = "t.id BETWEEN ? AND ?"
    values: list[Any] = [low, high]
    known: Mapping[int, Mapping[int, int]] = {}
    if labels == "human":
        known = judged_steps(store, low, high)
        where += " AND t.id IN (SELECT value FROM json_each(?))"
        values.append(json.dumps(list(known)))
    else:
        where += " AND t.verified IS NOT NULL" if labels == "rollouts" else " AND t.truth IS NOT NULL"
        if source is None:
            where += " AND t.source NOT IN ('solution', 'test')"
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
            steps=(cut := tuple(parse_steps(store, steps, identity))),
            final_answer_correct=bool(correct),
            labels=labels_by(known[identity], len(cut))
            if labels == "human"
            else labels_of(verified if labels == "rollouts" else truth, len(cut)),
        )
