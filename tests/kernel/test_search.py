"""The search with noise: Bayes' rule against a table, and where it ends."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.labels import from_first_error, simulate
from sapo_studio.domain.search import Noise, Price, falling, least_checks, prior, search, updated

scores_lists = st.lists(st.floats(0, 1), min_size=1, max_size=16)
noises = st.builds(Noise, hit=st.floats(0.6, 0.999), slip=st.floats(0.001, 0.4))


@given(scores_lists)
def test_the_prior_is_a_distribution_that_rules_nothing_out(scores):
    belief = prior(scores)
    assert math.isclose(sum(belief), 1.0)
    assert min(belief) > 0


def test_the_prior_is_how_the_scores_fall():
    """Marginals of one unknown: what is lost between two steps is the probability that the error lies there."""
    belief = prior([0.9, 0.9, 0.2, 0.1, 0.7])
    assert [round((p - 0.02) / 0.9, 6) for p in belief] == [0.1, 0.0, 0.7, 0.1, 0.1]


def test_a_rise_is_noise_and_the_fall_after_it_no_news():
    """The error at step 3 stays where the belief is, however often the score recovers a little behind it."""
    belief = prior([0.9, 0.9, 0.2, 0.4, 0.1, 0.3, 0.1])
    assert belief.index(max(belief)) == 2
    assert belief[3] == pytest.approx(0.1 / 7)  # pooled with the step before it
    assert belief[4] == pytest.approx(0.1 / 7 + 0.9 * (0.3 - 0.2))
    assert belief[2] == pytest.approx(0.1 / 7 + 0.9 * (0.9 - 0.3))


@given(scores_lists)
def test_falling_is_the_nearest_that_falls(scores):
    found = falling(scores)
    assert all(later <= before + 1e-12 for before, later in itertools.pairwise(found))
    # The projection on a convex cone: what is left is orthogonal to it and points away from every member.
    left = [score - value for score, value in zip(scores, found, strict=True)]
    assert sum(a * b for a, b in zip(left, found, strict=True)) == pytest.approx(0.0, abs=1e-9)
    sums = list(itertools.accumulate(left))
    assert max(sums) <= 1e-9
    assert sums[-1] == pytest.approx(0.0, abs=1e-9)


def test_what_falls_already_stays():
    assert falling([1.0, 0.8, 0.8, 0.1]) == [1.0, 0.8, 0.8, 0.1]


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(1, 7), st.booleans()), max_size=5), noises)
def test_bayes_rule_against_the_joint_distribution(n, seen, noise):
    belief = start = prior([1 - step / n for step in range(1, n + 1)])
    for prefix, succeeded in seen:
        belief = updated(belief, prefix, succeeded, noise)

    def likelihood(error):
        rates = [(noise.hit if prefix < error else noise.slip, succeeded) for prefix, succeeded in seen]
        return math.prod(rate if succeeded else 1 - rate for rate, succeeded in rates)

    joint = [p * likelihood(error) for error, p in enumerate(start, start=1)]
    assert belief == pytest.approx([p / sum(joint) for p in joint])


@given(scores_lists, st.data())
def test_without_noise_it_ends_at_the_error_that_it_was_told(scores, data):
    n = len(scores)
    error = data.draw(st.integers(1, n))
    sure = Noise(hit=1 - 1e-9, slip=1e-9)
    verdict, asked = simulate(search(scores, max_checks=64, confidence=0.99, noise=sure), lambda prefix: prefix < error)
    assert verdict.labels == from_first_error(error, n)
    assert verdict.verified == error
    assert len(set(asked)) == len(asked) <= max(n - 1, 0)
    assert all(1 <= prefix < n for prefix in asked)


@given(scores_lists, st.integers(0, 5), st.floats(0.51, 0.99), st.integers(1, 16))
def test_it_keeps_to_its_limits(scores, most, confidence, error):
    answers = {}
    noise = Noise()

    def truth(prefix):
        answers[prefix] = prefix < error
        return answers[prefix]

    verdict, asked = simulate(search(scores, max_checks=most, confidence=confidence), truth)
    belief = prior(scores)
    for prefix in asked:
        assert max(belief) < confidence  # it would not have asked further
        belief = updated(belief, prefix, answers[prefix], noise)
    assert len(asked) == most or max(belief) >= confidence or len(asked) == len(scores) - 1
    assert verdict.verified == belief.index(max(belief)) + 1


def test_a_sure_verifier_needs_no_check():
    verdict, asked = simulate(search([1.0, 1.0, 0.0, 0.0], max_checks=9, confidence=0.9), lambda _: False)
    assert asked == []
    assert verdict.labels == "1100"
    assert verdict.case == "confirmed"


def test_a_dear_check_waits():
    """Of two prefixes that tell as much, the one with fewer steps to write is asked."""
    belief_is_even = [2 / 3, 1 / 3, 0.0]
    _, asked = simulate(search(belief_is_even, max_checks=1, confidence=0.9), lambda _: True)
    assert asked == [2]


def test_told_by_brute_force():
    noise, after = Noise(0.9, 0.2), 0.3
    joint = {
        (right, seen): (after if right else 1 - after) * (rate if seen else 1 - rate)
        for right, rate in ((True, noise.hit), (False, noise.slip))
        for seen in (True, False)
    }
    shares = {seen: joint[True, seen] + joint[False, seen] for seen in (True, False)}
    told = sum(
        p * math.log2(p / ((after if right else 1 - after) * shares[seen])) for (right, seen), p in joint.items()
    )
    assert noise.told(after) == pytest.approx(told)
    assert noise.capacity == pytest.approx(max(noise.told(k / 1000) for k in range(1001)), abs=1e-4)


def test_a_symmetric_channel_has_the_textbook_capacity():
    p = 0.1
    assert Noise(1 - p, p).capacity == pytest.approx(1 + p * math.log2(p) + (1 - p) * math.log2(1 - p))


def test_no_search_beats_the_bound():
    """Over errors drawn from the prior and noisy answers, the mean number of checks stays above the bound at the
    confidence that was reached in truth."""
    rng = random.Random(0)
    noise = Noise(0.97, 0.03)
    scores = [0.95, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05]
    belief = prior(scores)
    checks = right = 0
    trials = 1500
    for _ in range(trials):
        error = rng.choices(range(1, 9), belief)[0]
        work = search(scores, max_checks=64, confidence=0.9, noise=noise, price=Price(1, 1))
        verdict, asked = simulate(
            work, lambda prefix, error=error: rng.random() < (noise.hit if prefix < error else noise.slip)
        )
        checks += len(asked)
        right += verdict.verified == error
    assert checks / trials >= least_checks(belief, right / trials, noise)
    assert right / trials >= 0.87  # what it believes is so


def test_a_search_keeps_what_it_promises():
    """With errors drawn from the prior and checks as noisy as it takes them to be, it is right as often as it says."""
    rng = random.Random(4)
    scores = [0.95, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1, 0.05]
    belief = prior(scores)
    for confidence in (0.6, 0.8, 0.9):
        verdicts, right = [], 0
        for _ in range(1500):
            error = rng.choices(range(1, 9), belief)[0]
            work = search(scores, max_checks=64, confidence=confidence)
            verdict, _ = simulate(work, lambda prefix, e=error: rng.random() < (0.97 if prefix < e else 0.03))
            verdicts.append(verdict)
            right += verdict.verified == error
        promised = sum(verdict.confidence for verdict in verdicts) / 1500
        assert promised >= confidence
        assert right / 1500 == pytest.approx(promised, abs=0.03)


def test_the_price_of_waves():
    assert Price.of(4, 2) == Price(2, 4)
    assert Price.of(1, 8) == Price(1, 1)
    assert Price(2, 4).expected(0.5, 3) == 9


def test_bound_of_an_even_prior_without_noise():
    for n, confidence in itertools.product((2, 4, 8), (1 - 1e-12,)):
        assert least_checks([1 / n] * n, confidence, Noise(1 - 1e-15, 1e-15)) == pytest.approx(math.log2(n), abs=1e-6)


def test_the_verdict_is_compared_with_the_prediction_that_it_is_told():
    for predicted, case in ((0, "confirmed"), (1, "later"), (4, "earlier")):
        work = search([1.0, 1.0, 0.0, 0.0], max_checks=9, confidence=0.9, predicted=predicted)
        verdict, _ = simulate(work, lambda _: False)
        assert (verdict.verified, verdict.predicted, verdict.case) == (3, predicted or 3, case)
