"""Phase `verifier`: V_i = TrainVerifier(init M_i, labels), a fresh head on the current reasoner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.codecs import verifier_codec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import LabeledRow
from sapo_engine.training.trainer import TrainingCallback
from sapo_engine.verifier import training
from sapo_engine.verifier.model import Verifier, fresh_verifier
from sapo_engine.verifier.scoring import predict
from sapo_studio.domain.calibration import Platt, fit_platt
from sapo_studio.domain.runs import PhaseName


def train_verifier(run: RunContext, iteration: int, model: Reasoner, labels: Sequence[LabeledRow]) -> Verifier:
    """V_i, trained on `labels` and calibrated."""
    session = run.session

    def work(phase: PhaseContext) -> Verifier:
        tokens = sum(len(session.text(t)) for t, _ in labels)
        phase.metric("verifier_tokens", tokens * run.config.verifier.epochs)
        verifier = fit_verifier(session, iteration, model, labels, phase, state_file=phase.state_file)
        verifier.calibration = calibrate(session, verifier, labels)
        return verifier

    return run.phase(PhaseName.VERIFIER, iteration, work, verifier_codec(session, model))


def fit_verifier(
    session: RunSession,
    iteration: int,
    model: Reasoner,
    labels: Sequence[LabeledRow],
    callback: TrainingCallback,
    *,
    head: Literal["scalar", "likelihood"] | None = None,
    state_file: Path | None = None,
) -> Verifier:
    """Train a verifier on `labels`; `head` instead of the configured one."""
    config = session.config.verifier
    config = config.model_copy(update={"head": head}) if head else config
    seed = int(session.rng("verifier", iteration).integers(2**31))
    verifier = fresh_verifier(model, config, session.adapters, seed=seed, precision=session.precision)
    session.placement.place(verifier.base)
    verifier.head.to(session.device)
    return training.train_verifier(
        verifier,
        [training.VerifierExample(session.text(t), t.ends, marks) for t, marks in labels],
        config,
        callback,
        seed=seed,
        pad_id=session.pad_id,
        micro_batch=session.config.runtime.micro_batch,
        group=session.group,
        meter=session.meter,
        state_file=state_file,
    )


def calibrate(session: RunSession, verifier: Verifier, labels: Sequence[LabeledRow]) -> Platt:
    """What makes the scores of wrong trajectories probabilities. Their last step is left out: it is known to be
    wrong; expanded rollouts too: the search never meets their like.
    """
    wrong = [(t, marks) for t, marks in labels if not t.correct and t.source == "sample"]
    scores = predict(session, verifier, [t for t, _ in wrong])
    known = [
        (value, mark == "1")
        for t, marks in wrong
        for value, mark in zip(scores[t.number][0][:-1], marks[:-1], strict=True)
        if mark != "?"
    ]
    return fit_platt([value for value, _ in known], [right for _, right in known])
