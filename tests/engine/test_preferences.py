"""Preference pairs: who may win, who may lose, and how often."""

from __future__ import annotations

import dataclasses
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.phases.pairs import make_pairs
from sapo_engine.text.trajectory import Trajectory


def trajectory(number, question, correct):
    return Trajectory(number, question, 1, 0, "sample", (5, 1), (2,), ("1 + 1 = 2",), correct, "2", None)


@st.composite
def pools(draw):
    outcomes = draw(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=24))
    pool = [trajectory(100 + k, question, correct) for k, (question, correct) in enumerate(outcomes)]
    score = st.floats(0, 1, allow_nan=False, width=32)
    return pool, {t.number: draw(score) for t in pool}


@settings(deadline=None, derandomize=True, max_examples=200)
@given(pools(), st.integers(1, 6), st.integers(0, 5))
def test_pairs_are_what_the_method_says(pool, per_question, seed):
    trajectories, rewards = pool
    pairs = make_pairs(trajectories, rewards, per_question=per_question, seed=seed)
    assert pairs == make_pairs(trajectories, rewards, per_question=per_question, seed=seed)
    assert len({(p.winner.number, p.loser.number) for p in pairs}) == len(pairs)
    assert [p.winner.question for p in pairs] == sorted(p.winner.question for p in pairs)
    for pair in pairs:
        assert pair.winner.correct
        assert not pair.loser.correct
        assert pair.winner.question == pair.loser.question
        assert pair.margin == rewards[pair.winner.number] - rewards[pair.loser.number]
    for question in {t.question for t in trajectories}:
        right = sum(t.correct for t in trajectories if t.question == question)
        wrong = sum(not t.correct for t in trajectories if t.question == question)
        mine = [p for p in pairs if p.winner.question == question]
        assert min(per_question, max(right, wrong) if right and wrong else 0) <= len(mine)
        assert len(mine) <= min(per_question, right * wrong)
        assert [p.margin for p in mine] == sorted((p.margin for p in mine), reverse=True)
        # Nobody comes twice while another could have come instead.
        wins = Counter(p.winner.number for p in mine)
        losses = Counter(p.loser.number for p in mine)
        if len(mine) <= right:
            assert set(wins.values()) <= {1}
        if len(mine) <= wrong:
            assert set(losses.values()) <= {1}


def test_the_best_winner_and_the_worst_loser_come_first():
    pool = [trajectory(k, 0, k < 3) for k in range(6)]
    rewards = {0: 0.7, 1: 0.9, 2: 0.8, 3: 0.4, 4: 0.1, 5: 0.3}
    (pair,) = make_pairs(pool, rewards, per_question=1, seed=0)
    assert (pair.winner.number, pair.loser.number) == (1, 4)


def test_a_question_with_one_outcome_gives_no_pair():
    right = [trajectory(k, 0, True) for k in range(4)]
    wrong = [dataclasses.replace(t, question=1, correct=False) for t in right]
    rewards = {t.number: 0.5 for t in right}
    assert make_pairs([*right, *wrong], rewards, per_question=4, seed=0) == []
