"""How a verifier judged the solutions of a run's process benchmark, question by question."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.metrics import predicted_first_error, step_hits
from sapo_studio.store.codec import unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.question_answers import Key

_SOLUTIONS = """
SELECT q.text, t.steps, t.truth, s.scores
FROM trajectories t JOIN questions q ON q.id = t.question_id
                    JOIN scores s ON s.trajectory_id = t.id AND s.verifier = ?2
WHERE t.run_id = ?1 AND t.source = 'process' AND t.truth IS NOT NULL ORDER BY t.id
"""


@dataclass(frozen=True, eq=False)
class BenchmarkHits:
    """A place a question of the benchmark. `keys`: its text, and what is judged of it: its solutions with their first
    errors, so that two runs have the same key where they are measured on the same. `hits` of `steps` are judged
    correctly, up to and including first errors; of `named` of `solutions` the first error is named (or none, rightly).
    """

    keys: tuple[Key, ...]
    hits: NDArray[np.int64]
    steps: NDArray[np.int64]
    named: NDArray[np.int64]
    solutions: NDArray[np.int64]


def benchmark_hits(store: Store, run_id: str, verifier: int) -> BenchmarkHits:
    """Of V_`verifier`; nothing where it has scored none."""
    counts: dict[str, list[int]] = {}
    judged: dict[str, list[tuple[str, int]]] = {}
    for text, steps, truth, blob in store.rows(_SOLUTIONS, (run_id, verifier)):
        with reading(store.path, f"what V_{verifier} of run {run_id} says of its process benchmark"):
            scores = [float(score) for score in unpack_scores(blob)]
            hits, upto = step_hits(scores, truth)
        mine = counts.setdefault(text, [0, 0, 0, 0])
        for place, more in enumerate((hits, upto, int(predicted_first_error(scores) == truth), 1)):
            mine[place] += more
        judged.setdefault(text, []).append((steps, truth))
    table = np.array([*counts.values()], dtype=np.int64).reshape(len(counts), 4)
    keys = tuple((text, json.dumps(sorted(judged[text])), 0) for text in counts)
    return BenchmarkHits(keys, table[:, 0], table[:, 1], table[:, 2], table[:, 3])
