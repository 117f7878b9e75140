"""What grading the reference answers against themselves has found, as numbers of the run."""

from __future__ import annotations

from sapo_engine.phases.context import PhaseContext


def golds_metrics(phase: PhaseContext) -> None:
    """Reference answers and programs that are not graded as equal to themselves, of each set of questions. They were
    found before the run began, and it asks none of their questions."""
    for name, golds in phase.context.session.golds():
        phase.metric("bad_golds", len(golds.bad), n=golds.checked, set=name)
        phase.metric("bad_golds_share", len(golds.bad) / golds.checked, n=golds.checked, set=name)
