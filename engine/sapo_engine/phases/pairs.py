"""Preference pairs from trajectories and their mean step scores (eq. 14-15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sapo_engine.text.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Pair:
    """A right winner and a loser of the same question. `margin` = r(winner) - r(loser)."""

    winner: Trajectory
    loser: Trajectory
    margin: float


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
