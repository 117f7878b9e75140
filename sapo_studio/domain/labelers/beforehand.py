"""Which ways to label have a self-verification error: those whose labels a verifier assigns before two checks."""

from __future__ import annotations

from sapo_studio.domain.labelers.registry import LABELERS, NONE


def why_none(labeler: str, detection: str, max_checks: int) -> str:
    """Why there is no self-verification error with this labeler (by key), detection (`verifier` or `random`) and most
    checks a trajectory; empty where there is one."""
    if labeler == NONE:
        return "there is no verifier"
    if not LABELERS[labeler].guided:
        return f"{LABELERS[labeler].title} assigns no labels before it checks"
    if detection != "verifier":
        return "a random step is no prediction of the verifier"
    if max_checks > 2:
        return "a search makes as many checks as it wants, not two"
    return ""
