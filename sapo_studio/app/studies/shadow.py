"""What a consensus filter would do for a run's verifier: a shadow of it is trained on the filtered labels and held
against it, by an engine, when somebody asks. What was measured lies in the run's folder."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sapo_studio.app.studies.audit import Audit
from sapo_studio.domain.consensus import Bounds, filtered
from sapo_studio.domain.human_labels import BY_PEOPLE
from sapo_studio.domain.runs import PhaseName
from sapo_studio.errors import InputError
from sapo_studio.files import write_atomic
from sapo_studio.requests.kinds import ShadowStudyRequest
from sapo_studio.store import queries
from sapo_studio.store.codec import id_range, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.evidence import expanded_rollouts

FOLDER = "shadows"
"""In a run's folder: a file for each shadow that was measured."""

Prefix = tuple[int | str, ...]
"""A question's id and the texts of the steps so far."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """A shadow verifier as it was measured. `found`: the engine's answer (ShadowStudyRequest)."""

    bounds: Bounds
    at: float
    found: Mapping[str, Any]

    @property
    def own(self) -> Mapping[str, float]:
        """The share of steps that the run's own verifier judges correctly, with its interval."""
        return self.found["own"]["step_accuracy"]

    @property
    def shadow(self) -> Mapping[str, float]:
        """The same of the shadow."""
        return self.found["shadow"]["step_accuracy"]

    @property
    def difference(self) -> Mapping[str, float]:
        """The second less the first, with its paired interval: `value`, `low`, `high`."""
        return self.found["difference"]

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"low": self.bounds.low, "high": self.bounds.high, "measured_at": self.at, **self.found}


def ask_for(store: Store, audit: Audit, bounds: Bounds, device: str = "") -> ShadowStudyRequest:
    """What to ask an engine: V_i of the audited iteration, on the labels that a filter with `bounds` leaves.

    Raises InputError where nothing can be estimated, or the verifier is not trained yet.
    """
    if audit.why:
        raise InputError("The effect of a filter cannot be measured here", why=audit.why)
    phases = queries.phases(store, audit.run_id)
    trained = {phase.iteration for phase in phases if phase.name == PhaseName.VERIFIER and phase.status == "done"}
    if audit.iteration not in trained:
        raise InputError(
            f"V{audit.iteration} is not trained yet",
            why="A shadow of it is held against it.",
            fix="Wait for the phase Verifier of this iteration.",
        )
    return ShadowStudyRequest(
        run=store.run_dir(audit.run_id),
        iteration=audit.iteration,
        labels=filtered_labels(store, audit, bounds),
        device=device,
    )


def filtered_labels(store: Store, audit: Audit, bounds: Bounds) -> dict[int, str]:
    """By trajectory's number in the run: the labels that a filter with `bounds` leaves, of the audited trajectories and
    of the rollouts that were expanded from them. What people's word stands in has it already, and is not named."""
    by_people = _by_people(store, audit)
    labels: dict[int, str] = {}
    known: dict[Prefix, float] = {}
    for one, beliefs in audit.believed():
        facts = one.evidence
        known |= zip(_prefixes(facts.question, one.steps), beliefs, strict=True)
        labels[facts.trajectory] = filtered(facts.labels, beliefs, bounds)[0]
    for rollout in expanded_rollouts(store, audit.run_id, audit.iteration):
        if rollout.correct:
            continue
        inherited: list[float] = []
        for prefix in _prefixes(rollout.question, rollout.steps):
            inherited.append(known.get(prefix, inherited[-1] if inherited else 1.0))
        labels[rollout.trajectory] = filtered(rollout.labels, inherited, bounds)[0]
    return {row_number(trajectory): marks for trajectory, marks in labels.items() if trajectory not in by_people}


def _by_people(store: Store, audit: Audit) -> set[int]:
    rows = store.rows(
        "SELECT trajectory_id FROM training_labels WHERE verifier = ? AND trajectory_id BETWEEN ? AND ?"
        " AND instr(reasons, ?) > 0",
        (audit.iteration, *id_range(queries.get_number(store, audit.run_id)), BY_PEOPLE),
    )
    return {trajectory for (trajectory,) in rows}


def _prefixes(question: int, steps: Sequence[str]) -> list[Prefix]:
    return [(question, *steps[:size]) for size in range(1, len(steps) + 1)]


def keep(store: Store, run_id: str, bounds: Bounds, found: Mapping[str, Any]) -> Shadow:
    """Write down what an engine found, in place of what was measured with the same bounds before."""
    made = Shadow(bounds, time.time(), found)
    folder = store.run_dir(run_id) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{found['iteration']}-{bounds.low:g}-{bounds.high:g}.json"
    write_atomic(folder / name, (json.dumps(made.as_json(), indent=1) + "\n").encode())
    return made


def kept(store: Store, run_id: str, iteration: int) -> list[Shadow]:
    """What was measured of an iteration's verifier, the newest first. A file that cannot be read is passed over: it can
    be measured again."""
    found = [_read(file) for file in sorted((store.run_dir(run_id) / FOLDER).glob(f"{iteration}-*.json"))]
    return sorted((one for one in found if one is not None), key=lambda one: -one.at)


def _read(file: Path) -> Shadow | None:
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        bounds = Bounds(float(told.pop("low")), float(told.pop("high")))
        made = Shadow(bounds, float(told.pop("measured_at")), told)
        for share in (made.own, made.shadow, made.difference):
            _ = [float(share[name]) for name in ("value", "low", "high")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return made
