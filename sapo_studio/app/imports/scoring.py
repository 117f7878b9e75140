"""Scoring an imported file by a verifier: the engine computes, the scores are kept beside the file's trajectories."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sapo_studio.errors import InputError
from sapo_studio.paths import user_path
from sapo_studio.requests.kinds import ScoreRequest
from sapo_studio.store import imports, queries
from sapo_studio.store.benchmarks import folder_to_measure
from sapo_studio.store.codec import row_id, row_number
from sapo_studio.store.db import Store
from sapo_studio.store.records import RunSummary


@dataclass(frozen=True)
class Scoring:
    """What is to be done: `request` to the engine, and what its verifier is called."""

    run_id: str
    request: ScoreRequest
    name: str


@dataclass(frozen=True)
class Scored:
    """What was done. `number`: under which verifier's number the scores stand."""

    run_id: str
    verifier: str
    number: int
    scored: int
    left_out: dict[str, int]


def asked_for(store: Store, run_id: str, verifier: str, device: str = "") -> Scoring:
    """What scoring the file `run_id` by a verifier takes. `verifier` is RUN, RUN/I or the folder of a classification
    model. Raises InputError where there is no such thing, or `run_id` is a run."""
    imports.info(store, run_id)
    folder = user_path(verifier)
    rows = store.rows(
        "SELECT t.id, q.text, t.steps FROM trajectories t JOIN questions q ON q.id = t.question_id WHERE t.run_id = ?"
        " AND t.source = ? ORDER BY t.id",
        (run_id, imports.SOURCE),
    )
    solutions = [
        {"number": row_number(identity), "problem": problem, "steps": json.loads(steps)}
        for identity, problem, steps in rows
    ]
    if (folder / "config.json").is_file():
        model = folder.resolve()
        told: dict[str, Any] = {"verifier": model, "solutions": solutions, "device": device}
        return Scoring(run_id, ScoreRequest(**told), str(model))
    return _by_run(store, run_id, verifier, solutions, device)


def _by_run(store: Store, run_id: str, verifier: str, solutions: list[dict[str, Any]], device: str) -> Scoring:
    named, slash, number = verifier.rpartition("/")
    whole = not slash or not number.isdecimal()
    run = queries.find_own_run(store, verifier if whole else named)
    told: dict[str, Any] = {"run": folder_to_measure(store, run), "solutions": solutions, "device": device}
    told |= {} if whole else {"verifier": int(number)}
    return Scoring(run_id, ScoreRequest.model_validate(told), run)


@dataclass(frozen=True)
class Scorers:
    """A run that can score, and the iterations that have a verifier."""

    run: RunSummary
    verifiers: tuple[int, ...]


def scorers(store: Store) -> list[Scorers]:
    """The runs that have a verifier in their folder, the newest first; not those whose engine is at work."""
    found: list[Scorers] = []
    for run in queries.list_runs(store):
        if run.imported or run.status.alive:
            continue
        inside = store.run_dir(run.id) / "artefacts"
        names = [path.name.partition("-")[2] for path in inside.glob("*-verifier-*")]
        numbers = sorted(int(text) for name in names if (text := name.removeprefix("verifier-")).isdecimal())
        if numbers:
            found.append(Scorers(run, tuple(numbers)))
    return found


def score(store: Store, scoring: Scoring, ask: Callable[[ScoreRequest], dict[str, Any]]) -> Scored:
    """Have the engine score (`ask`), and keep what it says. Raises the engine's error; nothing is written then."""
    return keep(store, scoring, ask(scoring.request))


def keep(store: Store, scoring: Scoring, found: dict[str, Any]) -> Scored:
    """Keep the scores in the engine's answer. Raises InputError where it could read nothing."""
    own = found["verifier"]
    name = scoring.name if own is None else f"{scoring.name}/V_{own}"
    number = queries.get_number(store, scoring.run_id)
    rows = [(row_id(number, n), scores, predicted) for n, scores, predicted in found["scores"]]
    if not rows:
        raise InputError(
            f"{name} cannot read a single solution of {scoring.run_id}",
            why="; ".join(f"{count:,} solutions: {why}" for why, count in found["left_out"].items()),
            fix="Choose a verifier of a run on questions like these.",
        )
    kept = imports.write_scores(store, scoring.run_id, name, own or 0, rows)
    return Scored(scoring.run_id, name, kept, len(rows), found["left_out"])
