"""Measures of agreement against scikit-learn and the `krippendorff` package, and what they do where there is nothing to
measure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.domain import agreement as measures
from sapo_studio.domain.agreement import Coefficient, cohen_kappa, confusion, krippendorff_alpha, same_share
from sapo_studio.domain.people import CATEGORIES, Judged, agreement
from tests.fixtures.later import Later

krippendorff, sklearn = Later("krippendorff"), Later("sklearn.metrics")

PEOPLE = ("ann", "ben", "cara")
UNITS = st.dictionaries(st.sampled_from(PEOPLE), st.integers(-1, 3), max_size=3)
TRAJECTORIES = st.lists(st.lists(UNITS, max_size=6), max_size=8)


def both(trajectories, first="ann", second="ben"):
    return [(unit[first], unit[second]) for units in trajectories for unit in units if {first, second} <= unit.keys()]


def table_of(trajectories):
    """As the `krippendorff` package takes it: a row a person, NaN where somebody did not say."""
    units = [unit for units in trajectories for unit in units]
    return np.array([[unit.get(who, np.nan) for unit in units] for who in PEOPLE], dtype=float)


def sound(found: Coefficient):
    """A value with all that belongs to it, or none and why."""
    if found.value is None:
        return bool(found.why) and found.low is None and found.high is None
    numbers = [number for number in (found.value, found.low, found.high) if number is not None]
    interval = (found.low is None) == (found.high is None)
    return interval and not found.why and found.n > 0 and all(map(math.isfinite, numbers))


@settings(max_examples=60)
@given(TRAJECTORIES)
def test_kappa_is_scikit_learn_s(trajectories):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measures, "RESAMPLES", 20)
        found = cohen_kappa(trajectories, "ann", "ben")
    pairs = both(trajectories)
    assert sound(found)
    assert found.n == len(pairs)
    if len({said for pair in pairs for said in pair}) < 2:
        assert found.value is None
    else:
        assert found.value == pytest.approx(sklearn.cohen_kappa_score(*zip(*pairs, strict=True)))


@settings(max_examples=60)
@given(TRAJECTORIES)
def test_alpha_is_the_package_s(trajectories):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(measures, "RESAMPLES", 20)
        found = krippendorff_alpha(trajectories)
    shared = [unit for units in trajectories for unit in units if len(unit) > 1]
    assert sound(found)
    assert found.n == len(shared)
    if len({said for unit in shared for said in unit.values()}) < 2:
        assert found.value is None
    else:
        assert found.value == pytest.approx(krippendorff.alpha(table_of(trajectories), level_of_measurement="nominal"))


def varied(seed: int, n: int = 60):
    """What two people say of five steps of each of `n` trajectories, the incorrect ones of which have something in
    common."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < 0.4
    ann = rng.random((n, 5)) > np.where(wrong, 0.8, 0.1)[:, None]
    return ann, np.where(rng.random((n, 5)) < 0.85, ann, ~ann)


def as_units(ann, ben):
    return [[{"ann": int(a), "ben": int(b)} for a, b in zip(*both, strict=True)] for both in zip(ann, ben, strict=True)]


@pytest.mark.parametrize("measure", [lambda t: cohen_kappa(t, "ann", "ben"), krippendorff_alpha])
def test_the_interval_is_that_of_a_plain_bootstrap_over_trajectories(measure):
    ann, ben = varied(1)
    found = measure(as_units(ann, ben))
    rng = np.random.default_rng(99)
    plain = []
    for _ in range(2000):
        drawn = rng.integers(0, len(ann), len(ann))
        a, b = ann[drawn], ben[drawn]
        by_chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
        plain.append(((a == b).mean() - by_chance) / (1 - by_chance))  # alpha differs by less than a hundredth
    low, high = np.quantile(plain, (0.025, 0.975))
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)
    assert found.low < found.value < found.high
    assert measure(as_units(ann, ben)) == found, "the same seed gives the same interval"


