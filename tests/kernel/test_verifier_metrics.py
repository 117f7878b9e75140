"""Step metrics of a verifier: the same numbers for a run's metrics and for `sapo evaluate`, from one measurement."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.domain.labels import from_first_error
from sapo_studio.domain.metrics import (
    predicted_first_error,
    processbench_f1,
    ratio_difference,
    ratio_share,
    step_hits,
    wilson,
)
from sapo_studio.domain.verifier_metrics import gap, label_scores, step_metrics


@st.composite
def solutions(draw: st.DrawFn) -> list[tuple[list[float], int]]:
    """Scored solutions with their first errors."""
    found: list[tuple[list[float], int]] = []
    for _ in range(draw(st.integers(1, 8))):
        scores = draw(st.lists(st.floats(0, 1), min_size=1, max_size=7))
        found.append((scores, draw(st.integers(0, len(scores)))))
    return found


@given(solutions())
def test_the_numbers_are_those_of_their_formulas(scored: list[tuple[list[float], int]]):
    found = step_metrics(scored)
    hits, sizes = zip(*(step_hits(scores, truth) for scores, truth in scored), strict=True)
    predicted, truths = [predicted_first_error(scores) for scores, _ in scored], [truth for _, truth in scored]
    assert (found.hits, found.sizes) == (hits, sizes)
    assert found.step_accuracy == ratio_share(hits, sizes)
    exact = sum(p == t for p, t in zip(predicted, truths, strict=True))
    assert found.first_error_accuracy == wilson(exact, len(scored))
    assert found.first_error_accuracy.value == exact / len(scored)
    assert found.step_accuracy.value == sum(hits) / sum(sizes)
    wanted = processbench_f1(predicted, truths)
    for value, other in zip((found.f1, found.accuracy_on_wrong, found.accuracy_on_right), wanted, strict=True):
        assert value == other or (math.isnan(value) and math.isnan(other))


@given(solutions(), st.data())
def test_the_gap_is_paired(scored: list[tuple[list[float], int]], data: st.DataObject):
    labels = [data.draw(st.text("01?", min_size=len(scores), max_size=len(scores))) for scores, _ in scored]
    verifier = step_metrics(scored)
    ceiling = step_metrics([(label_scores(mine), truth) for mine, (_, truth) in zip(labels, scored, strict=True)])
    assert ceiling.sizes == verifier.sizes
    assert gap(ceiling, verifier) == ratio_difference(ceiling.hits, verifier.hits, verifier.sizes)
    assert gap(ceiling, verifier)[0] == pytest.approx(ceiling.step_accuracy.value - verifier.step_accuracy.value)


def test_true_labels_are_all_right():
    truths = [(5, 0), (5, 3), (1, 1)]
    found = step_metrics([(label_scores(from_first_error(error, n)), error) for n, error in truths])
    assert (found.step_accuracy.value, found.first_error_accuracy.value, found.f1) == (1.0, 1.0, 1.0)
    assert found.sizes == (5, 3, 1)


@given(solutions())
def test_the_json_has_no_number_that_json_lacks(scored: list[tuple[list[float], int]]):
    row = json.loads(json.dumps(step_metrics(scored).to_json(), allow_nan=False))
    assert row["solutions"] == len(scored)
    assert row["steps"] == sum(point["n"] for point in row["reliability"]) == sum(step_metrics(scored).sizes)
    kinds = {truth > 0 for _, truth in scored}
    assert (row["f1"] is None) == (len(kinds) == 1)
    assert (row["accuracy_on_wrong"] is None) == (True not in kinds)
