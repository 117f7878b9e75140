"""Keeping a solution of the playground as a trace: scored, judged good or bad, and open to be annotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sapo_studio.app.playground.checkpoints import CheckpointChoice, VerifierChoice
from sapo_studio.requests.play import Asking, SolutionDone
from sapo_studio.store.db import Store

Word = Literal["good", "bad"]
"""What somebody says of a whole solution."""


@dataclass(frozen=True, slots=True)
class Written:
    """A solution, and how it came about."""

    solution: SolutionDone
    question: Asking
    checkpoint: CheckpointChoice | None
    """None: a model by itself, `model`."""
    verifier: VerifierChoice | None
    seed: int
    temperature: float
    model: str = ""
    edited_from: int | None = None
    """Of a rollout: the step that was changed, from 1; it goes on from there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where it lies: its trajectory, in the imported file `run_id`. `new`: it was not kept before."""

    run_id: str
    trajectory: int
    new: bool


def keep_trace(store: Store, written: Written, word: Word, person: str) -> Kept:
    """Keep a solution, as `person` judges it. The same one kept again takes the new word in place of the old one.

    Raises InputError for a solution without steps, or one that is not done.
    """
    raise NotImplementedError
