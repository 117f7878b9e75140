"""Omega: binary search with rollouts (OmegaPRM's), which takes it that no path leads back from an error."""

from __future__ import annotations

from sapo_studio.domain.labelers.base import Labeler
from sapo_studio.domain.labels import Checks, Verdict, from_first_error


def omega(n: int) -> Checks:
    """Binary search for the first prefix that cannot be saved: about log2(n) checks. c_0 = 1 and c_n = 0 are
    taken as known.
    """
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if (yield middle):
            low = middle
        else:
            high = middle
    return Verdict(from_first_error(high, n), "searched", high, high)


OMEGA = Labeler(
    key="omega",
    title="Omega",
    help="binary search with rollouts",
    checks=lambda trajectory, _: omega(trajectory.n),
    cases={"searched": "Searched (Omega)"},
    series=0,
)
