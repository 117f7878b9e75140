"""A shadow of a run's verifier, trained from the same start on other labels, held against it on the same held-out rows
(`sapo audit --shadow` asks)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.held_out import held_out, scores_of, side_by_side, trained_on
from sapo_engine.service.torch_setup import set_up_on
from sapo_engine.text.trajectory import LabeledRow
from sapo_engine.training.trainer import NullCallback
from sapo_studio.domain.consensus import LEFT_OUT
from sapo_studio.errors import InputError
from sapo_studio.requests.kinds import ShadowStudyRequest
from sapo_studio.requests.wire import write_progress

TRAINING = 0.9
"""The training's share of the time; the rest is scoring."""


def answer(request: ShadowStudyRequest) -> dict[str, Any]:
    """See ShadowStudyRequest."""
    config = config_of(request.run)
    run = SavedRun(config, request.run, set_up_on(config.runtime, request.device))
    try:
        return _study(run, request.iteration, request.labels)
    finally:
        run.close()


def _study(run: SavedRun, iteration: int, labels: Mapping[int, str]) -> dict[str, Any]:
    own = run.training_set(iteration).labels
    others = _relabeled(run, iteration, own, labels)
    training = [(t, marks) for t, marks in others if set(marks) != {LEFT_OUT}]
    if not training:
        raise InputError(
            "No label is left to train a verifier on", fix="Move the bounds of the filter so that it keeps more."
        )
    rows = held_out(run, run.benchmark())
    model = run.reasoner(max(iteration, 1))
    of_own = scores_of(run, run.verifier(iteration, model), rows)
    of_shadow = trained_on(run, iteration, model, training, rows, _Told())
    before = {t.number: marks for t, marks in own}
    return {
        "run": run.folder.name,
        "iteration": iteration,
        "trained_on": len(training),
        "changed": sum(before.get(t.number) != marks for t, marks in others),
        "gone": len(others) - len(training),
        **side_by_side(rows, ("own", of_own), ("shadow", of_shadow)),
    }


def _relabeled(run: SavedRun, iteration: int, own: list[LabeledRow], labels: Mapping[int, str]) -> list[LabeledRow]:
    """What the verifier was trained on, with `labels` instead; samples that it was not trained on join."""
    known = {t.number: t for t in run.samples_up_to(iteration)} | {t.number: t for t, _ in own}
    named = [(known[number], marks) for number, marks in labels.items() if number in known]
    for t, marks in named:
        if len(marks) != t.n or set(marks) - {"0", "1", LEFT_OUT}:
            raise InputError(
                f"The labels of trajectory {t.number} do not fit it", why=f"It has {t.n} steps; given: {marks!r}."
            )
    trained = {t.number for t, _ in own}
    return [(t, labels.get(t.number, marks)) for t, marks in own] + [
        row for row in named if row[0].number not in trained
    ]


class _Told(NullCallback):
    """Tells how far the training is, in steps of a hundredth."""

    def __init__(self) -> None:
        self._said = -1.0

    def progress(self, done: int, total: int, message: str = "") -> None:
        """See TrainingCallback."""
        del message
        now = TRAINING * done / total if total else 0.0
        if now - self._said >= 0.01:
            self._said = now
            write_progress(now)
