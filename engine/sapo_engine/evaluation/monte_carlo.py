"""To be worded."""

from __future__ import annotations

from collections.abc import Sequence

from sapo_engine.labeling.labelers import run_labeler
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.phases.context import Phase
from sapo_engine.session import Lab
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.domain.labelers.shepherd import shepherd


def monte_carlo_labels(
    lab: Lab, phase: Phase, model: Reasoner, version: int, benchmark: Sequence[Trajectory]
) -> list[str]:
    """The reasoner's own labels of the benchmark: T roll-outs from every step, a right answer being its own witness."""
    wrong = [t for t in benchmark if not t.correct]
    rollouts = lab.config.evaluation.mce_rollouts
    checker = lab.checker(model, version, rollouts, min(lab.config.labeling.wave, rollouts))
    labelled, _ = run_labeler(
        wrong, lambda _, t: shepherd(t.n), checker, tick=lambda done: phase.progress(done, len(wrong))
    )
    found = {item.trajectory.number: item.verdict.labels for item in labelled}
    return [found.get(t.number, "1" * t.n) for t in benchmark]
