"""Keeping a solution of the playground as a trace: scored, called good or bad, and open to be annotated."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sapo_studio.app.imports.scan import rows_of
from sapo_studio.app.imports.take_in import OWN
from sapo_studio.app.playground.checkpoints import CheckpointChoice, VerifierChoice
from sapo_studio.errors import InputError
from sapo_studio.formats.base import LabeledSolution
from sapo_studio.formats.registry import format_named
from sapo_studio.formats.step_labels import CORRECT, INCORRECT, UNKNOWN, labels_of
from sapo_studio.names import checked_name
from sapo_studio.requests.play import Asking, SolutionDone
from sapo_studio.store import kept_solutions
from sapo_studio.store.db import Store

Word = Literal["good", "bad"]
"""What somebody says of a whole solution."""


@dataclass(frozen=True, slots=True)
class Written:
    """A solution, and how it came about.

    `checkpoint` None: a model by itself, which is called `model`. `edited`: of a rollout, the step from 1 on that was
    changed and that it goes on from.
    """

    solution: SolutionDone
    question: Asking
    checkpoint: CheckpointChoice | None
    verifier: VerifierChoice | None
    seed: int
    temperature: float
    model: str = ""
    edited: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Where it lies: its trajectory, in the imported file `run_id`. `new`: it was not kept before."""

    run_id: str
    trajectory: int
    new: bool


def keep_trace(store: Store, written: Written, word: Word, person: str) -> Kept:
    """Keep a solution, as `person` judges it. Kept again, it has the new word in place of the old one.

    It lies in the imported file `Playground` of its kind of task. Its outcome is the grader's where there was something
    to grade it by, else the person's word. The word is kept as labels of the source `playground`: good says that every
    step leads to a right answer, bad that the last one does not, and nothing of those before. Raises InputError for a
    solution without a step.
    """
    if word not in get_args(Word):
        raise InputError(f"{word!r} is not a word for a solution", fix="Say good or bad.")
    checked_name(person, "a person")
    done = written.solution
    if not any(step.strip() for step in done.steps):
        raise InputError("There is no step to keep", why="The solution is empty.", fix="Keep another one.")
    n = len(done.steps)
    kind = written.checkpoint.learns if written.checkpoint else "model"
    called = written.checkpoint.name if written.checkpoint else written.model
    solution = LabeledSolution(
        id="",
        generator=called,
        problem=written.question.text.strip(),
        steps=done.steps,
        final_answer_correct=done.correct,
        # What the task's own oracle knows of the steps; nobody else has looked at them yet.
        labels=UNKNOWN * n if done.truth is None else labels_of(done.truth, n),
        answer=written.question.answer.strip(),
        tests=written.question.tests,
    )
    kept = kept_solutions.Solution(
        solution,
        correct=word == "good" if done.correct is None else done.correct,
        word_labels=CORRECT * n if word == "good" else UNKNOWN * (n - 1) + INCORRECT,
        tokens=done.tokens,
        scored=_scored(written),
        about=_about(written, called),
        more={
            "word": word,
            "by": person,
            "at": time.time(),
            "outcome_by": "person" if done.correct is None else "grader",
        },
    )
    run_id = kept_solutions.holder(store, kind, f"Playground, {kind}")
    trajectory, new = kept_solutions.keep(store, run_id, kept, rows_of(format_named(OWN)).write)
    return Kept(run_id, trajectory, new)


def _scored(written: Written) -> kept_solutions.Scored | None:
    done, verifier = written.solution, written.verifier
    if verifier is None or not done.scores or done.predicted is None:
        return None
    return kept_solutions.Scored(verifier.name, verifier.iteration, done.scores, done.predicted)


def _about(written: Written, called: str) -> dict[str, Any]:
    checkpoint = written.checkpoint
    return {
        "checkpoint": called,
        "run_id": checkpoint.run_id if checkpoint else "",
        "iteration": checkpoint.iteration if checkpoint else None,
        "verifier": written.verifier.name if written.verifier else "",
        "seed": written.seed,
        "temperature": written.temperature,
        "edited": written.edited,
    }
