"""Measures of a verifier on a process benchmark that hang on a threshold: at one half, at one tuned on held-out rows,
and along a curve (who publishes them differs in which, and the numbers differ by points). And of the ways to make one
score of a solution's steps: each favours other lengths.

Steps count up to and including the first error, as everywhere here: whether a step behind one is right is nobody's to
say. Measures that need a kind of solution or step which is missing are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sapo_studio.domain.aggregation import AGGREGATIONS, aggregate
from sapo_studio.domain.calibration import auroc
from sapo_studio.domain.metrics import json_number

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CURVE = (0.01, *(k / 20 for k in range(1, 20)), 0.99)
"""Thresholds of the curve: the same for every verifier, so that curves can be averaged."""
FOLDS = 5
CANDIDATES = 101
"""At most so many thresholds are tried when one is tuned: quantiles of the scores."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured where a step is called wrong that scores below `threshold`.

    `error_accuracy`: of the solutions with an error, the share whose first one is found exactly (MR-Score's first-error
    accuracy, too). `correct_accuracy`: of those without, the share that is called free of errors. `f1`: their harmonic
    mean (ProcessBench). `prm_score`: the mean of the two F1 of steps, right ones and wrong ones (PRMBench). `mcc`:
    Matthews' correlation of "has an error" as called and as it is (MR-Score). `step_accuracy`: share of steps judged
    rightly.
    """

    threshold: float
    error_accuracy: float
    correct_accuracy: float
    f1: float
    prm_score: float
    mcc: float
    step_accuracy: float

    def to_json(self) -> dict[str, float | None]:
        """As JSON: null where it is NaN."""
        values = {
            "threshold": self.threshold,
            "error_accuracy": self.error_accuracy,
            "correct_accuracy": self.correct_accuracy,
            "f1": self.f1,
            "prm_score": self.prm_score,
            "mcc": self.mcc,
            "step_accuracy": self.step_accuracy,
        }
        return {name: json_number(value) for name, value in values.items()}


@dataclass(frozen=True)
class Benchmark:
    """Scores of solutions' steps, with each solution's first error (1-based; 0: none)."""

    scores: tuple[tuple[float, ...], ...]
    truths: tuple[int, ...]

    @classmethod
    def of(cls, scored: Sequence[tuple[Sequence[float], int]]) -> Benchmark:
        """From pairs of scores and first error. Raises ValueError where an error lies behind the last step."""
        if any(not 0 <= truth <= len(scores) for scores, truth in scored):
            raise ValueError("a first error that is no step of its solution")
        return cls(tuple(tuple(scores) for scores, _ in scored), tuple(truth for _, truth in scored))

    @cached_property
    def _padded(self) -> Floats:
        """Solutions by steps; behind a solution's last step no threshold finds an error."""
        table = np.full((len(self.scores), max(map(len, self.scores), default=0)), np.inf)
        for row, scores in zip(table, self.scores, strict=True):
            row[: len(scores)] = scores
        return table

    @cached_property
    def _truths(self) -> Ints:
        return np.asarray(self.truths, dtype=np.int64)

    @cached_property
    def _wrong_step(self) -> NDArray[np.bool_]:
        """Solutions by steps: the first error."""
        steps = np.arange(1, self._padded.shape[1] + 1)
        return steps[None, :] == self._truths[:, None]

    @cached_property
    def _counts(self) -> NDArray[np.bool_]:
        """Solutions by steps: the steps that count."""
        steps = np.arange(1, self._padded.shape[1] + 1)
        upto = np.where(self._truths == 0, [len(scores) for scores in self.scores], self._truths)
        return steps[None, :] <= upto[:, None]

    def measures(self, thresholds: float | Floats) -> Measures:
        """Measure with one threshold, or with one for each solution (then `threshold` is their mean)."""
        each = np.broadcast_to(np.asarray(thresholds, dtype=np.float64), (len(self.scores),))
        below = self._padded < each[:, None]
        called = _first(below)
        wrong, right = self._truths > 0, self._truths == 0
        exact = called == self._truths
        on_wrong, on_right = _share(exact[wrong]), _share(exact[right])
        called_wrong, is_wrong = below[self._counts], self._wrong_step[self._counts]
        return Measures(
            threshold=thresholds if isinstance(thresholds, float) else float(each.mean()),
            error_accuracy=on_wrong,
            correct_accuracy=on_right,
            f1=_harmonic(on_wrong, on_right),
            prm_score=(_f1(called_wrong, is_wrong) + _f1(~called_wrong, ~is_wrong)) / 2,
            mcc=_matthews(called > 0, wrong),
            step_accuracy=_share(called_wrong == is_wrong),
        )

    def curve(self, thresholds: Sequence[float] = CURVE) -> list[Measures]:
        """The measures at each threshold."""
        return [self.measures(threshold) for threshold in thresholds]

    def tuned(self, groups: Sequence[Hashable] | None = None, folds: int = FOLDS) -> Measures | None:
        """The measures with thresholds tuned on held-out rows: those of each fold are judged with the threshold of
        the best F1 on all other folds (of equals the one nearest one half).

        `groups` keeps what belongs together (solutions of one question) in one fold; without it each row is its own.
        None where a fold's other rows lack one kind of solution, as F1 does not exist there.
        """
        names = list(range(len(self.scores))) if groups is None else list(groups)
        order = {name: k for k, name in enumerate(dict.fromkeys(names))}
        folds = min(folds, len(order))
        if folds < 2:
            return None
        fold_of = np.array([order[name] % folds for name in names])
        chosen = np.zeros(len(names))
        for fold in range(folds):
            best = self.best_threshold(fold_of != fold)
            if best is None:
                return None
            chosen[fold_of == fold] = best
        return self.measures(chosen)

    def best_threshold(self, rows: NDArray[np.bool_] | None = None) -> float | None:
        """The threshold with the best F1 (of equals the one nearest one half) on all rows, or on those that are true in
        `rows`. None where these lack one kind of solution, as F1 does not exist there."""
        rest = np.ones(len(self.truths), dtype=np.bool_) if rows is None else rows
        wrong, right = rest & (self._truths > 0), rest & (self._truths == 0)
        if not wrong.any() or not right.any():
            return None
        candidates, exact = self._tried
        f1 = [_harmonic(_share(row[wrong]), _share(row[right])) for row in exact]
        best = max(range(len(candidates)), key=lambda k: (f1[k], -abs(candidates[k] - 0.5)))
        return float(candidates[best])

    @cached_property
    def _tried(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Thresholds to choose from, and with each of them which first errors are found exactly."""
        candidates = self._candidates()
        called = np.stack([_first(self._padded < threshold) for threshold in candidates])
        return candidates, called == self._truths[None, :]

    def _candidates(self) -> Floats:
        """One half, and thresholds between neighbouring scores, at most CANDIDATES."""
        seen = np.unique(np.array([score for scores in self.scores for score in scores]))
        between = (seen[1:] + seen[:-1]) / 2
        if len(between) > CANDIDATES:
            between = np.unique(np.quantile(between, np.linspace(0, 1, CANDIDATES)))
        return np.unique(np.append(between, 0.5))


def threshold_rows(
    scored: Sequence[tuple[Sequence[float], int]],
    groups: Sequence[Hashable] | None = None,
    tuning: Sequence[tuple[Sequence[float], int]] = (),
) -> dict[str, Any]:
    """`half`, `tuned` (None where nothing could be tuned) and `curve`, as JSON. With rows for `tuning` the threshold is
    theirs; without, see `Benchmark.tuned`."""
    benchmark = Benchmark.of(scored)
    if tuning:
        best = Benchmark.of(tuning).best_threshold()
        tuned = benchmark.measures(best) if best is not None else None
    else:
        tuned = benchmark.tuned(groups)
    return {
        "half": benchmark.measures(0.5).to_json(),
        "tuned": tuned.to_json() if tuned is not None else None,
        "curve": [point.to_json() for point in benchmark.curve()],
    }


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's rank correlation, ties at their mean rank. NaN where one side is the same throughout."""
    if len(a) < 2:
        return math.nan
    first, second = _ranks(a), _ranks(b)
    spread = float(first.std() * second.std())
    return float(((first - first.mean()) * (second - second.mean())).mean() / spread) if spread else math.nan


def aggregation_rows(scored: Sequence[tuple[Sequence[float], int]]) -> dict[str, dict[str, float | None]]:
    """Of each way, by name: `auroc` (a solution without error scores above one with, ties counted half) and
    `length_correlation` (Spearman's, of the solution's score with its number of steps), over all solutions and, as
    `length_correlation_correct`, over those without error alone, where no error explains it. JSON: null where it does
    not exist.
    """
    kept = [(scores, truth) for scores, truth in scored if scores]
    right = [truth == 0 for _, truth in kept]
    sizes = [float(len(scores)) for scores, _ in kept]
    found: dict[str, dict[str, float | None]] = {}
    for name in AGGREGATIONS:
        values = [aggregate(name, scores) for scores, _ in kept]
        correct = [(value, size) for value, size, ok in zip(values, sizes, right, strict=True) if ok]
        found[name] = {
            "auroc": json_number(auroc(values, right)),
            "length_correlation": json_number(rank_correlation(values, sizes)),
            "length_correlation_correct": json_number(
                rank_correlation([v for v, _ in correct], [s for _, s in correct])
            ),
        }
    return found


def _first(below: NDArray[np.bool_]) -> Ints:
    """Of each row the first place that is true, from 1; 0: none."""
    if below.shape[1] == 0:
        return np.zeros(len(below), dtype=np.int64)
    return np.where(below.any(axis=1), below.argmax(axis=1) + 1, 0)


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if hits.size else math.nan


def _harmonic(a: float, b: float) -> float:
    if a != a or b != b:
        return math.nan
    return 2 * a * b / (a + b) if a + b else 0.0


def _f1(called: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """F1 of the class that is true; NaN where there is nothing of it, called or true."""
    both = int((called & true).sum())
    sizes = int(called.sum()) + int(true.sum())
    return 2 * both / sizes if sizes else math.nan


def _matthews(called: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Matthews' correlation coefficient; 0 where everything is called alike, NaN where everything is alike."""
    if not 0 < int(true.sum()) < len(true):
        return math.nan
    if not 0 < int(called.sum()) < len(called):
        return 0.0
    a, b = called.astype(np.float64), true.astype(np.float64)
    return float(((a - a.mean()) * (b - b.mean())).mean() / (a.std() * b.std()))


def _ranks(values: Sequence[float]) -> Floats:
    _, place, counts = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[place].astype(np.float64)
