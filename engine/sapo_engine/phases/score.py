"""Phases `score` and `rate`: the verifier's step scores, as predictions of first errors and as rewards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sapo_engine.phases.codecs import NumbersCodec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.label import scored
from sapo_engine.phases.rows import ROWS
from sapo_engine.text.trajectory import Trajectory
from sapo_engine.verifier.model import Verifier
from sapo_engine.verifier.scoring import Prediction, predict
from sapo_studio.domain.runs import PhaseName
from sapo_studio.domain.statistics import correlation
from sapo_studio.events.kinds import ScoreRow, Scores


def score(run: RunContext, iteration: int, verifier: Verifier, samples: Sequence[Trajectory]) -> dict[int, Prediction]:
    """Scores of subset(S_i) by V_{i-1} and the predicted first errors (eq. 8-11), by trajectory number. Where it has
    no right trajectories, of some of these too (`scored`)."""

    def work(phase: PhaseContext) -> dict[int, Prediction]:
        return score_and_emit(phase, verifier, iteration - 1, scored(run.session, iteration, samples))

    return run.phase(PhaseName.SCORE, iteration, work, NumbersCodec())


def rate(run: RunContext, iteration: int, verifier: Verifier, pool: Sequence[Trajectory]) -> dict[int, float]:
    """r(tau) = mean_j v_j with V_i over D_i (eq. 14), by trajectory number."""

    def work(phase: PhaseContext) -> dict[int, float]:
        found = score_and_emit(phase, verifier, iteration, pool)
        rewards = {number: float(np.mean(scores)) for number, (scores, _) in found.items()}
        phase.metric("mean_reward", float(np.mean(list(rewards.values()))), n=len(rewards))
        _report_correlations(phase, [t for t in pool if t.source == "sample"], rewards)
        return rewards

    return run.phase(PhaseName.RATE, iteration, work, NumbersCodec())


def _report_correlations(phase: PhaseContext, sampled: Sequence[Trajectory], rewards: Mapping[int, float]) -> None:
    """Send what the rewards of samples go with: a verifier that rewards length is one to look at."""
    mine = [rewards[t.number] for t in sampled]
    length = correlation(mine, [len(t.tokens) for t in sampled])
    if not math.isnan(length):
        phase.metric("reward_with_length", length, n=len(mine))
    correct = correlation(mine, [float(t.correct) for t in sampled])
    if not math.isnan(correct):
        phase.metric("reward_with_correctness", correct, n=len(mine))


def score_and_emit(
    phase: PhaseContext, verifier: Verifier, version: int, trajectories: Sequence[Trajectory], *, quietly: bool = False
) -> dict[int, Prediction]:
    """Score with V_`version`, send the scores, and return them with the predicted first errors by trajectory number.
    `quietly`: beside other work, of which it is a small part, so that it reports no progress."""
    found: dict[int, Prediction] = {}
    for at in range(0, len(trajectories), ROWS):
        phase.poll_control()
        part = trajectories[at : at + ROWS]
        mine = predict(phase.context.session, verifier, part)
        found |= mine
        rows = [ScoreRow(trajectory=t, scores=scores, predicted=error) for t, (scores, error) in mine.items()]
        phase.emit(Scores(verifier=version, rows=rows))
        if not quietly:
            phase.progress(at + len(part), len(trajectories))
    return found
