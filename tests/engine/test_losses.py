"""The losses against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sapo_engine.training.losses import log_odds, next_log_probs, orpo_losses, step_errors


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


def test_each_token_has_the_probability_that_its_logits_say():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]))
    each = next_log_probs(logits, torch.tensor([0, 1]))
    assert each.tolist() == pytest.approx([math.log(0.5), math.log(0.8)])


def test_step_errors_count_labelled_steps_alone():
    scores = torch.tensor([[0.9, 0.2, 0.7], [0.5, 0.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    known = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert step_errors(scores, labels, known).tolist() == pytest.approx([(0.1**2 + 0.2**2) / 2, 0.5**2])
