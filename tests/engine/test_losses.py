"""The losses against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sapo_engine.training.losses import IGNORE, log_odds, next_log_probs, orpo_losses, step_errors


def test_orpo_by_hand():
    p_w, p_l, beta = 0.6, 0.25, 0.3
    odds = (p_w / (1 - p_w)) / (p_l / (1 - p_l))
    expected = -math.log(p_w) - beta * math.log(odds / (1 + odds))
    loss, margin = orpo_losses(torch.tensor([math.log(p_w)]), torch.tensor([math.log(p_l)]), beta)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert float(margin) == pytest.approx(math.log(odds), rel=1e-5)


def test_log_odds_stays_finite_at_the_ends():
    values = log_odds(torch.tensor([0.0, -1e-9, -800.0]))
    assert torch.isfinite(values).all()
    assert float(log_odds(torch.tensor(math.log(0.5)))) == pytest.approx(0.0, abs=1e-6)


def test_sequence_log_prob_is_the_mean_over_the_completion():
    logits = torch.log(torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [1 / 3, 1 / 3, 1 / 3]]]))
    targets = torch.tensor([[IGNORE, 0, 1, IGNORE]])
    after = targets[:, 1:]
    each = next_log_probs(logits[:, :-1], after)
    assert each[0].tolist() == pytest.approx([math.log(0.5), math.log(0.8), 0.0])
    assert float(each.sum() / (after != IGNORE).sum()) == pytest.approx((math.log(0.5) + math.log(0.8)) / 2)


def test_step_errors_count_labelled_steps_alone():
    scores = torch.tensor([[0.9, 0.2, 0.7], [0.5, 0.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    known = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert step_errors(scores, labels, known).tolist() == pytest.approx([(0.1**2 + 0.2**2) / 2, 0.5**2])
