"""SAPO: two checks around the step that the verifier suspects, or a search that begins there."""

from __future__ import annotations

from sapo_studio.domain.labelers.base import CheckLimits, Labeler, WrongTrajectory
from sapo_studio.domain.labelers.sapo_search import searching
from sapo_studio.domain.labels import Checks, Verdict, from_first_error


def sapo(predicted: int, n: int) -> Checks:
    """Self-verification of a wrong n-step trajectory around `predicted` (eq. 12-13): prefixes e and e-1, two at most.

    Only what can change the labels is asked: c_n = 0 is known; a success from e is a witness for e-1 too (1, 1
    and 0, 1 are labeled alike); at e = 1 what c_0 is makes no difference. With more checks than two there is
    `search.search`.
    """
    e = predicted
    if e < n and (yield e):
        return Verdict(from_first_error(e + 1, n), "later", e, e + 1)
    if e == 1 or (yield e - 1):
        return Verdict(from_first_error(e, n), "confirmed", e, e)
    return Verdict(from_first_error(e - 1, n), "earlier", e, e - 1)


def _checks(trajectory: WrongTrajectory, limits: CheckLimits) -> Checks:
    return searching(trajectory, limits) if limits.max_checks > 2 else sapo(trajectory.predicted, trajectory.n)


SAPO = Labeler(
    key="sapo",
    title="SAPO",
    help="two rollout checks around the verifier's largest drop",
    checks=_checks,
    guided=True,
    cases={"confirmed": "Confirmed", "later": "Later", "earlier": "Earlier", "noise": "Noise"},
    series=5,
)
