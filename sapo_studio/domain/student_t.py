"""Student's t distribution, for t tests and their intervals: its tails and its quantiles. Without scipy, which the
program does not need for anything else and whose import takes seconds on a busy machine."""

from __future__ import annotations

import math

_TINY = 1e-300
_STEPS = 10_000
_CLOSE = 1e-15


def two_sided(t: float, freedom: float) -> float:
    """The probability of a value at least as far from 0 as `t`, with so many degrees of freedom (above 0, not
    necessarily whole)."""
    if math.isinf(t):
        return 0.0
    whole = freedom + t * t
    return _incomplete_beta(freedom / 2, 0.5, freedom / whole, t * t / whole)


def quantile(freedom: float, inside: float = 0.95) -> float:
    """The value that so much (0 < `inside` < 1) of the distribution lies closer to 0 than."""
    outside = 1.0 - inside
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > outside:
        low, high = high, 2.0 * high
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if two_sided(middle, freedom) > outside:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """The regularized incomplete beta function at `x`, by its continued fraction (Lentz's method). `rest`: 1 - x, which
    has more digits than x leaves of it where x is close to 1."""
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):  # where the fraction converges slowly its mirror image does not
        return 1.0 - _incomplete_beta(b, a, rest, x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)) / a
    c, d = 1.0, 1.0 / _apart(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _STEPS):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1.0 / _apart(1.0 + part * d)
            c = _apart(1.0 + part / c)
            fraction *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return front * fraction


def _apart(value: float) -> float:
    """Not zero."""
    return value if abs(value) > _TINY else _TINY
