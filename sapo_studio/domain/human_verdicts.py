"""What people say of a solution, taken together: a resolution stands first, then the first error that most say, then
who spoke last; where nobody says enough, what all say together. Its steps are what those say who say that first error,
so that the two never differ. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sapo_studio.domain.judgements import UNKNOWN, Judgement, first_error

How = Literal["resolution", "agreement", "latest", "one person"]


@dataclass(frozen=True, slots=True)
class Person:
    """One person's judgements of a solution's steps (from 1 on), those that stand. `filled`: steps among them that
    nobody looked at, whose judgement follows from where the first error is."""

    name: str
    judgements: Mapping[int, int]
    filled: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Resolution:
    """A third judgement, where people differ: by step, and the first error (0: none). `filled`: as of a `Person`; None
    where nobody kept it."""

    resolver: str
    judgements: Mapping[int, int]
    first_error: int
    filled: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class HumanVerdict:
    """What people say of one solution. `first_error`: 0 for none, -1 where they do not say enough, together either;
    `how` it was found, `by` whom. `agreement`: of those who say a first error, the share that says this one; None of
    one person or none. `steps`: the judgement of each step that has one. All steps up to a first error have one; of
    those behind it only what somebody looked at."""

    first_error: int
    how: How
    by: tuple[str, ...]
    agreement: float | None
    steps: Mapping[int, int]


def human_verdict(people: Sequence[Person], n_steps: int, resolution: Resolution | None = None) -> HumanVerdict:
    """Take together what `people`, who spoke last first, say of a solution of `n_steps` steps."""
    errors = [first_error(person.judgements, n_steps) for person in people]
    known = [error for error in errors if error != UNKNOWN]
    error, how = _first_error(known, resolution)
    names = {person.name for person in people}
    if resolution is None:
        siding = [
            _looked_at(person.judgements, person.filled, error)
            for person, said in zip(people, errors, strict=True)
            if said == error
        ]
    else:
        filled = resolution.filled
        if filled is None:
            filled = filled_if_untold(resolution.judgements, error)
        siding = [_looked_at(resolution.judgements, filled, error)]
        names.add(resolution.resolver)
    steps = _steps(siding, error)
    if error == UNKNOWN and first_error(steps, n_steps) != UNKNOWN:
        # Nobody has judged every step, and together they have: none of them is wrong, or who said so would know one.
        error, how = first_error(steps, n_steps), "agreement"
    share = known.count(error) / len(known) if len(known) > 1 else None
    return HumanVerdict(error, how, tuple(sorted(names)), share, steps)


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


def filled_if_untold(judgements: Mapping[int, int], error: int) -> frozenset[int]:
    """What is taken as filled in where nobody kept it: every incorrect step behind the first error."""
    return frozenset(s for s, said in judgements.items() if 0 < error < s and said == Judgement.WRONG)


def _looked_at(judgements: Mapping[int, int], filled: frozenset[int], error: int) -> Mapping[int, int]:
    """Without what was filled in behind the first error: it says that no path leads back, not what the steps are."""
    if error <= 0 or not filled:
        return judgements
    return {s: said for s, said in judgements.items() if s <= error or s not in filled}


def _steps(siding: Sequence[Mapping[int, int]], error: int) -> dict[int, int]:
    """What most of those say who say the first error; of as many on both sides, who spoke last. Steps before a first
    error that none of them judged are correct, as the error is the first."""
    votes: dict[int, list[int]] = {}
    for judgements in siding:
        for step, judgement in judgements.items():
            votes.setdefault(step, []).append(judgement)
    found = {step: Counter(cast).most_common(1)[0][0] if len(cast) > 1 else cast[0] for step, cast in votes.items()}
    return {**dict.fromkeys(range(1, error), int(Judgement.RIGHT)), **found}
