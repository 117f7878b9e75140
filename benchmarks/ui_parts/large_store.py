"""A store with one large run, written at once: what an engine would have written over days."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import numpy as np

from sapo_studio.config.schema import RunConfig
from sapo_studio.store import runs
from sapo_studio.store.codec import pack_scores, row_id
from sapo_studio.store.db import Store

NEEDLE = "kangaroo"
SAMPLES = 16
STEPS = 6


def make(store: Store, rows: int) -> str:
    """A run of `rows` trajectories of some six steps, sixteen a question, with scores by one verifier."""
    run_id = runs.create_run(store, RunConfig.model_validate({"name": "large"}))
    number = int(store.value("SELECT number FROM runs WHERE id = ?", (run_id,)))
    with store.atomic():
        store.execute_many(
            "INSERT INTO questions (id, run_id, split, text, solution, answer) VALUES (?, ?, 'train', ?, '', '1')",
            (
                (row_id(number, at), run_id, f"Ann has {at} shells and finds {at % 97} more. How many?")
                for at in range(rows // SAMPLES + 1)
            ),
        )
    for first in range(0, rows, 50_000):
        with store.atomic():
            some = list(trajectories(number, run_id, range(first, min(rows, first + 50_000))))
            store.execute_many(
                "INSERT INTO trajectories (id, run_id, question_id, iteration, sample, source, n_steps, correct,"
                " answer, truth, steps) VALUES (?, ?, ?, ?, ?, 'sample', ?, ?, '1', ?, ?)",
                (row for row, _ in some),
            )
            store.execute_many(
                "INSERT INTO scores (trajectory_id, verifier, scores, mean, predicted) VALUES (?, 0, ?, ?, 1)",
                ((row[0], pack_scores(scores.tolist()), float(scores.mean())) for row, scores in some),
            )
    store.execute("ANALYZE")
    return run_id


def trajectories(number: int, run_id: str, which: range) -> Iterator[tuple[tuple[object, ...], np.ndarray]]:
    """Rows and scores of these trajectories; one in a hundred thousand speaks of the needle."""
    random_of, rng = random.Random(which.start), np.random.default_rng(which.start)
    scores = rng.random((len(which), STEPS))
    for at in which:
        steps = [
            f"So {random_of.randrange(1000)} * {random_of.randrange(100)} = {random_of.randrange(10**5)} shells."
            for _ in range(STEPS)
        ]
        if at % 100_000 == 7:
            steps[2] += f" The {NEEDLE} pays."
        wrong = random_of.randrange(STEPS + 1)
        row = (row_id(number, at), run_id, row_id(number, at // SAMPLES), at * 10 // (which.stop or 1), at % SAMPLES)
        yield (*row, STEPS, wrong == 0, wrong, json.dumps(steps)), scores[at - which.start]
