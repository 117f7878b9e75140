"""What people say of trajectories, read from the store: judgements that stand, and resolutions.

Whatever asks what people say reads it here: tables, charts, exports, benchmarks, training labels and the audit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sapo_studio.domain.human_verdicts import HumanVerdict, Person, Resolution, human_verdict
from sapo_studio.domain.judgements import UNKNOWN, Judgement
from sapo_studio.domain.people import Judged
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.faults import reading
from sapo_studio.store.resolutions import NEWEST_FIRST, filled_of, steps_of


def human_verdicts(store: Store, low: int, high: int) -> dict[int, HumanVerdict]:
    """Of each trajectory with an id in `low`..`high` that somebody has judged what people say of it, by id."""
    said = _said(store, low, high)
    resolved = _resolutions(store, low, high, said)
    return {
        trajectory: human_verdict(one.people(), one.n_steps, resolved.get(trajectory))
        for trajectory, one in sorted(said.items())
    }


def human_first_errors(store: Store, low: int, high: int) -> dict[int, int]:
    """The same of first errors only: 0 for none, -1 where people did not say enough."""
    return {trajectory: verdict.first_error for trajectory, verdict in human_verdicts(store, low, high).items()}


def resolved_first_errors(store: Store, low: int, high: int) -> dict[int, int]:
    """The same of first errors that somebody has resolved."""
    return {trajectory: found.first_error for trajectory, found in _resolutions(store, low, high, {}).items()}


def judged_steps(store: Store, low: int, high: int) -> dict[int, Mapping[int, int]]:
    """The same of judgements by step, of trajectories whose first error people know."""
    found = human_verdicts(store, low, high)
    return {trajectory: verdict.steps for trajectory, verdict in found.items() if verdict.first_error != UNKNOWN}


def steps_by_people(store: Store, run_number: int) -> dict[int, dict[int, bool]]:
    """Of each judged trajectory of a run, by its number in the run: whether people call a step (from 1 on) correct.
    A neutral step counts as correct: it is no error."""
    return {
        row_number(trajectory): {step: judgement != Judgement.WRONG for step, judgement in verdict.steps.items()}
        for trajectory, verdict in human_verdicts(store, *id_range(run_number)).items()
    }


def said_by_each(store: Store, low: int, high: int) -> dict[int, Sequence[Person]]:
    """By trajectory: what stands of each person, who spoke last first. For whoever compares people."""
    return {trajectory: one.people() for trajectory, one in _said(store, low, high).items()}


def judged(store: Store, low: int, high: int) -> dict[int, Judged]:
    """The same as the agreement of people is reckoned from."""
    return {
        trajectory: Judged(one.n_steps, one.steps, {name: frozenset(filled) for name, filled in one.filled.items()})
        for trajectory, one in _said(store, low, high).items()
    }


@dataclass(slots=True)
class _Said:
    """What stands of people's judgements of one trajectory, by person."""

    n_steps: int
    steps: dict[str, dict[int, int]] = field(default_factory=dict[str, dict[int, int]])
    filled: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    last: dict[str, int] = field(default_factory=dict[str, int])

    def people(self) -> list[Person]:
        """Who spoke last first."""
        names = sorted(self.steps, key=lambda name: -self.last[name])
        return [Person(name, self.steps[name], frozenset(self.filled[name])) for name in names]


def _said(store: Store, low: int, high: int) -> dict[int, _Said]:
    found: dict[int, _Said] = {}
    for trajectory, annotator, step, judgement, filled, act, n_steps in store.rows(
        # In the index's order, so that nothing is sorted; of a step's judgements the last one stands. CROSS JOIN: there
        # are far fewer judgements than trajectories.
        "SELECT a.trajectory_id, a.annotator, a.step, a.judgement, a.filled, a.act, t.n_steps FROM annotations a"
        " CROSS JOIN trajectories t ON t.id = a.trajectory_id"
        " WHERE a.undone_at IS NULL AND a.trajectory_id BETWEEN ? AND ?"
        " ORDER BY a.trajectory_id, a.annotator, a.step, a.id",
        (low, high),
    ):
        one = found.get(trajectory) or found.setdefault(trajectory, _Said(n_steps))
        one.steps.setdefault(annotator, {})[step] = judgement
        behind = one.filled.setdefault(annotator, set())
        (behind.add if filled else behind.discard)(step)
        one.last[annotator] = max(act, one.last.get(annotator, 0))
    return found


def _resolutions(store: Store, low: int, high: int, said: dict[int, _Said]) -> dict[int, Resolution]:
    """The resolution that holds of each trajectory; those that nobody judged join `said`."""
    found: dict[int, Resolution] = {}
    for trajectory, resolver, judgements, error, filled, n_steps in store.rows(
        "SELECT r.trajectory_id, r.resolver, r.judgements, r.first_error, r.filled, t.n_steps FROM resolutions r"
        " CROSS JOIN trajectories t ON t.id = r.trajectory_id"
        f" WHERE r.undone_at IS NULL AND r.trajectory_id BETWEEN ? AND ? ORDER BY {NEWEST_FIRST}",
        (low, high),
    ):
        if trajectory not in found:
            with reading(store.path, f"the resolution of trajectory {trajectory}"):
                found[trajectory] = Resolution(resolver, steps_of(judgements), error, filled_of(filled))
            said.setdefault(trajectory, _Said(n_steps))
    return found
