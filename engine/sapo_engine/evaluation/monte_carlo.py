"""The ceiling: labels that the reasoner itself gives by rollouts from every step (MCE)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sapo_engine.labeling.labelers import checker_for, run_labeler
from sapo_engine.models.reasoner import Reasoner
from sapo_engine.session import RunSession
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.domain.labelers.shepherd import shepherd


def monte_carlo_labels(
    session: RunSession,
    model: Reasoner,
    version: int,
    benchmark: Sequence[Trajectory],
    ungraded: Collection[int] = (),
    tick: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Labels of `benchmark`, one character a step: T rollouts of M_`version` from every step, a right answer being its
    own witness. Those of a question that cannot be graded (`ungraded`) are not labeled: `?`, as long as they are.
    `tick(done, total)` counts wrong trajectories."""
    wrong = [t for t in benchmark if not t.correct and t.question not in ungraded]
    config = session.config
    rollouts = config.evaluation.mce_rollouts
    checker = checker_for(session, model, version, rollouts, min(config.labeling.wave, rollouts))

    def count(done: int) -> None:
        if tick:
            tick(done, len(wrong))

    labeled, _ = run_labeler(wrong, lambda _, t: shepherd(t.n), checker, tick=count)
    found = {item.trajectory.number: item.verdict.labels for item in labeled}
    return [found.get(t.number, ("?" if t.question in ungraded else "1") * t.n) for t in benchmark]
