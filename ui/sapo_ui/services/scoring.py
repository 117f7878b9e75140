"""Scoring an imported file by a verifier from the window."""

from __future__ import annotations

from sapo_studio.app.imports import scoring
from sapo_studio.app.imports.scoring import Scored, Scorers, Scoring
from sapo_studio.requests.kinds import ScoreRequest
from sapo_studio.store.db import Store
from sapo_ui.services.engine_study import Answer, EngineStudy


def read_scorers(store: Store) -> list[Scorers]:
    """The runs that can score. Call it in a task."""
    return scoring.scorers(store)


def score(study: EngineStudy, import_id: str, verifier: str) -> None:
    """Have `study` score the file `import_id` by `verifier`, RUN/I. What it keeps is a `Scored`; nothing is written
    unless it comes to its end."""
    asked: list[Scoring] = []

    def ask(store: Store) -> ScoreRequest:
        asked.append(scoring.asked_for(store, import_id, verifier))
        return asked[-1].request

    def keep(store: Store, answer: Answer) -> Scored:
        return scoring.keep(store, asked[-1], answer)

    study.measure(ask, keep)
