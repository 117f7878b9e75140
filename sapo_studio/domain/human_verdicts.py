"""What people say of a solution's steps, taken together: a resolution stands first, then what most say, then who spoke
last. Pure.

A neutral step counts as correct, here as in `judgements.first_error`: it is no error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sapo_studio.domain.judgements import UNKNOWN, Judgement, first_error

How = Literal["resolution", "agreement", "latest", "one person"]


@dataclass(frozen=True, slots=True)
class Person:
    """One person's judgements of a solution's steps (from 1 on), those that stand."""

    name: str
    judgements: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Resolution:
    """A third judgement, where people differ: by step, and the first error (0: none)."""

    resolver: str
    judgements: Mapping[int, int]
    first_error: int


@dataclass(frozen=True, slots=True)
class HumanVerdict:
    """What people say of one solution. `first_error`: 0 for none, -1 where they do not say enough; `how` it was found,
    `by` whom. `agreement`: of those who say a first error, the share that says this one; None of one person or none.
    `correct`: of each step that somebody judged, whether it is called correct."""

    first_error: int
    how: How
    by: tuple[str, ...]
    agreement: float | None
    correct: Mapping[int, bool]


def human_verdict(people: Sequence[Person], n_steps: int, resolution: Resolution | None = None) -> HumanVerdict:
    """Take together what `people`, who spoke last first, say of a solution of `n_steps` steps."""
    errors = {person.name: first_error(person.judgements, n_steps) for person in people}
    known = {name: error for name, error in errors.items() if error != UNKNOWN}
    error, how = _first_error(list(known.values()), resolution)
    names = [person.name for person in people]
    if resolution is not None:
        names = list(dict.fromkeys([*names, resolution.resolver]))
    share = sum(one == error for one in known.values()) / len(known) if len(known) > 1 else None
    return HumanVerdict(error, how, tuple(sorted(names)), share, _steps(people, resolution))


def _first_error(errors: Sequence[int], resolution: Resolution | None) -> tuple[int, How]:
    """`errors`: those that people say, who spoke last first."""
    if resolution is not None:
        return resolution.first_error, "resolution"
    if len(errors) < 2:
        return (errors[0] if errors else UNKNOWN), "one person"
    most = Counter(errors).most_common(2)
    if len(most) == 1 or most[0][1] > most[1][1]:
        return most[0][0], "agreement"
    return errors[0], "latest"


def _steps(people: Sequence[Person], resolution: Resolution | None) -> dict[int, bool]:
    votes: dict[int, list[bool]] = {}
    for person in people:
        for step, judgement in person.judgements.items():
            votes.setdefault(step, []).append(judgement != Judgement.WRONG)
    found = {step: _majority(cast) for step, cast in votes.items()}
    if resolution is not None:
        found |= {step: judgement != Judgement.WRONG for step, judgement in resolution.judgements.items()}
    return dict(sorted(found.items()))


def _majority(votes: Sequence[bool]) -> bool:
    """What most say; of as many on both sides, who spoke last (the first vote)."""
    ahead = 2 * sum(votes) - len(votes)
    return votes[0] if ahead == 0 else ahead > 0
