"""Bins, means, marks that stand for several, stretches of one group, colours."""

from __future__ import annotations

import numpy as np

from sapo_ui import theme
from sapo_ui.features.heatmap.binning import (
    MarkLayer,
    bin_edges,
    bin_marks,
    bin_means,
    count_stretches,
    stretches,
    to_rgba,
)


def test_bins_cover_every_column_once():
    for n in (1, 7, 1000, 20_000):
        edges = bin_edges(0, n, 640)
        assert edges[0] == 0
        assert edges[-1] == n
        assert (np.diff(edges) > 0).all()
        assert len(edges) - 1 == min(n, 640)


def test_means_are_over_the_steps_that_there_are():
    values = np.array([[0.2, np.nan], [0.4, 0.8], [1.0, np.nan]], np.float32)
    means = bin_means(values, np.array([0, 2, 3]))
    assert np.allclose(means, [[0.3, 0.8], [1.0, np.nan]], equal_nan=True)


def test_a_mark_stands_for_the_most_frequent_one_and_a_person_s_always_stays():
    rows = np.array([2, 2, 3, 0, 0, 0, 0, 0, 0, 4])
    edges = np.array([0, 5, 10])
    assert bin_marks(MarkLayer("verified", "square", rows), edges, 5) == [(0, 2)]
    assert bin_marks(MarkLayer("person", "ring", rows, always=True), edges, 5) == [(0, 2), (0, 3), (1, 4)]


def test_stretches_of_groups():
    groups = np.array([1, 1, 2, 2, 2, 1])
    assert stretches(groups, 0, 6) == [(1, 0, 2), (2, 2, 5), (1, 5, 6)]
    assert stretches(groups, 1, 4) == [(1, 1, 2), (2, 2, 4)]
    assert count_stretches(groups, 0, 6) == 3


def test_colours_are_fixed_and_missing_steps_are_not_painted():
    image = to_rgba(np.array([[0.0, 1.0, np.nan]], np.float32), theme.cividis())
    assert image[0, 0, :3].tolist() == theme.cividis()[0].tolist()
    assert image[1, 0, :3].tolist() == theme.cividis()[255].tolist()
    assert image[:, 0, 3].tolist() == [255, 255, 0]
