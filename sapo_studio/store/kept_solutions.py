"""Solutions that somebody kept in the playground: one after the other in a file that was never one.

It is kept as an imported file is (`imports`), in this program's own format, so that its solutions can be read,
annotated, scored and exported like any other. A row's JSON says under `ROW_KEY` how its solution came about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.extras import Extras, Scores, SourceLabels
from sapo_studio.formats.rows import Row
from sapo_studio.store import queries, runs
from sapo_studio.store.codec import row_id
from sapo_studio.store.db import Store
from sapo_studio.store.imports import FILE_LABELS, SOURCE, number_of, write_extras

WORD_LABELS = "playground"
"""The source of labels that say what somebody's word says of the steps of a whole solution."""
ROW_KEY = "playground"
"""In a row's JSON: how its solution came about."""
HOLDS = "playground"
"""In the settings of such a file: the kind of task whose solutions it holds."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A verifier's scores of a solution's steps; `wanted`: the number that they are to stand under if it is free."""

    verifier: str
    wanted: int
    scores: tuple[float, ...]
    predicted: int


@dataclass(frozen=True, slots=True)
class Solution:
    """What is to be kept: the solution without id and extras, whether it counts as correct, its labels by somebody's
    word, how many tokens it has, its scores, and how it came about. `about` is what makes it the same one again."""

    solution: LabeledSolution
    correct: bool
    word_labels: str
    tokens: int
    scored: Scored | None
    about: Mapping[str, Any]
    more: Mapping[str, Any]


def holder(store: Store, kind: str, name: str) -> str:
    """The file that holds kept solutions of tasks of a kind; a new one of this name where there is none, or it is in
    the bin."""
    found = store.value(
        "SELECT i.run_id FROM imports i JOIN runs r ON r.id = i.run_id"
        " WHERE json_extract(i.settings, ?) = ? AND r.binned_at IS NULL ORDER BY r.number DESC LIMIT 1",
        (f"$.{HOLDS}", kind),
    )
    if found is not None:
        return str(found)
    with store.atomic():
        _, run_id = runs.create_import(store, name)
        settings = {"threshold": 0.0, "keep_odd": False, HOLDS: kind}
        frame = {"before": "", "gap": "\n", "gaps": {}, "tail": "\n", "array": False}
        store.execute(
            "INSERT INTO imports (run_id, file, format, settings, frame, refused) VALUES (?, ?, 'sapo', ?, ?, '[]')",
            (run_id, "the playground", json.dumps(settings), json.dumps(frame)),
        )
    return run_id


def keep(store: Store, run_id: str, kept: Solution, write: Callable[[LabeledSolution], Row]) -> tuple[int, bool]:
    """Keep a solution in the holder `run_id`; `write` makes the row of one. Returns its trajectory, and whether it is
    new: of one that was kept before, the word takes the place of what was said then."""
    with store.atomic():
        number = queries.get_number(store, run_id)
        extras = _extras(store, run_id, kept)
        question = _question(store, number, run_id, kept.solution)
        steps = json.dumps(list(kept.solution.steps), ensure_ascii=False)
        known = _known(store, run_id, question, steps, kept.about)
        last = store.value("SELECT coalesce(max(row), 0) FROM import_rows WHERE run_id = ?", (run_id,))
        place = int(last) + 1 if known is None else known[1]
        row = write(kept.solution.model_copy(update={"id": f"kept-{place}", "extras": extras}))
        raw = json.dumps({**row, ROW_KEY: {**kept.about, **kept.more}}, ensure_ascii=False)
        if known is None:
            store.execute("INSERT INTO import_rows (run_id, row, raw) VALUES (?, ?, ?)", (run_id, place, raw))
            identity = _add(store, number, run_id, kept, question, steps, place)
        else:
            identity = known[0]
            store.execute("UPDATE import_rows SET raw = ? WHERE run_id = ? AND row = ?", (raw, run_id, place))
            store.execute("UPDATE trajectories SET correct = ? WHERE id = ?", (kept.correct, identity))
            store.execute(
                "UPDATE labels SET labels = ? WHERE trajectory_id = ? AND source = ?",
                (kept.word_labels, identity, WORD_LABELS),
            )
        write_extras(store, number, identity, extras, 0)
    return identity, known is None


def _extras(store: Store, run_id: str, kept: Solution) -> Extras:
    scored = kept.scored
    scores = ()
    if scored is not None:
        at = number_of(store, run_id, scored.verifier, scored.wanted)
        scores = (Scores(verifier=at, scores=scored.scores, predicted=scored.predicted),)
    return Extras(scores=scores, labels=(SourceLabels(source=WORD_LABELS, iteration=0, labels=kept.word_labels),))


def _question(store: Store, number: int, run_id: str, solution: LabeledSolution) -> int:
    answer = solution.answer or "\n".join(solution.tests)
    found = store.value(
        "SELECT id FROM questions WHERE run_id = ? AND text = ? AND answer = ?", (run_id, solution.problem, answer)
    )
    if found is not None:
        return int(found)
    made = _next(store, "questions", number, run_id)
    store.execute(
        "INSERT INTO questions (id, run_id, split, text, solution, answer) VALUES (?, ?, 'import', ?, '', ?)",
        (made, run_id, solution.problem, answer),
    )
    return made


def _known(store: Store, run_id: str, question: int, steps: str, about: Mapping[str, Any]) -> tuple[int, int] | None:
    """The trajectory and the row of the same solution by the same checkpoint; None where it was not kept before."""
    for identity, place, raw in store.rows(
        "SELECT t.id, i.row, r.raw FROM trajectories t JOIN import_trajectories i ON i.trajectory_id = t.id"
        " JOIN import_rows r ON r.run_id = t.run_id AND r.row = i.row"
        " WHERE t.question_id = ? AND t.run_id = ? AND t.steps = ?",
        (question, run_id, steps),
    ):
        told = json.loads(raw).get(ROW_KEY, {})
        if all(told.get(key) == value for key, value in about.items()):
            return int(identity), int(place)
    return None


def _add(store: Store, number: int, run_id: str, kept: Solution, question: int, steps: str, place: int) -> int:
    solution = kept.solution
    identity = _next(store, "trajectories", number, run_id)
    store.execute(
        "INSERT INTO trajectories (id, run_id, question_id, iteration, sample, source, steps, n_steps, correct, truth,"
        " tokens) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(identity, run_id, question, place, SOURCE, steps, len(solution.steps), kept.correct),
            *(solution.first_error, kept.tokens),
        ),
    )
    store.execute("INSERT INTO import_trajectories (trajectory_id, row, place) VALUES (?, ?, 0)", (identity, place))
    store.execute(
        "INSERT INTO labels (trajectory_id, source, iteration, labels, verified) VALUES (?, ?, 0, ?, ?)",
        (identity, FILE_LABELS, solution.labels, solution.first_error or 0),
    )
    return identity


def _next(store: Store, table: str, number: int, run_id: str) -> int:
    last = store.value(f"SELECT max(id) FROM {table} WHERE run_id = ?", (run_id,))
    return row_id(number, 1) if last is None else int(last) + 1
