"""Where a bundle's trajectories are in this store, or a run made for them where they are not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.labels import detect
from sapo_studio.domain.runs import RunStatus
from sapo_studio.names import fitted_name
from sapo_studio.store.bundle_records import Bundle, ItemRecord
from sapo_studio.store.codec import pack_scores, row_id
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.imports import BUNDLE
from sapo_studio.store.queries import get_number
from sapo_studio.store.runs import create_run


def places_of(store: Store, bundle: Bundle, file: str) -> tuple[list[int], str]:
    """The trajectory of each item in this store, and the run that was made for those that were not here ('': none)."""
    ids = known_trajectories(store, bundle.items)
    if not any(ids):
        ids = _in_one_run(store, bundle.items) or ids
    missing = [item for item, identity in zip(bundle.items, ids, strict=True) if identity is None]
    if not missing:
        return [identity for identity in ids if identity is not None], ""
    run_id = _make_run(store, bundle.queue.name, missing, file)
    made = iter(range(row_id(get_number(store, run_id), 0), row_id(get_number(store, run_id), len(missing))))
    return [next(made) if identity is None else identity for identity in ids], run_id


def origins(store: Store, trajectory_ids: Sequence[int] | None = None) -> dict[int, tuple[str, int]]:
    """Where copies of trajectories come from that bundles have brought: run and row; of all, or of these."""
    found = store.rows(
        "SELECT x.trajectory_id, r.raw FROM imports m JOIN import_rows r ON r.run_id = m.run_id"
        " JOIN trajectories t ON t.run_id = m.run_id JOIN import_trajectories x ON x.trajectory_id = t.id"
        f" AND x.row = r.row WHERE m.format = '{BUNDLE}'"
        + ("" if trajectory_ids is None else " AND t.id IN (SELECT value FROM json_each(?))"),
        () if trajectory_ids is None else (json.dumps(list(trajectory_ids)),),
    )
    with reading(store.path, "where an imported trajectory comes from"):
        rows = ((identity, json.loads(raw)) for identity, raw in found)
        return {identity: (str(row["run"]), int(row["row"])) for identity, row in rows}


def known_trajectories(store: Store, items: Sequence[ItemRecord]) -> list[int | None]:
    """Of each item the trajectory here that it is, or a copy of it: with the same origin, question and steps."""
    copies = {origin: identity for identity, origin in origins(store).items()}
    numbers: dict[str, int] = dict(store.rows("SELECT id, number FROM runs"))

    def here(item: ItemRecord) -> int | None:
        if item.origin in copies:
            return copies[item.origin]
        return row_id(numbers[item.run], item.row) if item.run in numbers else None

    candidates = [here(item) for item in items]
    content = {
        identity: (question, steps)
        for identity, question, steps in store.rows(
            "SELECT t.id, q.text, t.steps FROM json_each(?) j JOIN trajectories t ON t.id = j.value"
            " JOIN questions q ON q.id = t.question_id",
            (json.dumps([identity for identity in candidates if identity is not None]),),
        )
    }
    return [
        identity if identity is not None and content.get(identity) == (item.question, steps_text(item.steps)) else None
        for item, identity in zip(items, candidates, strict=True)
    ]


def _in_one_run(store: Store, items: Sequence[ItemRecord]) -> list[int | None] | None:
    """A trajectory for each of `items`, all of the newest run that has them all; None where none has. Copies that
    bundles have brought are not looked at: they are known by where they come from.

    A trajectory is known by its question and its steps; of several that are alike, by iteration and sample.
    """
    by_run: dict[str, dict[tuple[str, str], list[tuple[int, int, int]]]] = {}
    for run, identity, question, steps, iteration, sample in store.rows(
        "SELECT t.run_id, t.id, q.text, t.steps, t.iteration, t.sample FROM trajectories t"
        " JOIN questions q ON q.id = t.question_id WHERE t.n_steps IN (SELECT value FROM json_each(?))"
        " AND q.text IN (SELECT value FROM json_each(?))"
        f" AND t.run_id NOT IN (SELECT run_id FROM imports WHERE format = '{BUNDLE}') ORDER BY t.id",
        (json.dumps(sorted({len(item.steps) for item in items})), json.dumps(list({item.question for item in items}))),
    ):
        by_run.setdefault(run, {}).setdefault((question, steps), []).append((identity, iteration, sample))
    for run in sorted(by_run, key=lambda run: get_number(store, run), reverse=True):
        found = _matched(by_run[run], items)
        if found is not None:
            return found
    return None


def _matched(
    known: dict[tuple[str, str], list[tuple[int, int, int]]], items: Sequence[ItemRecord]
) -> list[int | None] | None:
    found: list[int | None] = []
    taken: set[int] = set()
    for item in items:
        alike = [one for one in known.get((item.question, steps_text(item.steps)), ()) if one[0] not in taken]
        if not alike:
            return None
        identity, _, _ = min(alike, key=lambda one: (one[1:] != (item.iteration, item.sample), one[0]))
        taken.add(identity)
        found.append(identity)
    return found


def _make_run(store: Store, name: str, items: Sequence[ItemRecord], file: str) -> str:
    """A run of kind `import` with these trajectories, in rows 0 and on. Returns its id."""
    name = fitted_name(name, "annotations")
    run_id = create_run(store, RunConfig(name=name))
    store.execute(
        "UPDATE runs SET kind = 'import', status = ?, progress = 1, started_at = created_at, finished_at = created_at,"
        " iterations = ? WHERE id = ?",
        (RunStatus.DONE.value, max(item.iteration for item in items), run_id),
    )
    store.execute("INSERT INTO imports (run_id, file, format) VALUES (?, ?, ?)", (run_id, file, BUNDLE))
    number = get_number(store, run_id)
    questions: dict[tuple[str, str, str, str], int] = {}
    for at, item in enumerate(items):
        key = item.split, item.question, item.solution, item.reference
        if key not in questions:
            questions[key] = row_id(number, len(questions))
            store.execute(
                "INSERT INTO questions (id, run_id, split, text, solution, answer) VALUES (?, ?, ?, ?, ?, ?)",
                (questions[key], run_id, *key),
            )
        identity = row_id(number, at)
        store.execute(
            "INSERT INTO trajectories (id, run_id, question_id, iteration, sample, source, n_steps, correct, answer,"
            " truth, tokens, copies, steps) VALUES (?, ?, ?, ?, ?, 'import', ?, ?, ?, ?, ?, ?, ?)",
            (
                *(identity, run_id, questions[key], item.iteration, item.sample, len(item.steps), item.correct),
                *(item.answer, item.truth, item.tokens, item.copies, steps_text(item.steps)),
            ),
        )
        raw = json.dumps({"run": item.run, "row": item.row})
        store.execute("INSERT INTO import_rows (run_id, row, raw) VALUES (?, ?, ?)", (run_id, at + 1, raw))
        store.execute("INSERT INTO import_trajectories (trajectory_id, row) VALUES (?, ?)", (identity, at + 1))
        store.execute_many(
            "INSERT INTO scores (trajectory_id, verifier, scores, mean, predicted) VALUES (?, ?, ?, ?, ?)",
            [
                (identity, int(verifier), pack_scores(scores), float(np.mean(scores)), detect(scores))
                for verifier, scores in item.scores.items()
            ],
        )
    return run_id


def steps_text(steps: Sequence[str]) -> str:
    """Steps as the store keeps them."""
    return json.dumps(list(steps), ensure_ascii=False)
