"""Tests of differences against scipy, and against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sapo_studio.domain.metrics import wilson
from sapo_studio.domain.paired_tests import apart, bootstrap, mcnemar
from sapo_studio.domain.statistics import compared, mean, unpaired
from sapo_studio.domain.student_t import quantile, two_sided
from tests.fixtures.later import Later

stats = Later("scipy.stats")

counts = st.integers(0, 3000)
shares = st.lists(st.sampled_from([k / 8 for k in range(9)]), min_size=2, max_size=60)
seeds = st.lists(st.floats(0, 1).map(lambda x: round(x, 4)), min_size=2, max_size=12)


@given(counts, counts)
@example(0, 0)
@example(9_000, 11_000)
@example(0, 5_000)
def test_mcnemar_is_the_sign_test_of_the_questions_that_differ(wins, losses):
    want = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert mcnemar(wins, losses) == pytest.approx(want, rel=1e-8, abs=1e-300)


def test_mcnemar_counts_every_way_that_the_coins_may_fall():
    for wins, losses in [(5, 1), (0, 4), (3, 2), (6, 0)]:
        n = wins + losses
        far = sum(abs(2 * sum(coins) - n) >= abs(wins - losses) for coins in itertools.product((0, 1), repeat=n))
        assert mcnemar(wins, losses) == pytest.approx(far / 2**n)


@given(st.floats(-40, 40), st.floats(1, 400))
@example(0.0, 1.0)
@example(1e-9, 3.0)
@example(math.inf, 3.0)
def test_tails_of_t(t, freedom):
    assert two_sided(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9, abs=1e-290)


@given(st.floats(1, 2000), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_quantiles_of_t(freedom, inside):
    assert quantile(freedom, inside) == pytest.approx(stats.t.ppf(0.5 + inside / 2, freedom), rel=1e-8)


@given(seeds)
def test_means_over_seeds(values):
    found = mean(values)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
def test_paired_seeds(pairs):
    found = compared(pairs)
    differences = [a - b for a, b in pairs]
    if np.std(differences) > 1e-9:
        assert found.p == pytest.approx(stats.ttest_1samp(differences, 0.0).pvalue, rel=1e-6, abs=1e-12)


@given(seeds, seeds)
def test_seeds_that_do_not_belong_together(mine, others):
    found = unpaired(mine, others)
    if min(np.var(mine), np.var(others)) > 1e-6:  # scipy loses its digits where values are all but equal
        want = stats.ttest_ind(mine, others, equal_var=False)
        assert found.p == pytest.approx(want.pvalue, rel=1e-6)
        interval = want.confidence_interval()
        assert (found.difference.low, found.difference.high) == pytest.approx(tuple(interval), abs=1e-8)


def test_one_seed_has_no_spread():
    assert unpaired([0.5], [0.4, 0.6]).p is None
    assert unpaired([0.5, 0.5], [0.5, 0.5]).p == 1.0
    assert unpaired([0.5, 0.5], [0.25, 0.25]).p == 0.0


def test_the_bootstrap_draws_questions():
    """Against one that draws them one by one."""
    rng = np.random.default_rng(3)
    differences = rng.choice([-0.5, -0.125, 0.0, 0.0, 0.25, 0.625], size=90)
    found = bootstrap(differences)
    means = rng.choice(differences, size=(20_000, 90)).mean(axis=1)
    assert found.value == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, (0.025, 0.975))), abs=0.006)
    assert found.p == pytest.approx(2 * min((means <= 0).mean(), (means >= 0).mean()), abs=0.015)


def test_a_question_weighs_as_much_as_there_is_of_it():
    """Against one that draws questions one by one, each with all of its steps."""
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 9, size=70)
    differences = np.array([rng.integers(-1, size + 1) for size in sizes])
    found = bootstrap(differences, sizes)
    drawn = rng.integers(0, 70, size=(20_000, 70))
    means = differences[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    assert found.value == pytest.approx(differences.sum() / sizes.sum())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, (0.025, 0.975))), abs=0.01)
    same = bootstrap([0, 0, 0], [1, 2, 3])
    assert (same.value, same.high, same.p) == (0.0, wilson(0, 3).high, 1.0)


@given(shares, st.data())
def test_bootstrap_turned_round(left, data):
    right = data.draw(st.lists(st.sampled_from([k / 8 for k in range(9)]), min_size=len(left), max_size=len(left)))
    there, back = bootstrap(np.subtract(left, right)), bootstrap(np.subtract(right, left))
    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high, there.p) == pytest.approx((-back.high, -back.low, back.p))
    assert there.low - 1e-12 <= there.value <= there.high + 1e-12
    assert -1.0 <= there.low <= there.high <= 1.0
    assert 0.0 < there.p <= 1.0
    differing = int(np.count_nonzero(np.subtract(left, right)))
    assert there.p >= 2.0 ** (1 - differing) or differing == 0


def test_few_questions_show_little():
    assert bootstrap([1.0, 1.0, 1.0]).p == 0.25
    assert bootstrap([1.0] * 3 + [0.0] * 200).p == 0.25
    assert bootstrap([0.0] * 50).p == 1.0
    nothing = bootstrap([0.0] * 50)
    assert (nothing.low, nothing.high) == (-wilson(0, 50).high, wilson(0, 50).high)
    assert bootstrap([1.0] * 30).p < 1e-8
    assert bootstrap([1.0] * 30).high == 1.0 > bootstrap([1.0] * 30).low > 0.7
    with pytest.raises(ValueError, match="no question"):
        bootstrap([])


def test_the_interval_and_p_say_the_same():
    rng = np.random.default_rng(5)
    for shift in np.linspace(0, 0.3, 13):
        differences = np.clip(np.round(rng.normal(shift, 0.5, 200) * 8) / 8, -1, 1)
        found = bootstrap(differences)
        if not 0.03 < found.p < 0.07:
            assert (found.p < 0.05) == (not found.low <= 0.0 <= found.high)


@given(st.integers(0, 400), st.integers(0, 400))
def test_shares_of_different_questions(right, other):
    n, m = 400, 500
    a, b = wilson(right, n), wilson(other, m)
    found = apart((a.value, a.low, a.high), (b.value, b.low, b.high))
    assert found.low <= found.value <= found.high
    if 20 < right < 380 and other > 20:  # where the normal approximation holds
        pooled = (right + other) / (n + m)
        z = abs(found.value) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        assert found.p == pytest.approx(2 * stats.norm.sf(z), abs=0.02)
    back = apart((b.value, b.low, b.high), (a.value, a.low, a.high))
    assert (back.value, back.low, back.high, back.p) == pytest.approx((-found.value, -found.high, -found.low, found.p))
