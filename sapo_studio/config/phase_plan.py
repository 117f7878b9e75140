"""Which phases a run goes through, in the order of Algorithm 1: for the loop that works them off, and the forecast."""

from __future__ import annotations

from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.runs import PhaseName, PlannedPhase

WEIGHTS = {
    PhaseName.SFT: 8.0,
    PhaseName.BENCHMARK: 1.0,
    PhaseName.SAMPLE: 3.0,
    PhaseName.SCORE: 0.5,
    PhaseName.LABEL: 3.0,
    PhaseName.VERIFIER: 5.0,
    PhaseName.RATE: 1.5,
    PhaseName.PAIRS: 0.1,
    PhaseName.ALIGN: 3.0,
    PhaseName.EVALUATE: 1.5,
}
"""Rough shares of time, for the first forecast; the parent replaces them by what it measures."""


def plan(config: RunConfig) -> list[PlannedPhase]:
    """The phases that a run of `config` goes through, in order."""
    if not config.iterations:
        # Nothing learns from labels or a verifier: the reasoner is measured alone.
        names = [(PhaseName.SFT, 0), (PhaseName.EVALUATE, 0)]
        return _planned(config, names)
    verifies = config.labeling.labeler != "none"
    names: list[tuple[PhaseName, int]] = [(PhaseName.SFT, 0)]
    for i in range(config.iterations + 1):
        if i or verifies:
            names.append((PhaseName.SAMPLE, i))
        if verifies:
            names += [(PhaseName.SCORE, i)] if i else []
            names += [(PhaseName.LABEL, i), (PhaseName.VERIFIER, i), (PhaseName.RATE, i)]
        names += [(PhaseName.PAIRS, i), (PhaseName.ALIGN, i)] if i else [(PhaseName.BENCHMARK, 0)]
        names.append((PhaseName.EVALUATE, i))
    return _planned(config, names)


def _planned(config: RunConfig, names: list[tuple[PhaseName, int]]) -> list[PlannedPhase]:
    return [PlannedPhase(ordinal, name.value, i, _weight(config, name, i)) for ordinal, (name, i) in enumerate(names)]


def _weight(config: RunConfig, name: PhaseName, iteration: int) -> float:
    weight = WEIGHTS[name]
    if name is PhaseName.SFT and config.warmup.epochs == 0:
        return 0.05
    if name in (PhaseName.SAMPLE, PhaseName.LABEL, PhaseName.VERIFIER) and iteration == 0:
        return weight * min(1.0, config.labeling.start_trajectories / config.labeling.trajectories)
    if name is PhaseName.RATE:
        return weight * (iteration + 0.3)
    return weight
