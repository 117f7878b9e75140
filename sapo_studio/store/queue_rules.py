"""Which trajectories come into a queue, and in which order: the same for everybody who has the same trajectories and
the same seed.

Nothing here depends on the number that a run has in one store: drawn is by the number that a trajectory has in its run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.disagreement import Opinions, disagreement, spoken, uncertainty
from sapo_studio.domain.labelers.registry import LABELERS
from sapo_studio.errors import InputError
from sapo_studio.store.codec import row_number, unpack_many
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.human_verdicts import human_first_errors, resolved_first_errors
from sapo_studio.store.queue_records import QueueSpec
from sapo_studio.store.records import UNKNOWN
from sapo_studio.store.traces import trace_ids

_OWN_LABELS = (*LABELERS, "expansion")
"""Sources of labels that say what roll-outs or the outcome say; any other is a second grader's."""


@dataclass(frozen=True)
class Pick:
    """A trajectory that was chosen. `gold`: its first error, known beforehand; None for one that is to be found."""

    trajectory_id: int
    shared: bool
    gold: int | None


def choose(store: Store, spec: QueueSpec) -> list[Pick]:
    """The items of a new queue, in its order. Raises InputError where `spec` lets no trajectory through, or asks for
    gold items and no first error is known.
    """
    ids = trace_ids(store, spec.filter)
    if not len(ids):
        raise InputError(
            f"No trajectory of {spec.filter.run_id} can come into the queue",
            why="It has none, or the filter lets none through.",
            fix="Choose another source, iteration or outcome.",
        )
    size = min(spec.size, len(ids))
    gold = _gold(store, ids, spec, round(spec.gold_rate * size))
    order = [identity for identity in _ordered(store, ids, spec) if identity not in gold]
    chosen = _mixed_in(order[: size - len(gold)], list(gold), spec.seed)
    others = sorted((one for one in chosen if one not in gold), key=lambda one: drawn(spec.seed, "shared", one))
    shared = {*gold, *others[: max(0, round(spec.overlap * size) - len(gold))]}
    return [Pick(identity, identity in shared, gold.get(identity)) for identity in chosen]


def drawn(seed: int, what: str, identity: int) -> bytes:
    """A random key of a trajectory (or a question): what is sorted by it is in random order."""
    return blake2b(f"{seed} {what} {row_number(identity)}".encode(), digest_size=8).digest()


def _gold(store: Store, ids: NDArray[np.int64], spec: QueueSpec, wanted: int) -> dict[int, int]:
    """`wanted` trajectories whose first error is known, with it: by the task itself, else by a resolution."""
    if not wanted:
        return {}
    resolved = resolved_first_errors(store, int(ids.min()), int(ids.max())) if len(ids) else {}
    known: dict[int, int] = {one: resolved[one] for one in ids.tolist() if one in resolved}
    known.update(
        store.rows(
            "SELECT t.id, t.truth FROM json_each(?) j CROSS JOIN trajectories t ON t.id = j.value"
            " WHERE t.truth IS NOT NULL",
            (json.dumps(ids.tolist()),),
        )
    )
    if not known:
        raise InputError(
            "There are no gold items",
            why="The first error of none of these trajectories is known: the task has no step oracle, and no conflict"
            " was resolved.",
            fix="Set the share of gold items to 0.",
        )
    return {one: known[one] for one in sorted(known, key=lambda one: drawn(spec.seed, "gold", one))[:wanted]}


def _mixed_in(order: list[int], gold: list[int], seed: int) -> list[int]:
    """`gold` at random places among the others, which keep their order."""
    size = len(order) + len(gold)
    at = set(sorted(range(size), key=lambda place: drawn(seed, "place", place))[: len(gold)])
    rest, marked = iter(order), iter(gold)
    return [next(marked if place in at else rest) for place in range(size)]


