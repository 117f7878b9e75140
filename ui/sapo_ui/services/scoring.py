"""Scoring an imported file by a verifier from the window: which verifiers there are, what is asked, what is kept."""

from __future__ import annotations

from typing import Any

from sapo_studio.app.imports import scoring
from sapo_studio.app.imports.scoring import Scored, Scorers, Scoring
from sapo_studio.requests.kinds import ScoreRequest
from sapo_studio.store.db import Store


def read_scorers(store: Store) -> list[Scorers]:
    """The runs that can score. Call it in a task."""
    return scoring.scorers(store)


class ScoreJob:
    """One scoring, for an `EngineStudy`, which calls `ask` and then `keep`, both in a task."""

    def __init__(self, import_id: str, verifier: str) -> None:
        self._import, self._verifier = import_id, verifier
        self._asked: Scoring | None = None
        self.scored: Scored | None = None
        """What came of it; None until the scores are in the store."""

    def ask(self, store: Store) -> ScoreRequest:
        """What an engine is asked."""
        self._asked = scoring.asked_for(store, self._import, self._verifier)
        return self._asked.request

    def keep(self, store: Store, found: dict[str, Any]) -> None:
        """Keep the scores in its answer."""
        assert self._asked is not None, "an answer comes after the question"
        self.scored = scoring.keep(store, self._asked, found)
