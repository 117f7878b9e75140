"""The search's map from scores to probabilities, fitted to labels that whoever scored them was not trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import cast

from sapo_engine.models.reasoner import discard
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import LabeledRow
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.calibration import CrossFitted, cross_fitted

FOLDS = 4
"""Verifiers that are trained for it, each on all but one part of the labels (docs/decisions.md)."""

Known = list[tuple[float, bool]]
"""Score and label of steps."""


def folds(session: RunSession, iteration: int, labels: Sequence[LabeledRow]) -> list[list[LabeledRow]]:
    """The labels in FOLDS parts, by question: trajectories of a question, and rollouts of one, begin alike."""
    questions = sorted({t.question for t, _ in labels})
    order = session.rng("calibration", iteration).permutation(len(questions))
    part = {questions[place]: rank % FOLDS for rank, place in enumerate(order)}
    return [[row for row in labels if part[row[0].question] == fold] for fold in range(FOLDS)]


def tokens_trained_on(session: RunSession, iteration: int, labels: Sequence[LabeledRow]) -> int:
    """Tokens of all that the verifiers of the folds are trained on, each epoch."""
    sizes = [sum(len(session.text(t)) for t, _ in part) for part in folds(session, iteration, labels)]
    return (FOLDS - 1) * sum(sizes) if all(sizes) else 0


def cross_fit(
    session: RunSession,
    iteration: int,
    labels: Sequence[LabeledRow],
    train: Callable[[Sequence[LabeledRow]], Verifier],
    keep: Callable[[int, Callable[[], bytes]], bytes] = lambda _, make: make(),
) -> CrossFitted:
    """The map for a verifier trained on `labels`, from verifiers that `train` makes of all but one fold of them.

    `keep` gets each fold's number and what makes its scores, and gives these back: where an attempt before has left
    them, without making them again. Nothing is fitted where a fold is empty.
    """
    parts = folds(session, iteration, labels)
    if not all(parts):
        return cross_fitted([])
    known: list[Known] = []
    for fold, held_out in enumerate(parts):
        others = [row for number, part in enumerate(parts) if number != fold for row in part]

        def make(others: Sequence[LabeledRow] = others, held_out: Sequence[LabeledRow] = held_out) -> bytes:
            verifier = train(others)
            found = known_steps(session, verifier, held_out)
            discard(verifier.base)
            return json.dumps(found).encode()

        known.append([(score, right) for score, right in cast("Known", json.loads(keep(fold, make)))])
    return cross_fitted(known)


def known_steps(session: RunSession, verifier: Verifier, labels: Sequence[LabeledRow]) -> Known:
    """Scores and labels of the steps that a search has to tell apart: those of wrong trajectories. Their last step is
    left out, which is known to be wrong; expanded rollouts too, whose like the search never meets.
    """
    wrong = [(t, marks) for t, marks in labels if not t.correct and t.source == "sample"]
    scores = predict(session, verifier, [t for t, _ in wrong])
    return [
        (value, mark == "1")
        for t, marks in wrong
        for value, mark in zip(scores[t.number][0][:-1], marks[:-1], strict=True)
        if mark != "?"
    ]