def test_few_people_who_always_agree_have_no_interval():
    always = cohen_kappa([[{"ann": 1, "ben": 1}], [{"ann": 0, "ben": 0}], [{"ann": 1, "ben": 1}]] * 9, "ann", "ben")
    assert (always.value, always.low, always.high, always.n) == (1.0, None, None, 27)
    one = krippendorff_alpha([[{"ann": 1, "ben": 1}, {"ann": 0, "ben": 0}, {"ann": 0, "ben": 1}]])
    assert one.low is None
    assert one.value is not None


def test_resampling_in_batches_changes_nothing(monkeypatch):
    whole = cohen_kappa(as_units(*varied(2)), "ann", "ben", seed=4)
    monkeypatch.setattr(measures, "_NUMBERS_AT_ONCE", 700)
    assert cohen_kappa(as_units(*varied(2)), "ann", "ben", seed=4) == whole


def test_nothing_to_measure_has_a_reason():
    nobody = Coefficient(None, None, None, 0, measures.NOTHING_SHARED)
    assert cohen_kappa([], "ann", "ben") == nobody
    assert cohen_kappa([[{"ann": 1}, {"ben": 1}]], "ann", "ben") == nobody
    assert krippendorff_alpha([[{"ann": 1}]]).why == measures.NOTHING_SHARED_BY_ANY
    assert same_share([{"ann": 1}, {}]).why == measures.NOTHING_SHARED_BY_ANY
    assert cohen_kappa([[{"ann": 1, "ben": 1}] * 3], "ann", "ben").why == measures.ONE_CATEGORY
    assert krippendorff_alpha([[{"ann": 1, "ben": 1}] * 3]).why == measures.ONE_CATEGORY


def test_share_and_table():
    units = [{"ann": 1, "ben": 1}, {"ann": 2, "ben": 0}, {"ann": 0, "ben": 0, "cara": 0}, {"cara": 4}]
    found = same_share(units)
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert 0 < found.low < found.value < found.high < 1
    assert confusion(units, "ann", "ben", (0, 1, 2)) == ((1, 0, 0), (0, 1, 0), (1, 0, 0))
    assert sum(map(sum, confusion(units, "ben", "cara", (0, 1, 2)))) == 1


def test_what_people_say_of_trajectories():
    items = [
        Judged(3, {"ann": {1: 1, 2: -1, 3: -1}, "ben": {1: 1, 2: 1, 3: -1}}),
        Judged(2, {"ann": {1: 1, 2: 1}, "ben": {1: 1, 2: 0}}),
        Judged(2, {"ann": {1: 1, 2: 1}, "ben": {1: 1}, "cara": {1: 1, 2: 1}}),
        Judged(2, {"cara": {1: -1}}),
    ]
    assert [item.differing() for item in items] == [[2], [2], [], []]
    assert [item.differs for item in items] == [True, True, False, False]
    assert items[2].first_errors() == {"ann": 0, "cara": 0}, "ben has not said enough"
    found = agreement(items)
    assert found.people == PEOPLE
    assert (found.trajectories, found.steps) == (3, 7)
    assert found.same_first_error.value == pytest.approx(2 / 3)
    assert found.same_first_error.n == 3
    pair = found.pairs[0]
    assert (pair.first, pair.second, pair.trajectories, pair.steps) == ("ann", "ben", 3, 6)
    assert pair.table == ((1, 0, 1), (0, 0, 0), (0, 1, 3))
    assert CATEGORIES == (-1, 0, 1)
    assert pair.kappa_first_error.value == pytest.approx(sklearn.cohen_kappa_score([2, 0], [3, 0]))
    assert [(pair.first, pair.second) for pair in found.pairs[1:]] == [("ann", "cara"), ("ben", "cara")]
    assert found.pairs[2].trajectories == 1
    assert found.pairs[2].kappa_first_error.value is None
    assert agreement([]).pairs == ()