def _ordered(store: Store, ids: NDArray[np.int64], spec: QueueSpec) -> list[int]:
    """All of `ids` as the rule ranks them. What it cannot tell apart is in random order; what it says nothing of (no
    scores, one opinion alone) comes last.
    """
    if spec.rule == "random":
        return sorted(ids.tolist(), key=lambda one: drawn(spec.seed, "item", one))
    facts = _facts(store, ids)
    if spec.rule == "question":
        keys = [
            (drawn(spec.seed, "question", question), question, iteration, sample, one)
            for one, question, iteration, sample in zip(
                facts.ids, facts.questions, facts.iterations, facts.samples, strict=True
            )
        ]
        return [key[-1] for key in sorted(keys)]
    if spec.rule == "uncertain":
        worth = uncertainty(facts.scores)
    else:
        worth = disagreement([facts.scores, *_first_errors(store, facts), *_second_graders(store, facts)])
    ranked = np.nan_to_num(worth, nan=-1.0).round(9)
    pairs = zip(ranked.tolist(), facts.ids, strict=True)
    return [one for _, _, one in sorted((-value, drawn(spec.seed, "item", one), one) for value, one in pairs)]


@dataclass(frozen=True, eq=False)
class _Facts:
    """What the models and the task say of some trajectories, a row each; scores are those of the newest verifier."""

    ids: list[int]
    questions: list[int]
    iterations: list[int]
    samples: list[int]
    n_steps: NDArray[np.int64]
    verified: NDArray[np.int64]
    truth: NDArray[np.int64]
    scores: Opinions


def _facts(store: Store, ids: NDArray[np.int64]) -> _Facts:
    found = store.rows(
        "SELECT t.id, t.question_id, t.iteration, t.sample, t.n_steps, coalesce(t.verified, -1), coalesce(t.truth, -1),"
        " coalesce((SELECT s.scores FROM scores s WHERE s.trajectory_id = t.id ORDER BY s.verifier DESC LIMIT 1), x'')"
        " FROM json_each(?) j CROSS JOIN trajectories t ON t.id = j.value ORDER BY t.id",
        (json.dumps(ids.tolist()),),
    )
    columns = list(zip(*found, strict=True))
    n_steps = np.array(columns[4], dtype=np.int64)
    with reading(store.path, f"the scores of one of {len(found)} trajectories"):
        scores = unpack_many(columns[7])
    width = max(int(n_steps.max()), scores.shape[1])
    padded = np.full((len(found), width), np.nan, dtype=np.float32)
    padded[:, : scores.shape[1]] = scores
    return _Facts(
        *(list(column) for column in columns[:4]),
        n_steps=n_steps,
        verified=np.array(columns[5], dtype=np.int64),
        truth=np.array(columns[6], dtype=np.int64),
        scores=padded,
    )


def _first_errors(store: Store, facts: _Facts) -> list[Opinions]:
    """What roll-outs, the task and people say."""
    human = human_first_errors(store, facts.ids[0], facts.ids[-1])
    people = np.array([human.get(one, UNKNOWN) for one in facts.ids], dtype=np.int64)
    width = facts.scores.shape[1]
    return [spoken(errors, facts.n_steps, width) for errors in (facts.verified, facts.truth, people)]


def _second_graders(store: Store, facts: _Facts) -> list[Opinions]:
    """What each source of labels says that is neither roll-outs nor the outcome: another model, an imported file."""
    marks = ", ".join("?" * len(_OWN_LABELS))
    found = store.rows(
        "SELECT l.source, l.trajectory_id, l.labels FROM labels l WHERE l.trajectory_id BETWEEN ? AND ?"
        f" AND l.source NOT IN ({marks}) ORDER BY l.source",
        (facts.ids[0], facts.ids[-1], *_OWN_LABELS),
    )
    row_of = {identity: row for row, identity in enumerate(facts.ids)}
    said: dict[str, Opinions] = {}
    for source, identity, labels in found:
        if identity in row_of:
            opinions = said.setdefault(source, np.full_like(facts.scores, np.nan))
            for step, label in enumerate(labels[: opinions.shape[1]]):
                if label in "01":
                    opinions[row_of[identity], step] = float(label)
    return list(said.values())
