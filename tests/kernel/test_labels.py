"""Label logic against a brute-force oracle: a scripted reasoner whose truth is known for every prefix."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.labelers.omega import omega
from sapo_studio.domain.labelers.sapo import sapo
from sapo_studio.domain.labelers.shepherd import shepherd
from sapo_studio.domain.labels import detect, drops, from_first_error, monotone, simulate

scores_lists = st.lists(st.floats(0, 1), min_size=1, max_size=16)
cases = st.integers(1, 16).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n), st.integers(1, n)))
"""Number of steps, first wrong step, predicted first wrong step."""


def on_path(error: int):
    """Truth of a wrong trajectory whose first wrong step is `error`: a prefix can be saved iff it ends before it."""
    return lambda prefix: prefix < error


@given(scores_lists)
def test_detect_is_the_earliest_largest_fall(scores):
    fall = [(1.0 if j == 0 else scores[j - 1]) - scores[j] for j in range(len(scores))]
    assert drops(scores) == fall
    best = max(fall)
    assert detect(scores) == next(j for j, d in enumerate(fall) if d == best) + 1


def test_detect_on_the_worked_example():
    assert detect([0.97, 0.95, 0.93, 0.21, 0.18]) == 4
    assert detect([0.1, 0.1]) == 1
    assert detect([0.5, 0.0]) == 1  # equal falls: the earliest


@given(cases)
def test_sapo_writes_what_the_table_says(case):
    n, error, e = case
    verdict, asked = simulate(sapo(e, n), on_path(error))
    before, at = on_path(error)(e - 1), on_path(error)(e)
    if before and not at:
        assert verdict.case == "confirmed"
        assert verdict.labels == "1" * (e - 1) + "0" * (n - e + 1)
    elif before and at:
        assert verdict.case == "later"
        assert verdict.labels == "1" * e + "0" * (n - e)
    else:
        assert verdict.case == "earlier"
        assert verdict.labels == "1" * (e - 2) + "0" * (n - e + 2)
    assert len(asked) <= 2
    assert set(asked) <= {e - 1, e}
    assert n not in asked  # c_n is known
    assert 0 not in asked  # and at e = 1, c_0 decides nothing


def test_noise_is_read_as_later():
    """(0, 1): a success behind a failure is a witness for it."""
    answers = {2: False, 3: True}
    verdict, _ = simulate(sapo(3, 6), answers.__getitem__)
    assert verdict.labels == "111000"


@given(cases)
def test_omega_finds_the_error_in_about_log2_checks(case):
    n, error, _ = case
    verdict, asked = simulate(omega(n), on_path(error))
    assert verdict.labels == from_first_error(error, n)
    assert len(asked) <= math.ceil(math.log2(n)) if n > 1 else not asked


@given(cases)
def test_shepherd_checks_every_prefix_but_the_last(case):
    n, error, _ = case
    verdict, asked = simulate(shepherd(n), on_path(error))
    assert verdict.labels == from_first_error(error, n)
    assert asked == list(range(1, n))


@given(st.text("01?", max_size=20))
def test_monotone_never_rises(labels):
    fixed = monotone(labels)
    known = [c for c in fixed if c != "?"]
    assert known == sorted(known, reverse=True)
    assert [c == "?" for c in fixed] == [c == "?" for c in labels]
    assert all(a != "1" or b == "1" for a, b in zip(labels, fixed, strict=True))


@given(st.integers(1, 12), st.lists(st.booleans(), min_size=12, max_size=12))
def test_noisy_shepherd_is_monotone_and_keeps_every_success(n, noise):
    verdict, _ = simulate(shepherd(n), lambda prefix: noise[prefix])
    assert verdict.labels == monotone(verdict.labels)
    assert verdict.labels[-1] == "0"
    assert all(verdict.labels[p - 1] == "1" for p in range(1, n) if noise[p])


@pytest.mark.parametrize(("error", "labels"), [(0, "1111"), (1, "0000"), (4, "1110")])
def test_from_first_error(error, labels):
    assert from_first_error(error, 4) == labels
