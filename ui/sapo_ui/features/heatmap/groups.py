"""The groups of the order that the heatmap's columns stand in: trajectories with the first error at the same step, of
the same question, ..."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sapo_studio.store.codec import row_numbers
from sapo_studio.store.records import UNKNOWN, HeatmapData

Ints = npt.NDArray[np.int64]
Names = dict[int, tuple[str, str]]
"""The whole and the short name of each group."""


def groups_of(data: HeatmapData, sort: str) -> tuple[Ints, Names]:
    """The group of each column, and what groups are called, in an order of `HeatmapQuery.sort`."""
    match sort:
        case "first_error":
            return _by_first_error(data)
        case "score":
            tenths = np.clip(np.nan_to_num(_means(data)) * 10, 0, 9).astype(np.int64)
            return tenths, {n: (f"mean {n / 10:.1f} to {(n + 1) / 10:.1f}", f"{n / 10:.1f}") for n in range(10)}
        case "length":
            steps = data.n_steps.astype(np.int64)
            return steps, {n: (f"{n} step{'' if n == 1 else 's'}", str(n)) for n in np.unique(steps).tolist()}
        case "disagreement":
            off = np.minimum(_disagreement(data), 99)
            names: Names = {n: (f"off by {n} to {n + 1} steps", f"{n}\u2013{n + 1}") for n in np.unique(off).tolist()}
            return off, {**names, UNKNOWN: ("no labels", "none")}
        case _:
            questions = row_numbers(data.question_ids)
            return questions, {n: (f"q {n}", str(n)) for n in np.unique(questions).tolist()}


def first_errors(data: HeatmapData) -> Ints:
    """The first error that columns are sorted by: verified, else true, else predicted. 0: none, -1: not known."""
    verified, truth = data.verified.astype(np.int64), data.truth.astype(np.int64)
    known = np.where(verified >= 0, verified, truth)
    return np.where(known >= 0, known, data.predicted.astype(np.int64))


def _by_first_error(data: HeatmapData) -> tuple[Ints, Names]:
    errors = first_errors(data)
    names: Names = {n: (f"error at {n}", f"at {n}") for n in np.unique(errors).tolist() if n > 0}
    return errors, {**names, 0: ("no error", "none"), UNKNOWN: ("not known", "?")}


def _means(data: HeatmapData) -> npt.NDArray[np.float64]:
    there = ~np.isnan(data.scores)
    return np.where(there, data.scores, 0).sum(axis=1) / np.maximum(1, there.sum(axis=1))


def _disagreement(data: HeatmapData) -> Ints:
    """Whole steps by which the scores are off, as the store sorts by it; -1 where there is nothing to be off from."""
    verified, truth = data.verified.astype(np.int64), data.truth.astype(np.int64)
    reference = np.where(verified >= 0, verified, truth)
    right = np.where(reference == 0, data.n_steps.astype(np.int64), reference - 1)
    off = np.abs(_means(data) * data.n_steps - right).astype(np.int64)
    return np.where(reference >= 0, off, UNKNOWN)
