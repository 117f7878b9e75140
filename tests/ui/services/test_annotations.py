"""Judgements: what a key press means."""

from __future__ import annotations

from sapo_ui.services.annotations import JudgeAction, judgements_of


def test_acts():
    assert judgements_of(JudgeAction("wrong", 2), 4) == {2: -1}
    assert judgements_of(JudgeAction("neutral", 2), 4) == {2: 0}
    assert judgements_of(JudgeAction("right", 2), 4) == {2: 1}
    assert judgements_of(JudgeAction("first_error", 3), 4) == {1: 1, 2: 1, 3: -1, 4: -1}
    assert judgements_of(JudgeAction("no_error", 3), 3) == {1: 1, 2: 1, 3: 1}
    assert judgements_of(JudgeAction("undo", 3), 3) == {}
