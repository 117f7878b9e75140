"""The metrics against hand-computed values and brute force."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.metrics import (
    mean_share,
    pass_at_k,
    predicted_first_error,
    processbench_f1,
    ratio_difference,
    ratio_share,
    self_verification_right,
    step_hits,
    wilson,
)


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample(n, data):
    c = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    samples = [1] * c + [0] * (n - c)
    subsets = list(itertools.combinations(samples, k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(any(s) for s in subsets) / len(subsets))


def test_pass_at_k_needs_k_samples():
    with pytest.raises(ValueError, match="at least 5"):
        pass_at_k(4, 2, 5)


def test_wilson_by_hand():
    share = wilson(8, 10)
    assert (share.value, share.low, share.high) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert math.isnan(wilson(0, 0).value)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_mean_share_holds_its_mean(values):
    share = mean_share(values)
    assert share.low <= share.value + 1e-12
    assert share.value <= share.high + 1e-12
    assert share.value == pytest.approx(sum(values) / len(values))


def test_step_hits_count_up_to_the_first_error():
    assert step_hits([0.9, 0.4, 0.9], truth=2) == (2, 2)  # the third step does not count
    assert step_hits([0.9, 0.6, 0.1], truth=2) == (1, 2)
    assert step_hits([0.5, 0.5], truth=0) == (2, 2)


def test_first_error_and_f1():
    assert predicted_first_error([0.9, 0.49, 0.1]) == 2
    assert predicted_first_error([0.9, 0.5]) == 0
    f1, on_wrong, on_right = processbench_f1([2, 0, 0, 1], [2, 3, 0, 0])
    assert (f1, on_wrong, on_right) == (0.5, 0.5, 0.5)
    assert math.isnan(processbench_f1([0], [0])[0])


def test_ratio_share_and_paired_difference():
    assert ratio_share([2, 1], [2, 2]).value == 0.75
    value, low, high = ratio_difference([2, 2], [2, 1], [2, 2])
    assert value == 0.25
    assert low < value < high
    assert ratio_difference([1, 1], [1, 1], [2, 2]) == (0.0, 0.0, 0.0)


def test_self_verification_is_right_in_three_cases_only():
    assert self_verification_right(True, [0.5, 0.9], "right")
    assert not self_verification_right(True, [0.9, 0.4], "right")
    assert self_verification_right(False, [0.1, 0.1], "confirmed")
    assert not self_verification_right(False, [0.9, 0.1], "later")
    assert not self_verification_right(False, [0.9, 0.1], "earlier")
