"""The trajectories of a question beside each other: which steps are the same, and the first that differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sapo_studio.store.records import SiblingSteps, TraceDetail
from sapo_ui.trajectory.equal_steps import equal_steps


@dataclass(frozen=True)
class Strip:
    """One trajectory. `equal`: so many of its first steps are the open trajectory's; `differs` is the text of the next
    step, empty where there is none. `scores`: a score for each step, None where it has not been scored."""

    id: int
    iteration: int
    sample: int
    correct: bool
    scores: tuple[float | None, ...]
    equal: int
    differs: str
    this: bool = False


def strips(detail: TraceDetail, siblings: Sequence[SiblingSteps], verifier: int | None) -> tuple[Strip, ...]:
    """The open trajectory, then those of its iteration, then the other iterations, the newest first. Scores are those
    of `verifier`; a trajectory that it has not scored shows its newest."""
    own = detail.scores.get(verifier) if verifier is not None else None
    mine: tuple[float | None, ...] = (None,) * len(detail.steps) if own is None else tuple(own.tolist())
    made = [Strip(detail.id, detail.iteration, detail.sample, detail.correct, mine, len(detail.steps), "", this=True)]
    order = sorted(siblings, key=lambda one: (one.iteration != detail.iteration, -one.iteration, one.sample, one.id))
    for one in order:
        scores = one.scores.get(verifier) if verifier is not None else None
        if scores is None and one.scores:
            scores = one.scores[max(one.scores)]
        shown: tuple[float | None, ...] = (None,) * len(one.steps) if scores is None else tuple(scores.tolist())
        equal = equal_steps(detail.steps, one.steps)
        differs = " ".join(one.steps[equal].split()) if equal < len(one.steps) else ""
        made.append(Strip(one.id, one.iteration, one.sample, one.correct, shown, equal, differs))
    return tuple(made)


def neighbour(detail: TraceDetail, siblings: Sequence[SiblingSteps], step: int) -> int | None:
    """The trajectory of the same question in the next iteration that has any (`step` 1), or the one before (-1): the
    same sample, where it is there. None: there is none."""
    later = sorted({one.iteration for one in siblings if (one.iteration - detail.iteration) * step > 0})
    if not later:
        return None
    there = [one for one in siblings if one.iteration == (later[0] if step > 0 else later[-1])]
    return min(there, key=lambda one: (one.sample != detail.sample, one.sample, one.id)).id
