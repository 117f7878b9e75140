"""Bills: what was measured adds up, and an estimate at uniform prices is what the labeler would really have paid."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.labeling.costs import check_cost
from sapo_engine.labeling.labelers import PrefixResult, Rollout
from sapo_studio.domain.labelers.base import CheckLimits, WrongTrajectory
from sapo_studio.domain.labelers.omega import OMEGA
from sapo_studio.domain.labelers.registry import COMPARED
from sapo_studio.domain.labelers.sapo import SAPO
from sapo_studio.domain.labelers.shepherd import SHEPHERD
from sapo_studio.domain.labeling_cost import CostCase, LabelingCost, estimated, measured

STEP, TRIES, WAVE = 4, 4, 2


@st.composite
def cases(draw):
    n = draw(st.integers(2, 10))
    return CostCase(n, draw(st.integers(1, n)), draw(st.integers(1, n)), draw(st.integers(10, 30)))


def one_check(case, prefix):
    """A check in a world where a step is STEP tokens, a failure takes all tries and a success the first wave."""
    right = prefix < case.error
    tokens = tuple(range(STEP * (case.n - prefix)))
    rollouts = [Rollout(0, prefix, tokens, right) for _ in range(WAVE if right else TRIES)]
    return check_cost(PrefixResult(right, rollouts), case.n - prefix, case.prompt_tokens + STEP * prefix, WAVE)


def really(labeler, many):
    checks = []
    for case in many:
        asked = labeler.asked(WrongTrajectory(case.n, case.predicted), CheckLimits(), case.error)
        checks += [one_check(case, prefix) for prefix in asked]
    return checks


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(cases(), min_size=1, max_size=12), st.sampled_from(list(COMPARED.values())))
def test_an_estimate_at_uniform_prices_is_the_real_bill(many, used):
    checks = really(used, many)
    seen = {c.succeeded for c in checks}
    for other in COMPARED.values():
        theirs = really(other, many)
        if not {c.succeeded for c in theirs} <= seen:
            continue  # an outcome that was never seen has no price
        expected, found = measured(theirs), estimated(other, many, checks)
        assert found.rollouts == pytest.approx(expected.rollouts)
        assert found.tokens == pytest.approx(expected.tokens)
        assert found.prefill_tokens == pytest.approx(expected.prefill_tokens)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(cases(), min_size=1, max_size=12))
def test_sapo_never_asks_for_more_than_two_prefixes(many):
    cost = estimated(SAPO, many, really(SHEPHERD, many))
    assert cost.rollouts <= 2 * TRIES * len(many)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(cases(), st.sampled_from(list(COMPARED.values())))
def test_an_open_bracket_is_the_mean_over_where_the_error_may_be(case, labeler):
    checks = really(SHEPHERD, [CostCase(6, 1, 3, 20)])
    closed = [dataclasses.replace(case, error=error) for error in range(case.error, case.n + 1)]
    found = estimated(labeler, [dataclasses.replace(case, latest=case.n)], checks)
    whole = estimated(labeler, closed, checks)
    assert found.rollouts == pytest.approx(whole.rollouts / len(closed))
    assert found.tokens == pytest.approx(whole.tokens / len(closed))
    assert found.prefill_tokens == pytest.approx(whole.prefill_tokens / len(closed))


def test_a_check_counts_its_waves():
    checked = PrefixResult(False, [Rollout(3, 2, (1,) * k, False) for k in (5, 6, 7)])
    cost = check_cost(checked, 4, 20, 2)
    assert (cost.rollouts, cost.tokens, cost.waves, cost.to_go) == (3, 18, 2, 4)
    assert measured([cost, cost]) == LabelingCost(2, 6, 36, 80)


def test_costs_add_up_and_flops_count_every_token():
    total = LabelingCost(1, 1, 10, 100) + LabelingCost(1, 2, 20, 200)
    assert total == LabelingCost(2, 3, 30, 300)
    assert total.flops(1000) == 2 * 1000 * 330
    assert measured([]) == LabelingCost()
    assert estimated(OMEGA, [], []) == LabelingCost()
