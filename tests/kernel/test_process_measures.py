"""Measures by threshold and by aggregation, against their definitions written out."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_studio.domain.aggregation import AGGREGATIONS, aggregate
from sapo_studio.domain.metrics import processbench_f1, step_hits
from sapo_studio.domain.process_measures import (
    CURVE,
    Benchmark,
    aggregation_rows,
    rank_correlation,
    threshold_rows,
)

Scored = list[tuple[list[float], int]]
SCORES = st.one_of(st.sampled_from([0.0, 0.1, 0.49, 0.5, 0.51, 0.9, 1.0]), st.floats(0, 1))


@st.composite
def solutions(draw: st.DrawFn, least: int = 1) -> Scored:
    """Scored solutions with their first errors."""
    found: Scored = []
    for _ in range(draw(st.integers(least, 9))):
        scores = draw(st.lists(SCORES, min_size=1, max_size=6))
        found.append((scores, draw(st.integers(0, len(scores)))))
    return found


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or a == pytest.approx(b, abs=1e-12)


def f1(called: list[bool], true: list[bool]) -> float:
    both = sum(c and t for c, t in zip(called, true, strict=True))
    return 2 * both / (sum(called) + sum(true)) if sum(called) + sum(true) else math.nan


@given(solutions(), SCORES)
def test_they_are_what_their_names_say(scored: Scored, threshold: float):
    found = Benchmark.of(scored).measures(threshold)
    truths = [truth for _, truth in scored]
    called = [next((j for j, s in enumerate(scores, 1) if s < threshold), 0) for scores, _ in scored]
    for mine, wanted in zip(
        (found.f1, found.error_accuracy, found.correct_accuracy), processbench_f1(called, truths), strict=True
    ):
        assert same(mine, wanted)
    steps = [
        (score < threshold, j == truth) for scores, truth in scored for j, score in enumerate(scores[: truth or 9], 1)
    ]
    wrong, is_wrong = [c for c, _ in steps], [t for _, t in steps]
    assert found.step_accuracy == pytest.approx(sum(c == t for c, t in steps) / len(steps))
    positive = f1([not c for c in wrong], [not t for t in is_wrong])
    assert same(found.prm_score, (f1(wrong, is_wrong) + positive) / 2)
    a = sum(c > 0 and t > 0 for c, t in zip(called, truths, strict=True))
    b = sum(c > 0 and t == 0 for c, t in zip(called, truths, strict=True))
    c = sum(c == 0 and t > 0 for c, t in zip(called, truths, strict=True))
    d = len(truths) - a - b - c
    if not (a + c and b + d):
        assert math.isnan(found.mcc)
    else:
        under = math.sqrt((a + b) * (a + c) * (d + b) * (d + c))
        assert found.mcc == pytest.approx((a * d - b * c) / under if under else 0.0, abs=1e-9)


@given(solutions())
def test_at_one_half_they_are_what_a_run_measures(scored: Scored):
    hits = [step_hits(scores, truth) for scores, truth in scored]
    assert Benchmark.of(scored).measures(0.5).step_accuracy == pytest.approx(
        sum(right for right, _ in hits) / sum(size for _, size in hits)
    )


def test_a_true_verifier_whose_half_lies_elsewhere_is_found_out_by_the_tuned_threshold():
    """Scores that tell right from wrong perfectly, at 0.2 instead of one half."""
    scored = [([0.3, 0.35, 0.3], 0), ([0.3, 0.1, 0.3], 2)] * 10
    found = threshold_rows(scored)
    assert found["half"]["f1"] == 0.0  # everything is called wrong at its first step
    assert found["half"]["correct_accuracy"] == 0.0
    assert found["half"]["mcc"] == 0.0
    assert found["tuned"]["f1"] == found["tuned"]["prm_score"] == found["tuned"]["mcc"] == 1.0
    assert 0.1 < found["tuned"]["threshold"] < 0.3
    assert [row["threshold"] for row in found["curve"]] == list(CURVE)
    assert max(row["f1"] for row in found["curve"]) == 1.0


def test_the_tuned_threshold_never_saw_the_rows_it_judges():
    """Two questions, each solved perfectly by a threshold that fails the other: tuned on its own rows it would be 1."""
    low, high = [([0.2], 0), ([0.1], 1)], [([0.9], 0), ([0.8], 1)]
    scored = low * 4 + high * 4
    tuned = Benchmark.of(scored).tuned(["low"] * 8 + ["high"] * 8)
    assert tuned is not None
    assert tuned.f1 == 0.5  # each judged by the other's: all called right, or all called wrong
    apart = Benchmark.of(scored).tuned()
    assert apart is not None


@given(solutions(), st.integers(1, 4))
@settings(max_examples=50)
def test_a_questions_solutions_stay_together_and_json_has_no_nan(scored: Scored, questions: int):
    rows = threshold_rows(scored, [k % questions for k in range(len(scored))])
    json.dumps(rows, allow_nan=False)
    json.dumps(aggregation_rows(scored), allow_nan=False)
    assert questions > 1 or rows["tuned"] is None


@pytest.mark.parametrize("truth", [-1, 3])
def test_an_error_that_is_no_step_is_refused(truth: int):
    with pytest.raises(ValueError, match="no step"):
        Benchmark.of([([0.5, 0.5], truth)])


def test_ways_to_make_one_score_and_how_they_go_with_length():
    assert {name: aggregate(name, [0.5, 1.0, 0.8]) for name in AGGREGATIONS} == {
        "mean": pytest.approx(2.3 / 3),
        "min": 0.5,
        "last": 0.8,
        "product": pytest.approx(0.4),
    }
    assert aggregate("product", []) == 0.0
    # All steps score alike: only the product falls with length, as no error explains.
    rows = aggregation_rows([([0.9] * n, 0) for n in range(1, 9)] + [([0.9, 0.1], 2)])
    assert rows["product"]["length_correlation_correct"] == pytest.approx(-1.0)
    assert rows["mean"]["auroc"] == rows["min"]["auroc"] == rows["last"]["auroc"] == 1.0
    assert rows["last"]["length_correlation_correct"] is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12))
def test_rank_correlation_is_that_of_the_ranks(pairs: list[tuple[int, int]]):
    def ranks(values: list[int]) -> list[float]:
        return [sum(o < v for o in values) + (sum(o == v for o in values) + 1) / 2 for v in values]

    a, b = ranks([x for x, _ in pairs]), ranks([y for _, y in pairs])
    n = len(pairs)
    x, y = [v - sum(a) / n for v in a], [v - sum(b) / n for v in b]
    under = math.sqrt(sum(v * v for v in x) * sum(v * v for v in y))
    wanted = sum(p * q for p, q in zip(x, y, strict=True)) / under if under else math.nan
    assert same(rank_correlation([p for p, _ in pairs], [q for _, q in pairs]), wanted)
