"""What people say of trajectories, read from the store: judgements that stand, and resolutions."""

from __future__ import annotations

import json

from sapo_studio.domain.human_verdicts import HumanVerdict, Person, Resolution, human_verdict
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading


def human_verdicts(store: Store, low: int, high: int) -> dict[int, HumanVerdict]:
    """Of each trajectory with an id in `low`..`high` that somebody has judged what people say of it."""
    judged: dict[int, dict[str, dict[int, int]]] = {}
    last: dict[tuple[int, str], int] = {}
    sizes: dict[int, int] = {}
    for trajectory, annotator, step, judgement, act, n_steps in store.rows(
        "SELECT a.trajectory_id, a.annotator, a.step, a.judgement, a.act, t.n_steps FROM annotations a"
        " JOIN trajectories t ON t.id = a.trajectory_id"
        " WHERE a.undone_at IS NULL AND a.trajectory_id BETWEEN ? AND ? ORDER BY a.id",
        (low, high),
    ):
        judged.setdefault(trajectory, {}).setdefault(annotator, {})[step] = judgement
        last[trajectory, annotator] = act
        sizes[trajectory] = n_steps
    resolved = _resolutions(store, low, high, sizes)
    found: dict[int, HumanVerdict] = {}
    for trajectory in sorted(sizes):
        mine = judged.get(trajectory, {})
        names = sorted(mine, key=lambda name, of=trajectory: -last[of, name])
        people = [Person(name, mine[name]) for name in names]
        found[trajectory] = human_verdict(people, sizes[trajectory], resolved.get(trajectory))
    return found


def steps_by_people(store: Store, run_id: str) -> dict[int, dict[int, bool]]:
    """Of each judged trajectory of a run, by its number in the run: whether people call a step (from 1 on) correct."""
    found = human_verdicts(store, *id_range(queries.get_number(store, run_id)))
    return {row_number(trajectory): dict(verdict.correct) for trajectory, verdict in found.items()}


def _resolutions(store: Store, low: int, high: int, sizes: dict[int, int]) -> dict[int, Resolution]:
    """The newest resolution of each trajectory; `sizes` gets the trajectories' numbers of steps."""
    found: dict[int, Resolution] = {}
    for trajectory, resolver, judgements, error, n_steps in store.rows(
        "SELECT r.trajectory_id, r.resolver, r.judgements, r.first_error, t.n_steps FROM resolutions r"
        " JOIN trajectories t ON t.id = r.trajectory_id"
        " WHERE r.undone_at IS NULL AND r.trajectory_id BETWEEN ? AND ? ORDER BY r.at, r.uid",
        (low, high),
    ):
        with reading(store.path, f"the resolution of trajectory {trajectory}"):
            steps = {int(step): int(judgement) for step, judgement in json.loads(judgements).items()}
        found[trajectory] = Resolution(resolver, steps, error)
        sizes[trajectory] = n_steps
    return found
