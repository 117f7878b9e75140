"""Phase `pairs`: winner and loser of the same question, by their mean step scores (eq. 14-15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sapo_engine.numbering import BLOCK
from sapo_engine.phases.codecs import JsonCodec
from sapo_engine.phases.context import PhaseContext, RunContext
from sapo_engine.phases.rows import ROWS
from sapo_engine.text.trajectory import Trajectory
from sapo_studio.domain.runs import PhaseName
from sapo_studio.events.kinds import PairRow, Pairs


@dataclass(frozen=True, slots=True)
class Pair:
    """A right winner and a loser of the same question. `margin` = r(winner) - r(loser)."""

    winner: Trajectory
    loser: Trajectory
    margin: float


def preference_pairs(
    run: RunContext, iteration: int, pool: Sequence[Trajectory], rewards: Mapping[int, float]
) -> list[Pair]:
    """The pairs with r(winner) - r(loser) >= eta, `max_pairs` at most. All candidates are sent."""
    session, config = run.session, run.config.optimiser
    by_number = {t.number: t for t in pool}

    def work(phase: PhaseContext) -> list[tuple[int, int, float]]:
        mine = [t for t in pool if config.history == "all" or t.iteration == iteration]
        ranks = answer_rewards(pool) if config.reward == "answer" else rewards
        seed = int(session.rng("pairs", iteration).integers(2**31))
        candidates = make_pairs(mine, ranks, per_question=config.pairs_per_question, seed=seed)
        good = [k for k, pair in enumerate(candidates) if pair.margin >= config.eta]
        chosen = {good[k] for k in session.rng("few", iteration).permutation(len(good))[: config.max_pairs]}
        first = BLOCK * (iteration + 1)
        for at in range(0, len(candidates), ROWS):
            rows = [
                PairRow(
                    number=first + at + k,
                    question=pair.winner.question,
                    winner=pair.winner.number,
                    loser=pair.loser.number,
                    margin=pair.margin,
                    used=at + k in chosen,
                )
                for k, pair in enumerate(candidates[at : at + ROWS])
            ]
            phase.emit(Pairs(iteration=iteration, rows=rows))
        phase.metric("pairs", len(candidates))
        phase.metric("pairs_used", len(chosen))
        if candidates:
            phase.metric("pairs_used_share", len(chosen) / len(candidates), n=len(candidates))
        if chosen:
            used = [candidates[k] for k in sorted(chosen)]
            phase.metric("winner_tokens", float(np.mean([len(pair.winner.tokens) for pair in used])), n=len(used))
            phase.metric("loser_tokens", float(np.mean([len(pair.loser.tokens) for pair in used])), n=len(used))
        return [(candidates[k].winner.number, candidates[k].loser.number, candidates[k].margin) for k in sorted(chosen)]

    rows = run.phase(PhaseName.PAIRS, iteration, work, JsonCodec())
    return [Pair(by_number[winner], by_number[loser], margin) for winner, loser, margin in rows]


def answer_rewards(pool: Sequence[Trajectory]) -> dict[int, float]:
    """Rewards by the final answer alone, by trajectory number."""
    return {t.number: float(t.correct) for t in pool}


def make_pairs(
    trajectories: Sequence[Trajectory],
    rewards: Mapping[int, float],
    *,
    per_question: int,
    seed: int,
) -> list[Pair]:
    """Candidate pairs of each question, largest margin first, `per_question` at most; no trajectory wins or
    loses twice while another could. The caller keeps those with margin >= eta and shows the rest.

    The winner has a right answer and the loser a wrong one (eq. 15). `rewards` by trajectory number.
    """
    by_question: dict[int, list[Trajectory]] = {}
    for trajectory in trajectories:
        by_question.setdefault(trajectory.question, []).append(trajectory)
    pairs: list[Pair] = []
    for question, mine in sorted(by_question.items()):
        winners = sorted((t for t in mine if t.correct), key=lambda t: -rewards[t.number])
        losers = sorted((t for t in mine if not t.correct), key=lambda t: rewards[t.number])
        if not winners or not losers:
            continue
        rng = np.random.default_rng([seed, question])
        count = min(per_question, len(winners) * len(losers))
        found: list[Pair] = []
        seen: set[tuple[int, int]] = set()
        turn = 0
        while len(found) < count and turn < 4 * count + 8:
            winner = winners[turn % len(winners)] if turn < len(winners) else winners[rng.integers(len(winners))]
            loser = losers[turn % len(losers)] if turn < len(losers) else losers[rng.integers(len(losers))]
            turn += 1
            key = (winner.number, loser.number)
            if key not in seen:
                seen.add(key)
                found.append(Pair(winner, loser, rewards[winner.number] - rewards[loser.number]))
        pairs += sorted(found, key=lambda pair: -pair.margin)
    return pairs
