"""Verifiers side by side on the same held-out rows: what studies of labels have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.train_verifier import fit_verifier
from sapo_engine.saved_run import SavedRun
from sapo_engine.text.trajectory import LabeledRow, Trajectory
from sapo_engine.training.trainer import TrainingCallback
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.question_text import normalized
from sapo_studio.domain.verifier_metrics import Scored, benchmark_rows, gap, step_metrics
from sapo_studio.errors import InputError


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Solutions with a known first error: those that are `measured`, and those for `thresholds`. `left_out`: how many
    more there were to measure on."""

    measured: list[Trajectory]
    thresholds: list[Trajectory]
    left_out: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A verifier's scores of the measured rows and of those for thresholds, each with the true first error."""

    rows: Scored
    thresholds: Scored


def held_out(run: SavedRun, rows: Sequence[Trajectory], tuning: int = 0, but: Collection[str] = ()) -> HeldOut:
    """Those of `rows` whose truth is known and whose question (`normalized`) is not among `but`; the last `tuning` are
    for thresholds. Raises InputError where nothing is left to measure on."""
    questions = run.session.questions
    measured, thresholds = rows[: len(rows) - tuning], rows[len(rows) - tuning :]
    fair, for_thresholds = (
        [t for t in part if t.truth is not None and normalized(questions[t.question].text) not in but]
        for part in (measured, thresholds)
    )
    if not fair:
        raise InputError(
            "There is nothing to measure the two verifiers on",
            why="No row of the process benchmark is of a question that nobody has judged."
            if but
            else "The run has no process benchmark, or the first errors in it are not known.",
            fix="Name another process benchmark by --benchmark." if but else "",
        )
    return HeldOut(fair, for_thresholds, len(measured) - len(fair))


def scores_of(run: SavedRun, verifier: Verifier, rows: HeldOut) -> Measured:
    """A verifier's scores of `rows`."""
    scores = predict(run.session, verifier, [*rows.measured, *rows.thresholds])
    of_measured, of_thresholds = (
        [(scores[t.number][0], t.truth or 0) for t in part] for part in (rows.measured, rows.thresholds)
    )
    return Measured(of_measured, of_thresholds)


def trained_on(
    run: SavedRun,
    iteration: int,
    model: Reasoner,
    labels: Sequence[LabeledRow],
    rows: HeldOut,
    callback: TrainingCallback,
) -> Measured:
    """The scores of a verifier that is trained from `model` on `labels` as V_`iteration` was."""
    return scores_of(run, fit_verifier(run.session, iteration, model, labels, callback), rows)


def side_by_side(rows: HeldOut, before: tuple[str, Measured], after: tuple[str, Measured]) -> dict[str, Any]:
    """The measures of two named verifiers, and `difference`: step accuracy of the second less that of the first, with
    its paired 95 % interval."""
    groups = [t.question for t in rows.measured]
    difference = gap(*(step_metrics(one.rows) for _, one in (after, before)))
    return {
        **{name: benchmark_rows(one.rows, groups, one.thresholds) for name, one in (before, after)},
        "difference": dict(zip(("value", "low", "high"), difference, strict=True)),
    }
