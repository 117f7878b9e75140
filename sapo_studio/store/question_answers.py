"""What a run answered to test questions, question by question: its own, or those of an evaluation set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sapo_studio.store.codec import unpack_scores
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading

Key = tuple[str, str, int]
"""A question as any run knows it: its text, its answer, and the how many-th of a set it is with both (from 0 on)."""

_ANSWERS = """
SELECT q.id, q.text, q.answer, a.greedy, a.correct, a.right, a.sound, a.samples
FROM (
    SELECT t.question_id,
        max(CASE WHEN t.sample = 0 THEN t.id END) AS greedy,
        max(CASE WHEN t.sample = 0 THEN t.correct END) AS correct,
        sum(CASE WHEN t.sample > 0 AND t.correct THEN t.copies ELSE 0 END) AS right,
        CASE WHEN sum(t.sample > 0 AND t.truth IS NULL) THEN -1
             ELSE sum(CASE WHEN t.sample > 0 AND t.correct AND t.truth = 0 THEN t.copies ELSE 0 END) END AS sound,
        sum(CASE WHEN t.sample > 0 THEN t.copies ELSE 0 END) AS samples
    FROM trajectories t WHERE t.run_id = ?1 AND t.source = 'test' AND t.iteration = ?2 GROUP BY t.question_id
) a JOIN questions q ON q.id = a.question_id
WHERE q."set" = ?3 AND a.greedy IS NOT NULL ORDER BY q.id
"""


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of one iteration, a place a question. `greedy`: ids of greedy solutions; `correct` whether they are.
    `right` and `sound` count samples (copies each for itself) that are correct, and correct at every step, of
    `samples`; `sound` is -1 where the task cannot tell."""

    questions: NDArray[np.int64]
    keys: tuple[Key, ...]
    greedy: NDArray[np.int64]
    correct: NDArray[np.bool_]
    right: NDArray[np.int64]
    sound: NDArray[np.int64]
    samples: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def nothing(cls) -> Answers:
        """To no question."""
        return _table([], ())


def answers_of(store: Store, run_id: str, iteration: int, set: str = "") -> Answers:
    """What the reasoner that iteration `iteration` has made answered; nothing where no answers are kept (runs of
    versions that kept them of evaluation sets alone)."""
    found = store.rows(_ANSWERS, (run_id, iteration, set))
    with reading(store.path, f"what run {run_id} answered to test questions"):
        return _answers(found)


def _answers(found: Sequence[Sequence[Any]]) -> Answers:
    """Of rows of _ANSWERS."""
    seen: dict[tuple[str, str], int] = {}
    keys: list[Key] = []
    for _, text, answer, *_ in found:
        again = seen.get((text, answer), 0)
        seen[text, answer] = again + 1
        keys.append((text, answer, again))
    return _table([(row[0], *row[3:]) for row in found], tuple(keys))


def _table(rows: Sequence[Sequence[int]], keys: tuple[Key, ...]) -> Answers:
    """`rows`: the columns of Answers but `keys`."""
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 6)
    return Answers(
        questions=table[:, 0],
        keys=keys,
        greedy=table[:, 1],
        correct=table[:, 2].astype(np.bool_),
        right=table[:, 3],
        sound=table[:, 4],
        samples=table[:, 5],
    )


def newest_means(store: Store, trajectories: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean scores of trajectories by the newest verifier that scored each; NaN where none did."""
    found = store.rows(
        "SELECT j.key, (SELECT s.mean FROM scores s WHERE s.trajectory_id = j.value ORDER BY s.verifier DESC LIMIT 1)"
        " FROM json_each(?) j",
        (json.dumps(trajectories.tolist()),),
    )
    means = np.full(len(trajectories), np.nan)
    for place, mean in found:
        if mean is not None:
            means[place] = mean
    return means


@dataclass(frozen=True, slots=True)
class GreedyAnswer:
    """What a greedy solution ends in, and its scores by the newest verifier that scored it (none: empty)."""

    answer: str
    scores: tuple[float, ...]
    mean: float | None


def greedy_answers(store: Store, trajectories: Sequence[int]) -> dict[int, GreedyAnswer]:
    """By id of the solution."""
    found = store.rows(
        "SELECT t.id, t.answer, s.scores, s.mean FROM json_each(?) j JOIN trajectories t ON t.id = j.value"
        " LEFT JOIN scores s ON s.trajectory_id = t.id AND s.verifier ="
        " (SELECT max(n.verifier) FROM scores n WHERE n.trajectory_id = t.id)",
        (json.dumps([int(identity) for identity in trajectories]),),
    )
    answers: dict[int, GreedyAnswer] = {}
    for identity, answer, blob, mean in found:
        with reading(store.path, "the scores of a test solution"):
            scores = tuple(float(score) for score in unpack_scores(blob or b""))
        answers[identity] = GreedyAnswer(answer, scores, mean)
    return answers
