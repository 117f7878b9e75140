"""The numbers of docs/method.md section 5, as pure functions. Shares are fractions in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Share:
    """A fraction with its 95 % interval and the number of independent units behind it."""

    value: float
    low: float
    high: float
    n: int


NOTHING = Share(math.nan, 0.0, 1.0, 0)
"""Where there was nothing to count."""


def json_number(value: float) -> float | None:
    """A number as JSON has it: null for NaN."""
    return None if value != value else value


def wilson(successes: float, n: float) -> Share:
    """Share of `n` independent trials (weighted ones may be no whole number), with Wilson's score interval."""
    if n == 0:
        return NOTHING
    p = successes / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    return Share(p, max(0.0, centre - half), min(1.0, centre + half), round(n))


def mean_share(values: Sequence[float]) -> Share:
    """Mean of one value a question (each in [0, 1]) with a normal 95 % interval over questions."""
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        return NOTHING
    mean = float(data.mean())
    if mean in (0.0, 1.0):
        return _without_exception(mean, int(data.size))
    half = Z95 * float(data.std(ddof=1)) / math.sqrt(data.size) if data.size > 1 else 1.0
    return Share(mean, max(0.0, mean - half), min(1.0, mean + half), int(data.size))


def ratio_share(right: Sequence[float], total: Sequence[float]) -> Share:
    """sum(right) / sum(total) over clusters (the steps of a solution, the weighted trajectories of a question), with a
    cluster-robust 95 % interval. One cluster alone tells nothing of how clusters differ: its interval is all of it."""
    hits, sizes = np.asarray(right, dtype=np.float64), np.asarray(total, dtype=np.float64)
    whole = sizes.sum()
    if whole == 0:
        return NOTHING
    p = float(hits.sum() / whole)
    m = len(sizes)
    if p in (0.0, 1.0):
        return _without_exception(p, m)
    residual = hits - p * sizes
    half = Z95 * math.sqrt(float((residual**2).sum()) * m / (m - 1)) / float(whole) if m > 1 else 1.0
    return Share(p, max(0.0, p - half), min(1.0, p + half), m)


def _without_exception(value: float, n: int) -> Share:
    """All of `n` units, or none: they do not vary, but a further one might. Wilson's interval says how often."""
    found = wilson(value * n, n)
    return Share(value, min(value, found.low), max(value, found.high), n)


def ratio_difference(a: Sequence[int], b: Sequence[int], total: Sequence[int]) -> tuple[float, float, float]:
    """(sum(a) - sum(b)) / sum(total) over the same clusters, with its paired 95 % interval: value, low, high."""
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    sizes = np.asarray(total, dtype=np.float64)
    whole = float(sizes.sum())
    if whole == 0:
        return math.nan, -1.0, 1.0
    value = float(difference.sum()) / whole
    m = len(sizes)
    residual = difference - value * sizes
    half = Z95 * math.sqrt(float((residual**2).sum()) * m / max(m - 1, 1)) / whole
    return value, value - half, value + half


def pass_at_k(n: int, c: int, k: int) -> float:
    """Probability that at least one of k of n samples, c of them right, is right (unbiased; Chen et al. 2021)."""
    if k > n:
        raise ValueError(f"pass@{k} needs at least {k} samples, there are {n}")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod((n - c - i) / (n - i) for i in range(k))


def step_hits(scores: Sequence[float], truth: int) -> tuple[int, int]:
    """How many steps, up to and including the first error, [v_j >= 0.5] gets right, and how many there are.
    `truth` 0: no error.
    """
    upto = len(scores) if truth == 0 else truth
    hits = sum((scores[j] >= 0.5) == (truth == 0 or j + 1 < truth) for j in range(upto))
    return hits, upto


def predicted_first_error(scores: Sequence[float]) -> int:
    """The first step scored below 0.5, 1-based; 0 if there is none. (What ProcessBench asks of a verifier.)"""
    return next((j + 1 for j, score in enumerate(scores) if score < 0.5), 0)


def processbench_f1(predicted: Sequence[int], truth: Sequence[int]) -> tuple[float, float, float]:
    """ProcessBench's F1: harmonic mean of the accuracy on erroneous and on correct solutions. Returns f1, the
    two accuracies.
    """
    wrong = [p == t for p, t in zip(predicted, truth, strict=True) if t > 0]
    right = [p == t for p, t in zip(predicted, truth, strict=True) if t == 0]
    on_wrong = sum(wrong) / len(wrong) if wrong else math.nan
    on_right = sum(right) / len(right) if right else math.nan
    if not wrong or not right:
        return math.nan, on_wrong, on_right
    f1 = 0.0 if on_wrong + on_right == 0 else 2 * on_wrong * on_right / (on_wrong + on_right)
    return f1, on_wrong, on_right


def self_verification_right(correct: bool, scores: Sequence[float], case: str) -> bool:
    """Whether the pre-assigned labels survive self-verification. They do in three cases only: right answer and
    all steps 1; wrong answer and all steps 0, confirmed; wrong answer and first error confirmed.
    """
    if correct:
        return all(score >= 0.5 for score in scores)
    return case == "confirmed"
