"""Phase `verifier`: V_i = TrainVerifier(init M_i, labels), a fresh head on the current reasoner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.codecs import verifier_codec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import LabeledRow
from sapo_engine.training.trainer import TrainingCallback
from sapo_engine.verifier import training
from sapo_engine.verifier.cross_fit import cross_fit, tokens_trained_on
from sapo_engine.verifier.model import Verifier, fresh_verifier
from sapo_studio.domain.calibration import CrossFitted
from sapo_studio.domain.runs import PhaseName


def train_verifier(run: RunContext, iteration: int, model: Reasoner, labels: Sequence[LabeledRow]) -> Verifier:
    """V_i, trained on `labels`; calibrated where the next labels are searched for."""
    session = run.session
    searches = run.config.labeling.searches and iteration < run.config.iterations

    def work(phase: PhaseContext) -> Verifier:
        tokens = sum(len(session.text(t)) for t, _ in labels)
        if searches:
            tokens += tokens_trained_on(session, iteration, labels)
        phase.metric("verifier_tokens", tokens * run.config.verifier.epochs)
        calibration = None
        if searches:
            found = calibrate(session, iteration, model, labels, phase, phase.shard)
            calibration = found.map
            if found.steps:
                phase.metric("search_ece_before", found.before, n=found.steps)
                phase.metric("search_ece_after", found.after, n=found.steps)
        verifier = fit_verifier(session, iteration, model, labels, phase, state_file=phase.state_file)
        verifier.calibration = calibration
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
    with session.placement.training(verifier):
        return training.train_verifier(
            verifier,
            [training.VerifierExample(session.text(t), t.ends, marks) for t, marks in labels],
            config,
            callback,
            seed=seed,
            pad_id=session.pad_id,
            micro_tokens=session.config.runtime.micro_tokens,
            compile=session.config.runtime.compile,
            sharded=session.sharded,
            group=session.group,
            meter=session.meter,
            state_file=state_file,
            placement=session.placement,
        )


@dataclass(frozen=True)
class _WithoutCurves:
    """Passes on to `callback` all but training curves: those of V_i alone are its phase's. Implements
    TrainingCallback."""

    callback: TrainingCallback

    def progress(self, done: int, total: int, message: str = "") -> None:
        """See TrainingCallback."""
        self.callback.progress(done, total, message or "calibration")

    def curve(self, name: str, step: int, value: float) -> None:
        """See TrainingCallback."""

    def log(self, message: str, level: str = "info") -> None:
        """See TrainingCallback."""
        if level != "info":  # what it goes on with is the same as that of V_i, which says so itself
            self.callback.log(message, level)

    def poll_control(self, save: Callable[[], None] | None = None) -> None:
        """See TrainingCallback."""
        self.callback.poll_control(save)


def calibrate(
    session: RunSession,
    iteration: int,
    model: Reasoner,
    labels: Sequence[LabeledRow],
    callback: TrainingCallback,
    keep: Callable[[int, Callable[[], bytes]], bytes] = lambda _, make: make(),
) -> CrossFitted:
    """What makes scores of V_i, trained from `model` on `labels`, probabilities for a search: fitted to scores of
    verifiers that were trained likewise on other questions. `keep`: see `cross_fit`.
    """
    quiet = _WithoutCurves(callback)
    return cross_fit(
        session, iteration, labels, lambda part: fit_verifier(session, iteration, model, part, quiet), keep
    )
