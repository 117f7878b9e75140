"""Where a bundle's trajectories are in this store, or a run made for them where they are not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.labels import detect
from sapo_studio.domain.runs import RunStatus
from sapo_studio.readable import printable
from sapo_studio.store.bundle_records import Bundle, ItemRecord
from sapo_studio.store.codec import pack_scores, row_id
from sapo_studio.store.db import Store
from sapo_studio.store.queries import get_number
from sapo_studio.store.runs import create_run

_LONGEST_NAME = 80


def find_trajectories(store: Store, items: Sequence[ItemRecord]) -> list[int] | None:
    """A run's trajectory for each of `items`, all of the same run: that which they come from, else the newest that has
    them all. None where none has.

    A trajectory is known by its question and its steps; of several that are alike, by iteration and sample.
    """
    by_run: dict[str, dict[tuple[str, str], list[tuple[int, int, int]]]] = {}
    for run, identity, question, steps, iteration, sample in store.rows(
        "SELECT t.run_id, t.id, q.text, t.steps, t.iteration, t.sample FROM trajectories t"
        " JOIN questions q ON q.id = t.question_id WHERE t.n_steps IN (SELECT value FROM json_each(?))"
        " AND q.text IN (SELECT value FROM json_each(?)) ORDER BY t.id",
        (json.dumps(sorted({len(item.steps) for item in items})), json.dumps(list({item.question for item in items}))),
    ):
        by_run.setdefault(run, {}).setdefault((question, steps), []).append((identity, iteration, sample))
    for run in sorted(by_run, key=lambda run: (run == items[0].run, get_number(store, run)), reverse=True):
        found = _matched(by_run[run], items)
        if found is not None:
            return found
    return None


def _matched(known: dict[tuple[str, str], list[tuple[int, int, int]]], items: Sequence[ItemRecord]) -> list[int] | None:
    found: list[int] = []
    taken: set[int] = set()
    for item in items:
        alike = [one for one in known.get((item.question, steps_text(item.steps)), ()) if one[0] not in taken]
        if not alike:
            return None
        identity, _, _ = min(alike, key=lambda one: (one[1:] != (item.iteration, item.sample), one[0]))
        taken.add(identity)
        found.append(identity)
    return found


def make_run(store: Store, bundle: Bundle, file: str) -> list[int]:
    """A run of kind `import` with the bundle's trajectories. Returns their ids, in the order of the items."""
    name = printable(bundle.queue.name).strip()[:_LONGEST_NAME] or "annotations"
    run_id = create_run(store, RunConfig(name=name))
    store.execute(
        "UPDATE runs SET kind = 'import', status = ?, progress = 1, started_at = created_at, finished_at = created_at,"
        " iterations = ? WHERE id = ?",
        (RunStatus.DONE.value, max(item.iteration for item in bundle.items), run_id),
    )
    store.execute("INSERT INTO imports (run_id, file, format) VALUES (?, ?, 'bundle')", (run_id, file))
    number = get_number(store, run_id)
    questions: dict[tuple[str, str, str, str], int] = {}
    ids: list[int] = []
    for at, item in enumerate(bundle.items):
        key = item.split, item.question, item.solution, item.reference
        if key not in questions:
            questions[key] = row_id(number, len(questions))
            store.execute(
                "INSERT INTO questions (id, run_id, split, text, solution, answer) VALUES (?, ?, ?, ?, ?, ?)",
                (questions[key], run_id, *key),
            )
        ids.append(row_id(number, at))
        store.execute(
            "INSERT INTO trajectories (id, run_id, question_id, iteration, sample, source, n_steps, correct, answer,"
            " truth, tokens, copies, steps) VALUES (?, ?, ?, ?, ?, 'import', ?, ?, ?, ?, ?, ?, ?)",
            (
                *(ids[-1], run_id, questions[key], item.iteration, item.sample, len(item.steps), item.correct),
                *(item.answer, item.truth, item.tokens, item.copies, steps_text(item.steps)),
            ),
        )
        store.execute_many(
            "INSERT INTO scores (trajectory_id, verifier, scores, mean, predicted) VALUES (?, ?, ?, ?, ?)",
            [
                (ids[-1], int(verifier), pack_scores(scores), float(np.mean(scores)), detect(scores))
                for verifier, scores in item.scores.items()
            ],
        )
    return ids


def steps_text(steps: Sequence[str]) -> str:
    """Steps as the store keeps them."""
    return json.dumps(list(steps), ensure_ascii=False)
